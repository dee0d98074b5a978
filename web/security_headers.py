"""Adds security headers for browsers to every answer.

The headers are created once, as a tuple for each scheme and origin. They forbid to cache answers,
since nearly all depend on the caller, unless an answer says itself how to cache it, as files do.
"""

import base64
import hashlib
from functools import lru_cache

from web.cors import Cors

Header = tuple[bytes, bytes]

MAX_ORIGINS = 256
"""Origins whose headers are remembered; a client can send any number of them."""

YEAR_S = 365 * 24 * 3600

ON_EVERY_ANSWER: tuple[Header, ...] = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
ON_HTTPS: tuple[Header, ...] = ((b"strict-transport-security", f"max-age={YEAR_S}".encode()),)
"""Additional headers over HTTPS.

Without includeSubDomains, since subdomains may belong to other services.
"""


class AnswerHeaders:
    """The headers of answers, by scheme and by the origin of the request."""

    def __init__(self, cors: Cors, version: str) -> None:
        self._cors = cors
        self._on_every = (*ON_EVERY_ANSWER, (b"x-version", version.encode()))
        self.of = lru_cache(maxsize=MAX_ORIGINS)(self._made)
        """Return the headers for a scheme and an origin, which is None if there is none."""

    def _made(self, scheme: str, origin: bytes | None) -> tuple[Header, ...]:
        secure = ON_HTTPS if scheme == "https" else ()
        return (*self._on_every, *self._cors.headers_for(origin), *secure)


def page_headers(style: str, more: str = "") -> dict[str, str]:
    """Return further headers of an HTML page without scripts; `style` is its only style sheet.

    `more` are further directives of its content security policy.
    """
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return {
        "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{digest}';"
        f" form-action 'self'; base-uri 'none'; frame-ancestors 'none'{more}",
        "X-Frame-Options": "DENY",
        "X-Robots-Tag": "noindex, nofollow",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    }
