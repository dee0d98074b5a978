"""Gives each request an id that its log lines, its errors and its answer carry."""

import re
import time
from collections.abc import Callable, Mapping
from uuid import uuid4

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
SECRET = re.compile(r"[^/]{32,}")
"""Parts of a path that are as long as the token of a link, and longer than any id of ours."""


def without_secrets(path: str) -> str:
    """Give a path as it may be logged: links from mails hold tokens (R67)."""
    return SECRET.sub("…", path)


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
                path = without_secrets(scope["path"])
                self._log(request_id, scope["method"], path, message["status"], ms)
            elif message["type"] == "websocket.accept":
                self._log(request_id, "GET", without_secrets(scope["path"]), 101, 0.0)
            await send(message)

        answer = self._direct.get(scope["path"], self._app) if kind == "http" else self._app
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            await answer(scope, receive, send_with_id)
