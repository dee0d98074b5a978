"""Gives each request an id that its log lines, its errors and its answer carry."""

import re
import time
from uuid import uuid4

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = structlog.get_logger(__name__)

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


class RequestIds:
    """Gives each request an id: taken from X-Request-Id, or made; logged, and sent back."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on under its id."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        wanted = next((v for k, v in scope["headers"] if k == b"x-request-id"), b"").decode(
            "latin1"
        )
        request_id = wanted if REQUEST_ID.fullmatch(wanted) else str(uuid4())
        scope.setdefault("state", {})["request_id"] = request_id

        started = time.perf_counter()

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [
                    *message.get("headers", []),
                    (b"x-request-id", request_id.encode()),
                ]
                log.info(
                    "request",
                    method=scope["method"],
                    path=scope["path"],
                    status=message["status"],
                    ms=round((time.perf_counter() - started) * 1000, 1),
                )
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            await self._app(scope, receive, send_with_id)
