"""Strawberry's adapter of a WebSocket, without errors if the client has closed it."""

from collections.abc import Mapping

from starlette.websockets import WebSocketState
from strawberry.asgi import ASGIWebSocketAdapter
from strawberry.http.exceptions import WebSocketDisconnected


class WebSocketAdapter(ASGIWebSocketAdapter):
    """Sends messages, and closes the WebSocket, unless it is closed already."""

    @property
    def _is_closed(self) -> bool:
        return self.ws.application_state is WebSocketState.DISCONNECTED

    async def send_json(self, message: Mapping[str, object]) -> None:
        """Send a message; raises WebSocketDisconnected if the WebSocket is closed."""
        if self._is_closed:
            raise WebSocketDisconnected
        await super().send_json(message)

    async def close(self, code: int, reason: str) -> None:
        """Close the WebSocket; do nothing if it is closed already."""
        if not self._is_closed:
            await super().close(code, reason)
