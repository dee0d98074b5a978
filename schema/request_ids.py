"""Gives each request an id that its log lines, its errors and its answer carry."""

import re
import time
from collections.abc import Awaitable, Callable, Mapping
from secrets import token_hex

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from models.reach import kept
from schema.cors import Cors
from schema.proxy import TrustedProxies
from schema.security_headers import AnswerHeaders

REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
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
    without any routing between. So it is here that a client is told from the proxy that it came
    by, that preflights are answered, and that every answer gets the headers that all have.
    """

    def __init__(
        self,
        app: ASGIApp,
        direct: Mapping[str, ASGIApp],
        log: LogRequest,
        *,
        cors: Cors,
        proxies: TrustedProxies,
    ) -> None:
        self._app = app
        self._direct = direct
        self._log = log
        self._cors = cors
        self._headers = AnswerHeaders(cors)
        self._proxies = proxies if proxies.are_any else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on under its id."""
        kind = scope["type"]
        if kind not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        if self._proxies is not None:
            self._proxies.reveal(scope)
        wanted, origin = b"", None
        for name, value in scope["headers"]:
            if name == b"x-request-id":
                wanted = value
            elif name == b"origin":
                origin = value
        request_id = wanted.decode() if REQUEST_ID.fullmatch(wanted) else token_hex(16)
        scope.setdefault("state", {})["request_id"] = request_id
        headers = (
            (b"x-request-id", request_id.encode()),
            *self._headers.of(scope["scheme"], origin),
        )
        path, started = scope["path"], time.perf_counter()

        def send_with_id(message: Message) -> Awaitable[None]:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *headers]
                ms = (time.perf_counter() - started) * 1000
                shown = path if path in self._direct else without_secrets(path)
                self._log(request_id, scope["method"], shown, message["status"], ms)
            elif message["type"] == "websocket.accept":
                self._log(request_id, "GET", without_secrets(path), 101, 0.0)
            return send(message)

        answer = self._direct.get(path, self._app) if kind == "http" else self._app
        if origin is not None and kind == "http" and scope["method"] == "OPTIONS":
            answer = self._cors.preflight(origin, scope["headers"]) or answer
        # Servers give each request a task of its own; a caller within one reaches as far as before.
        with kept():
            bound = structlog.contextvars.bind_contextvars(request_id=request_id)
            try:
                await answer(scope, receive, send_with_id)
            finally:
                structlog.contextvars.reset_contextvars(**bound)
