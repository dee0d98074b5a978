"""Cross-origin requests (CORS): web pages of allowed origins may call the API.

The API uses no cookies, so a browser adds no credentials of its own accord. A page signs in with an
Authorization header, and the browser first sends a preflight request to ask whether it may do so.
"""

import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import structlog
from starlette.types import ASGIApp, Receive, Scope, Send

log = structlog.get_logger(__name__)

Header = tuple[bytes, bytes]

ORIGIN = re.compile(r"([a-z][a-z0-9+.-]*)://([a-z0-9_.-]+|\[[0-9a-f:.]+\])(:(?:\d{1,5}|\*))?")
DEFAULT_PORTS = {"http": ":80", "https": ":443"}
ANY_PORT = ":*"
PORT = re.compile(rb"(?::\d{1,5})?")

HEADER_NAMES = re.compile(rb"[A-Za-z0-9!#$%&'*+.^_`|~, -]{1,4000}")
"""Matches the list of header names that a preflight request asks for."""

USUAL_HEADERS = b"Authorization, Content-Type, Idempotency-Key, X-Request-Id"
PREFLIGHT = (
    (b"access-control-allow-methods", b"GET, POST"),
    # Browsers may cache the answer for this number of seconds, the maximum that they accept.
    (b"access-control-max-age", b"7200"),
)
SHOWN_HEADERS = (
    b"X-Request-Id, Retry-After, RateLimit, RateLimit-Policy, GraphQL-Cost,"
    b" WWW-Authenticate, Content-Disposition, Idempotent-Replayed"
)

VARY = (b"vary", b"Origin")
REFUSAL = b"Pages of this origin may not call the API. Its operator can allow it in CORS_ORIGINS.\n"
REFUSAL_HEADERS = (
    (b"content-type", b"text/plain; charset=utf-8"),
    (b"content-length", b"%d" % len(REFUSAL)),
)

LOG_WINDOW_S = 60.0
MAX_LOGGED = 10
"""Refused origins that are logged in `LOG_WINDOW_S`, since anybody can send any origin."""
MAX_LOGGED_LENGTH = 200


def parsed_origin(text: str) -> str:
    """Return an origin in the form that browsers send: lowercase, without a default port.

    The port may be `*`, for every port. Raises ValueError for any other text, such as `null`,
    another wildcard, or a URL with a path.
    """
    match = ORIGIN.fullmatch(text.strip().lower().removesuffix("/"))
    if match is None:
        raise ValueError(
            "CORS_ORIGINS must be origins (scheme, host and, if needed, port), such as"
            " https://app.example"
        )
    scheme, host, port = match.groups()
    return f"{scheme}://{host}{'' if port == DEFAULT_PORTS.get(scheme) else port or ''}"


def is_cross_site(headers: Mapping[str, str], own: str | None) -> bool:
    """Return whether the form in a request with these headers was sent by a page of another site.

    `own` is the origin of this service, None if unknown. Current browsers send Sec-Fetch-Site. For
    older browsers the Origin header decides; it is `null` for our own pages, since they send no
    referrer. Programs other than browsers send neither header, and count as our own pages.
    """
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site not in {"same-origin", "none"}
    origin = headers.get("origin", "null")
    if origin in {"null", own}:
        return False
    return origin.partition("://")[2] != headers.get("host")


@dataclass(eq=False)
class RefusedOrigins:
    """Logs refused origins with the setting that allows them, each at most once a minute."""

    now: Callable[[], float] = time.monotonic
    _logged: set[bytes] = field(default_factory=set)
    _since: float = 0.0

    def note(self, origin: bytes) -> None:
        if self.now() - self._since >= LOG_WINDOW_S:
            self._since = self.now()
            self._logged.clear()
        if origin in self._logged or len(self._logged) >= MAX_LOGGED:
            return
        self._logged.add(origin)
        log.warning(
            "origin_refused",
            origin=origin[:MAX_LOGGED_LENGTH].decode("latin-1"),
            advice="Pages of this origin may not call the API. To allow it, set CORS_ORIGINS.",
        )


class Cors:
    """Decides which origins may call the API, and which CORS headers their answers get.

    `own_origin` is the origin of this service, None if unknown. Its pages need no CORS headers.
    """

    def __init__(
        self,
        origins: Iterable[str] = (),
        own_origin: str | None = None,
        refused: RefusedOrigins | None = None,
    ) -> None:
        parsed = [parsed_origin(origin) for origin in origins]
        self._exact = frozenset(one.encode() for one in parsed if not one.endswith(ANY_PORT))
        self._with_any_port = tuple(
            one.removesuffix(ANY_PORT).encode() for one in parsed if one.endswith(ANY_PORT)
        )
        self._own = own_origin
        self._refused = refused or RefusedOrigins()
        self._default: tuple[Header, ...] = (VARY,) if parsed else ()

    def allows(self, origin: bytes) -> bool:
        """Return whether pages of an origin, as browsers send it, may call the API."""
        return origin in self._exact or any(
            origin.startswith(one) and PORT.fullmatch(origin, len(one)) is not None
            for one in self._with_any_port
        )

    def allows_socket(self, origin: str) -> bool:
        """Return whether pages of another host's origin may open a WebSocket; log it if not."""
        raw = origin.encode("latin-1", "replace")
        is_allowed = origin == self._own or self.allows(raw)
        if not is_allowed:
            self._refused.note(raw)
        return is_allowed

    def headers_for(self, origin: bytes | None) -> tuple[Header, ...]:
        """Return the CORS headers of answers to an origin; None is a request without one."""
        if origin is None or not self.allows(origin):
            return self._default
        return (
            VARY,
            (b"access-control-allow-origin", origin),
            (b"access-control-expose-headers", SHOWN_HEADERS),
        )

    def preflight(self, origin: bytes, headers: Iterable[Header]) -> ASGIApp | None:
        """Return the app that answers a preflight request, which needs no token.

        None if the request is no preflight. The origin of a refused one is logged.
        """
        given = dict(headers)
        if b"access-control-request-method" not in given:
            return None
        if not self.allows(origin):
            self._refused.note(origin)
            return _refuse_preflight
        wanted = given.get(b"access-control-request-headers", b"")
        allowed = wanted if HEADER_NAMES.fullmatch(wanted) else USUAL_HEADERS
        return _Preflight((*PREFLIGHT, (b"access-control-allow-headers", allowed)))

    def note_refused(self, origin: bytes, headers: Iterable[Header]) -> None:
        """Log the origin of a request, unless it is allowed, or our own."""
        if self.allows(origin):
            return
        given = {name.decode("latin-1"): value.decode("latin-1") for name, value in headers}
        if is_cross_site(given, self._own):
            self._refused.note(origin)


@dataclass(frozen=True, slots=True)
class _Preflight:
    """Answers a preflight request with these headers."""

    headers: tuple[Header, ...]

    async def __call__(self, _: Scope, __: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 204, "headers": self.headers})
        await send({"type": "http.response.body"})


async def _refuse_preflight(_: Scope, __: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 403, "headers": REFUSAL_HEADERS})
    await send({"type": "http.response.body", "body": REFUSAL})
