"""Security headers for browsers, on every answer.

They are created once, as a tuple for each scheme and origin. No answer may be cached: nearly all
answers depend on the caller, and the others are cheap to create again.
"""

import base64
import hashlib

from web.cors import Cors

Header = tuple[bytes, bytes]

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

    def __init__(self, cors: Cors) -> None:
        by_origin = {None: cors.default, **cors.allowed}
        self._plain = {one: (*ON_EVERY_ANSWER, *own) for one, own in by_origin.items()}
        self._secure = {one: (*own, *ON_HTTPS) for one, own in self._plain.items()}

    def of(self, scheme: str, origin: bytes | None) -> tuple[Header, ...]:
        by_origin = self._secure if scheme == "https" else self._plain
        return by_origin.get(origin) or by_origin[None]


def page_headers(style: str) -> dict[str, str]:
    """Return further headers of an HTML page without scripts; `style` is its only style sheet."""
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return {
        "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{digest}';"
        " form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        "X-Frame-Options": "DENY",
        "X-Robots-Tag": "noindex, nofollow",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    }
