"""The pages behind the links of a mail: looking changes nothing, the button does (R60, R67).

They are HTML without a script, so that they work everywhere. Whoever has the link needs no token
of the API; the link itself is the proof. No address, cache, referrer or log keeps it.
"""

import base64
import hashlib
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path

import structlog
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from models.confirmation import LinkPurpose
from models.confirmation_link import LinkState
from models.confirming import Followed, follow, look_at
from models.database import Database

log = structlog.get_logger(__name__)

FOLDER = Path(__file__).parent / "templates"
PAGES = Environment(
    loader=FileSystemLoader(FOLDER),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
STYLE = (FOLDER / "confirmation.css").read_text()
STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
HEADERS = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{STYLE_HASH}';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex, nofollow",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
STATUS = {LinkState.OPEN: 200, LinkState.DONE: 200, LinkState.UNKNOWN: 404}
"""HTTP statuses; every other state is 410, gone for good."""


def confirmation_routes(
    database: Callable[[], Database], clock: Callable[[], datetime]
) -> list[Route]:
    """Give the routes of the pages: one that confirms, and one that withdraws."""
    pages = {"confirm": LinkPurpose.CONFIRM, "withdraw": LinkPurpose.WITHDRAW}
    return [
        Route(f"/{name}/{{token}}", _page(purpose, database, clock), methods=["GET", "POST"])
        for name, purpose in pages.items()
    ]


def _page(
    purpose: LinkPurpose, database: Callable[[], Database], clock: Callable[[], datetime]
) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        token: str = request.path_params["token"]
        try:
            if request.method == "POST":
                request_id: str = request.state.request_id
                followed = await database().transaction(
                    lambda: follow(token, purpose, clock(), request_id)
                )
            else:
                followed = await look_at(token, purpose, clock())
        except Exception:
            # The framework's own answer would come without these headers.
            log.exception("page_failed")
            return _shown("failed.html", 500, purpose, Followed(LinkState.UNKNOWN))
        name = "open.html" if followed.state is LinkState.OPEN else "closed.html"
        return _shown(name, STATUS.get(followed.state, 410), purpose, followed)

    return answer


def _shown(name: str, status: int, purpose: LinkPurpose, followed: Followed) -> Response:
    at = followed.at
    body = PAGES.get_template(name).render(
        link=followed,
        purpose=purpose.value,
        state=followed.state.value,
        kind=followed.kind.value if followed.kind else None,
        documents=[document.value for document in followed.documents],
        at="" if at is None else f"{at:%d %B %Y, %H:%M} UTC",
        style=STYLE,
    )
    return Response(body, status, HEADERS, "text/html")
