"""Which pages of other origins may use the API, by an allow-list of exact origins.

There are no cookies, so nothing is ever sent along on a page's behalf: credentials are not allowed,
and a page signs in by a header that it must ask for beforehand, in a preflight.
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
    # In seconds: the most that browsers take.
    (b"access-control-max-age", b"7200"),
)
SHOWN_HEADERS = (
    b"X-Request-Id, Retry-After, RateLimit, RateLimit-Policy, GraphQL-Cost,"
    b" WWW-Authenticate, Content-Disposition"
)

VARY = (b"vary", b"Origin")


def parsed_origin(text: str) -> str:
    """Give an origin as browsers send it; raises ValueError for a wildcard, `null`, or a path."""
    match = ORIGIN.fullmatch(text.strip().lower().removesuffix("/"))
    if match is None:
        raise ValueError("CORS_ORIGINS are schemes, hosts and maybe ports, as https://app.example")
    scheme, host, port = match.groups()
    return f"{scheme}://{host}{'' if port == DEFAULT_PORTS.get(scheme) else port or ''}"


def is_from_elsewhere(headers: Mapping[str, str], own: str | None) -> bool:
    """Tell whether a browser says that another site's page sent a form; `own` is our origin.

    Browsers of today say so themselves. For others the origin counts, which is `null` for our own
    pages, since they send no referrer. Programs say nothing of the kind.
    """
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site not in {"same-origin", "none"}
    origin = headers.get("origin", "null")
    if origin in {"null", own}:
        return False
    return origin.partition("://")[2] != headers.get("host")


class Cors:
    """Says what an answer to an origin carries."""

    def __init__(self, origins: Iterable[str] = ()) -> None:
        self.origins = frozenset(parsed_origin(origin) for origin in origins)
        self.default: tuple[Header, ...] = (VARY,) if self.origins else ()
        """What answers to all others carry."""
        self.allowed: dict[bytes | None, tuple[Header, ...]] = {
            origin.encode(): (
                VARY,
                (b"access-control-allow-origin", origin.encode()),
                (b"access-control-expose-headers", SHOWN_HEADERS),
            )
            for origin in self.origins
        }

    def preflight(self, origin: bytes, headers: Iterable[Header]) -> ASGIApp | None:
        """Give what answers a preflight; None if this is none, or one of a stranger's."""
        if origin not in self.allowed:
            return None
        is_preflight = any(name == b"access-control-request-method" for name, _ in headers)
        return _answer_preflight if is_preflight else None


async def _answer_preflight(_: Scope, __: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 204, "headers": PREFLIGHT})
    await send({"type": "http.response.body"})
