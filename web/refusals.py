"""Error answers of all routes but the GraphQL endpoint: as its JSON, or as text for browsers.

Messages of unexpected exceptions are not shown to clients.
"""

from collections.abc import Mapping
from typing import Any

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from models.storage.database_faults import DatabaseFault
from models.storage.fault_log import report
from schema.base.errors import ErrorCode, RequestRefused, masked, unavailable
from schema.base.request_notes import note_errors
from web.close_codes import REASONS, TRY_AGAIN_LATER

CODES = {401: ErrorCode.UNAUTHENTICATED, 403: ErrorCode.FORBIDDEN, 404: ErrorCode.NOT_FOUND}
"""Error codes by HTTP status; the code of any other status is BAD_REQUEST."""

CLOSED_BY_BUG = 1011
"""WebSocket close code for an unexpected exception in the server."""

JSON = "application/json; charset=utf-8"

TRANSIENT = frozenset(
    {
        ErrorCode.COMPANIES_HOUSE_UNAVAILABLE,
        ErrorCode.OVERLOADED,
        ErrorCode.SIGN_IN_UNAVAILABLE,
        ErrorCode.TIMEOUT,
        ErrorCode.UNAVAILABLE,
    }
)
"""The codes of refusals after which the same request may succeed later; their status is 503."""

STATUSES = {
    ErrorCode.CURSOR_EXPIRED: 410,
    ErrorCode.FORBIDDEN: 403,
    ErrorCode.INTERNAL_ERROR: 500,
    ErrorCode.NOT_FOUND: 404,
    ErrorCode.RATE_LIMITED: 429,
    ErrorCode.UNAUTHENTICATED: 401,
    **dict.fromkeys(TRANSIENT, 503),
}
"""HTTP statuses by error code of a refused request; the status of any other code is 400."""


def refusal(
    request: Request,
    status: int,
    message: str,
    headers: dict[str, str] | None = None,
    *,
    code: ErrorCode | None = None,
    request_id: str | None = None,
    details: Mapping[str, Any] | None = None,
) -> Response:
    """Return an error answer: a GraphQL error, or text for a browser that opens an address.

    By default, `code` follows from `status`. `details` are shown in JSON only.
    """
    extensions: dict[str, Any] = {
        "code": (code or CODES.get(status, ErrorCode.BAD_REQUEST)).value,
        **(details or {}),
    }
    note_errors([{"extensions": extensions}])
    if _wants_page(request):
        quoted = "" if request_id is None else f"requestId: {request_id}\n"
        return PlainTextResponse(f"{message}\n{quoted}", status, headers)
    if request_id is not None:
        extensions["requestId"] = request_id
    body = orjson.dumps({"errors": [{"message": message, "extensions": extensions}]})
    return Response(body, status, headers, JSON)


def refused_answer(request: Request, refused: RequestRefused) -> Response:
    """Return an error answer whose status follows from the code of `refused`.

    It has a Retry-After header if `refused` says when to retry.
    """
    details = refused.extensions or {}
    seconds = details.get("retryAfterSeconds")
    headers = {} if seconds is None else {"Retry-After": str(seconds)}
    status = STATUSES.get(refused.code, 400)
    message = refused.message
    if refused.code is ErrorCode.RATE_LIMITED and _wants_page(request):
        message = in_one_line(refused)
    return refusal(request, status, message, headers, code=refused.code, details=details)


def in_one_line(refused: RequestRefused) -> str:
    """Return the message of a refusal, followed by the seconds to wait, on one line."""
    return f"{refused.message} Try again in {(refused.extensions or {})['retryAfterSeconds']} s."


def _wants_page(request: Request) -> bool:
    """Return whether a browser asks for a page to show, so that JSON would only puzzle its user."""
    accepted = request.headers.get("accept", "").lower()
    return "text/html" in accepted and "json" not in accepted


def answer_http_exception(request: Request, raised: Exception) -> Response:
    """Return the answer for an unknown path, or a method that the path does not support."""
    assert isinstance(raised, HTTPException)  # noqa: S101  # it is registered for these
    headers = dict(raised.headers or {})
    return refusal(request, raised.status_code, f"{raised.detail}.", headers)


async def _answer_fault(
    fault: DatabaseFault, scope: Scope, receive: Receive, send: Send, *, has_begun: bool
) -> None:
    """Answer that the database is unavailable; close a WebSocket with TRY_AGAIN_LATER.

    If an HTTP answer has begun, nothing more is sent.
    """
    if scope["type"] == "websocket":
        code = TRY_AGAIN_LATER
        await send({"type": "websocket.close", "code": code, "reason": REASONS[code]})
    elif not has_begun:
        answer = unavailable_answer(Request(scope), fault)
        await answer(scope, receive, send)


def unavailable_answer(request: Request, fault: DatabaseFault) -> Response:
    """Return a 503 answer, with Retry-After, for a fault of the database."""
    message, extensions = unavailable(fault)
    headers = {"Retry-After": str(fault.retry_after)}
    return refusal(request, 503, message, headers, code=ErrorCode.UNAVAILABLE, details=extensions)


class MaskedFailures:
    """ASGI middleware that answers unexpected exceptions with an error that hides their message.

    The error contains the request id, by which the exception is found in the log.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on to the app; if the app raises an exception, answer with an error."""
        has_begun = False

        async def note(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await self._app(scope, receive, note)
        except Exception as error:
            if scope["type"] == "lifespan":
                raise
            fault = report("request_failed", error)
            if fault is not None:
                await _answer_fault(fault, scope, receive, send, has_begun=has_begun)
                return
            request_id: str = scope["state"]["request_id"]
            if scope["type"] == "websocket":
                reason = f"An error occurred in the server; requestId {request_id}"
                await send({"type": "websocket.close", "code": CLOSED_BY_BUG, "reason": reason})
                return
            if has_begun:
                # The answer is not finished, so that the client sees that it is incomplete.
                raise
            message, extensions = masked(request_id)
            code = ErrorCode(extensions["code"])
            failed = refusal(Request(scope), 500, message, code=code, request_id=request_id)
            await failed(scope, receive, send)
