"""Gives each request an id that its log lines, its errors and its answer carry."""

import re
import time
from collections.abc import Callable, Mapping
from uuid import uuid4

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")

LogRequest = Callable[[str, str, str, int, float], None]
"""Notes a request: its id, its method, its path, the status of the answer, and milliseconds."""


class RequestIds:
    """Gives each request an id: taken from X-Request-Id, or made; logged, and sent back.

    It is the outermost of all, and hands the requests of `direct` paths to who answers them,
    without any routing between.
    """

    def __init__(self, app: ASGIApp, direct: Mapping[str, ASGIApp], log: LogRequest) -> None:
        self._app = app
        self._direct = direct
        self._log = log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on under its id."""
        kind = scope["type"]
        if kind not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        wanted = next((v for k, v in scope["headers"] if k == b"x-request-id"), b"").decode(
            "latin1"
        )
        request_id = wanted if REQUEST_ID.fullmatch(wanted) else str(uuid4())
        scope.setdefault("state", {})["request_id"] = request_id
        header = (b"x-request-id", request_id.encode())
        started = time.perf_counter()

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), header]
                ms = (time.perf_counter() - started) * 1000
                self._log(request_id, scope["method"], scope["path"], message["status"], ms)
            await send(message)

        answer = self._direct.get(scope["path"], self._app) if kind == "http" else self._app
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            await answer(scope, receive, send_with_id)
