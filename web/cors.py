"""Cross-origin requests: web pages of allowed origins may call the API.

The API uses no cookies, so a browser adds no credentials of its own accord. A page signs in with an
Authorization header, and the browser first sends a preflight request to ask whether it may do so.
"""

import re
from collections.abc import Iterable, Mapping

from starlette.types import ASGIApp, Receive, Scope, Send

Header = tuple[bytes, bytes]

ORIGIN = re.compile(r"([a-z][a-z0-9+.-]*)://([a-z0-9_.-]+|\[[0-9a-f:.]+\])(:\d{1,5})?")
DEFAULT_PORTS = {"http": ":80", "https": ":443"}

PREFLIGHT = (
    (b"access-control-allow-methods", b"GET, POST"),
    (b"access-control-allow-headers", b"Authorization, Content-Type, X-Request-Id"),
    # In seconds; the maximum that browsers accept.
    (b"access-control-max-age", b"7200"),
)
SHOWN_HEADERS = (
    b"X-Request-Id, Retry-After, RateLimit, RateLimit-Policy, GraphQL-Cost,"
    b" WWW-Authenticate, Content-Disposition"
)

VARY = (b"vary", b"Origin")


def parsed_origin(text: str) -> str:
    """Return an origin in the form that browsers send: lowercase, without a default port.

    Raises ValueError for any other text, such as a wildcard, `null`, or a URL with a path.
    """
    match = ORIGIN.fullmatch(text.strip().lower().removesuffix("/"))
    if match is None:
        raise ValueError(
            "CORS_ORIGINS must be schemes, hosts and maybe ports, as https://app.example"
        )
    scheme, host, port = match.groups()
    return f"{scheme}://{host}{'' if port == DEFAULT_PORTS.get(scheme) else port or ''}"


def is_from_elsewhere(headers: Mapping[str, str], own: str | None) -> bool:
    """Return whether a page of another site sent the form of a request with these headers.

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


class Cors:
    """The CORS headers of answers, by the origin of the page that sent the request."""

    def __init__(self, origins: Iterable[str] = ()) -> None:
        self.origins = frozenset(parsed_origin(origin) for origin in origins)
        self.default: tuple[Header, ...] = (VARY,) if self.origins else ()
        """Headers of answers to requests without an origin, or from one that is not allowed."""
        self.allowed: dict[bytes | None, tuple[Header, ...]] = {
            origin.encode(): (
                VARY,
                (b"access-control-allow-origin", origin.encode()),
                (b"access-control-expose-headers", SHOWN_HEADERS),
            )
            for origin in self.origins
        }

    def preflight(self, origin: bytes, headers: Iterable[Header]) -> ASGIApp | None:
        """Return the app that answers a preflight request from an allowed origin; else None."""
        if origin not in self.allowed:
            return None
        is_preflight = any(name == b"access-control-request-method" for name, _ in headers)
        return _answer_preflight if is_preflight else None


async def _answer_preflight(_: Scope, __: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 204, "headers": PREFLIGHT})
    await send({"type": "http.response.body"})
