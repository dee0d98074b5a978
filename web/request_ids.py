"""Gives each request an id, which its log lines, errors and answer contain."""

import re
import time
from collections.abc import Awaitable, Iterable, Mapping
from contextlib import AbstractContextManager
from secrets import token_hex
from typing import Any, Protocol

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from models.storage.statement_time import current_statement_time
from models.storage.tenant_scope import preserve_tenant_scope
from schema.base.request_notes import RequestNotes
from web.cors import Cors
from web.proxy import TrustedProxies, address_of
from web.security_headers import AnswerHeaders, Header

REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
SECRET = re.compile(r"[^/]{32,}")
"""Matches a part of a path that may be the token of a link; ids are shorter."""


def without_secrets(path: str) -> str:
    """Return the path of a request for the log, without the secret tokens of links (R67)."""
    return SECRET.sub("…", path)


CACHE_CONTROL = b"cache-control"
SWITCHED, FORBIDDEN = 101, 403
"""HTTP statuses of an upgrade to a WebSocket that was accepted, and of one that was refused."""

MAX_PATH = 200
"""The maximum number of characters of a path in a log line; a client may send 64 KB."""


class Log(Protocol):
    """Writes the log lines of requests and WebSockets (observability/request_log.py)."""

    def request(
        self,
        notes: RequestNotes,
        request_id: str,
        method: str,
        path: str,
        ms: float,
        *,
        is_complete: bool = True,
    ) -> None:
        """Log an HTTP request that was answered, or a WebSocket that was opened.

        `ms` is the time taken, in milliseconds. `is_complete` is False if the answer was not sent
        to its end.
        """

    def running(self, traceparent: str | None) -> AbstractContextManager[object]:
        """Return the context in which an operation on a WebSocket runs until it is logged.

        `traceparent` names the span of the client that it is part of (W3C Trace Context).
        """

    def operation(self, notes: RequestNotes, request_id: str, ms: float, ended: str) -> None:
        """Log that an operation on a WebSocket ended; `ended` says how, `ms` after how long."""

    def socket(self, event: str, notes: RequestNotes, request_id: str, **more: Any) -> None:
        """Log an event of a WebSocket, such as its end, with the fields `more`."""


class _Sender:
    """Sends the answer of a request or a WebSocket, and logs it once at its end."""

    __slots__ = (
        "_has_ended",
        "_headers",
        "_log",
        "_method",
        "_path",
        "_request_id",
        "_send",
        "_started",
        "notes",
    )

    def __init__(
        self, log: Log, scope: Scope, path: str, headers: Iterable[Header], send: Send
    ) -> None:
        self._log = log
        self._path = path if len(path) <= MAX_PATH else f"{path[:MAX_PATH]}…"
        self._method: str = scope.get("method", "GET")
        self._started = time.perf_counter()
        self._has_ended = False
        self._send = send
        self._headers = headers
        """The headers to add to the answer."""
        self._request_id: str = scope["state"]["request_id"]
        self.notes = RequestNotes(address_of(scope))

    def __call__(self, message: Message) -> Awaitable[None]:
        """Send an ASGI message to the client; remember its status and size for the log."""
        kind = message["type"]
        if kind == "http.response.start":
            message["headers"] = self._with_common(message.get("headers", ()))
            self.notes.status = message["status"]
        elif kind == "http.response.body":
            self._note_body(message)
        else:
            self._note_of_socket(kind, message)
        return self._send(message)

    def _with_common(self, own: Iterable[Header]) -> list[Header]:
        """Return the headers of an answer, and the common ones; Cache-Control may be its own."""
        for name, _ in own:
            if name == CACHE_CONTROL:
                return [*own, *(one for one in self._headers if one[0] != CACHE_CONTROL)]
        return [*own, *self._headers]

    def _note_body(self, message: Message) -> None:
        self.notes.bytes += len(message.get("body", b""))
        if not message.get("more_body", False):
            self._end()

    def _note_of_socket(self, kind: str, message: Message) -> None:
        notes = self.notes
        if kind == "websocket.http.response.start":  # the upgrade to a WebSocket is refused
            notes.status = message["status"]
        elif kind == "websocket.http.response.body":
            self._note_body(message)
        elif kind == "websocket.accept":
            notes.status = SWITCHED
            self._end()
        elif kind == "websocket.close":
            if not notes.status:  # the upgrade is refused without an answer of its own
                notes.status = FORBIDDEN
                self._end()
            elif notes.code is None:
                notes.code = message.get("code")

    def leave(self) -> None:
        """Log the end of a WebSocket, or an HTTP answer that was not sent to its end."""
        if self.notes.status == SWITCHED:
            seconds = round(time.perf_counter() - self._started, 1)
            self._log.socket(
                "socket_closed",
                self.notes,
                self._request_id,
                code=self.notes.code,
                s=seconds,
                operations=self.notes.events,
                bytes=self.notes.bytes,
            )
        elif not self._has_ended:
            self._end(is_complete=False)

    def _end(self, *, is_complete: bool = True) -> None:
        self._has_ended = True
        ms = (time.perf_counter() - self._started) * 1000
        self._log.request(
            self.notes, self._request_id, self._method, self._path, ms, is_complete=is_complete
        )


class RequestIds:
    """The outermost ASGI app: gives each request an id, and sends the id back in X-Request-Id.

    The id is that of the request's own X-Request-Id header, if it has a valid one. This app also
    replaces the address of a trusted proxy by that of its client, answers CORS preflights, and adds
    the headers that all answers have. `direct` maps paths to apps that get their requests without
    routing; all other requests go to `app`.
    """

    def __init__(
        self,
        app: ASGIApp,
        direct: Mapping[str, ASGIApp],
        log: Log,
        *,
        cors: Cors,
        proxies: TrustedProxies,
        version: str,
    ) -> None:
        self._app = app
        self._direct = direct
        self._log = log
        self._cors = cors
        self._headers = AnswerHeaders(cors, version)
        self._proxies = proxies if proxies.are_any else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Give a request an id, pass it on to the wrapped ASGI app, and log it."""
        kind = scope["type"]
        if kind not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        if self._proxies is not None:
            self._proxies.apply_forwarded(scope)
        wanted, origin = b"", None
        for name, value in scope["headers"]:
            if name == b"x-request-id":
                wanted = value
            elif name == b"origin":
                origin = value
        request_id = wanted.decode() if REQUEST_ID.fullmatch(wanted) else token_hex(16)
        scope.setdefault("state", {})["request_id"] = request_id
        path = scope["path"]
        shown = path if path in self._direct else without_secrets(path)
        common = self._headers.of(scope["scheme"], origin)
        headers = ((b"x-request-id", request_id.encode()), *common)
        sender = _Sender(self._log, scope, shown, headers, send)
        answer = self._direct.get(path, self._app) if kind == "http" else self._app
        if origin is not None and kind == "http":
            self._cors.note_refused(origin, scope["headers"])
            if scope["method"] == "OPTIONS":
                answer = self._cors.preflight(origin, scope["headers"]) or answer
        # A server runs each request in a separate task. A caller that awaits this app in its own
        # task, such as a test, must have its own tenant scope again afterwards.
        with preserve_tenant_scope():
            bound = structlog.contextvars.bind_contextvars(request_id=request_id)
            noted = current_statement_time.set(sender.notes)
            try:
                await answer(scope, receive, sender)
            finally:
                sender.leave()
                current_statement_time.reset(noted)
                structlog.contextvars.reset_contextvars(**bound)
