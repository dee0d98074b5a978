"""What routes beside GraphQL refuse with: a code in JSON or a line of text, and failures masked."""

import orjson
import structlog
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from schema.errors import ErrorCode, masked
from schema.request_notes import note_errors

log = structlog.get_logger(__name__)

CODES = {401: ErrorCode.UNAUTHENTICATED, 403: ErrorCode.FORBIDDEN, 404: ErrorCode.NOT_FOUND}
"""The codes of statuses; every other is a bad request."""

CLOSED_BY_BUG = 1011
"""The code of a WebSocket that is closed because something went wrong on our side."""


def refusal(
    request: Request,
    status: int,
    message: str,
    headers: dict[str, str] | None = None,
    *,
    code: ErrorCode | None = None,
    request_id: str | None = None,
) -> Response:
    """Answer a refusal: in the form of GraphQL's errors to who asks for JSON, else as a line."""
    extensions = {"code": (code or CODES.get(status, ErrorCode.BAD_REQUEST)).value}
    note_errors([{"extensions": extensions}])
    if "json" not in request.headers.get("accept", "").lower():
        return PlainTextResponse(f"{message}\n", status, headers)
    if request_id is not None:
        extensions["requestId"] = request_id
    body = orjson.dumps({"errors": [{"message": message, "extensions": extensions}]})
    return Response(body, status, headers, "application/json")


def answer_http_exception(request: Request, raised: Exception) -> Response:
    """Answer what routing refuses: an unknown path, or a method that a path does not take."""
    assert isinstance(raised, HTTPException)  # noqa: S101  # it is registered for these
    headers = dict(raised.headers or {})
    return refusal(request, raised.status_code, f"{raised.detail}.", headers)


class MaskedFailures:
    """Answers what went wrong on our side with no more than the request id."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and answer in its place should it fail."""
        has_begun = False

        async def note(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await self._app(scope, receive, note)
        except Exception:
            if scope["type"] == "lifespan":
                raise
            log.exception("request_failed")
            request_id: str = scope["state"]["request_id"]
            if scope["type"] == "websocket":
                reason = f"Something went wrong on our side; requestId {request_id}"
                await send({"type": "websocket.close", "code": CLOSED_BY_BUG, "reason": reason})
                return
            if has_begun:
                # An answer without its end is what tells the client that it is not whole.
                raise
            message, extensions = masked(request_id)
            code = ErrorCode(extensions["code"])
            failed = refusal(Request(scope), 500, message, code=code, request_id=request_id)
            await failed(scope, receive, send)
