"""The pages behind the links of a mail: looking changes nothing, the button does (R60, R67).

They are HTML without a script, so that they work everywhere. Whoever has the link needs no token
of the API; the link itself is the proof. No address, cache, referrer or log keeps it. Wrong links
are counted as wrong tokens are, and another site's page can't send the form.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from models.changes.confirmation_answer import Followed, follow, is_known, look_at
from models.rules.confirmation_link import LinkState
from models.storage.database import Database
from models.storage.fault_log import report
from models.tables.confirmation import LinkPurpose
from web.auth_failure_limiter import AuthFailureLimiter, TooManyAuthFailures
from web.cors import is_from_elsewhere
from web.proxy import address_of
from web.security_headers import page_headers

FOLDER = Path(__file__).parent / "templates"
PAGES = Environment(
    loader=FileSystemLoader(FOLDER),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
STYLE = (FOLDER / "confirmation.css").read_text()
HEADERS = page_headers(STYLE)
STATUS = {LinkState.OPEN: 200, LinkState.DONE: 200, LinkState.UNKNOWN: 404}
"""HTTP statuses; every other state is 410, gone for good."""


NOBODY = Followed(LinkState.UNKNOWN)
"""What is told of a link that was not followed."""


class ConfirmationPages:
    """The two pages; `own` is the origin at which people reach this service, where it is known."""

    def __init__(
        self,
        database: Callable[[], Database],
        clock: Callable[[], datetime],
        guessing: AuthFailureLimiter,
        own: str | None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._guessing = guessing
        self._own = own

    @property
    def routes(self) -> list[Route]:
        """Give the routes of the pages: one that confirms, and one that withdraws."""
        pages = {"confirm": LinkPurpose.CONFIRM, "withdraw": LinkPurpose.WITHDRAW}
        return [
            Route(f"/{name}/{{token}}", self._page(purpose), methods=["GET", "POST"])
            for name, purpose in pages.items()
        ]

    def _page(self, purpose: LinkPurpose) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            if request.method == "POST" and is_from_elsewhere(request.headers, self._own):
                return _shown("elsewhere.html", 403, purpose, NOBODY)
            try:
                followed = await self._followed(request, purpose)
            except TooManyAuthFailures as guessed:
                page = _shown("limited.html", 429, purpose, NOBODY)
                page.headers["Retry-After"] = str(guessed.retry_after)
                return page
            except Exception as error:
                # The framework's own answer would come without these headers.
                fault = report("page_failed", error)
                page = _shown("failed.html", 500 if fault is None else 503, purpose, NOBODY)
                if fault is not None:
                    page.headers["Retry-After"] = str(fault.retry_after)
                return page
            name = "open.html" if followed.state is LinkState.OPEN else "closed.html"
            return _shown(name, STATUS.get(followed.state, 410), purpose, followed)

        return answer

    async def _followed(self, request: Request, purpose: LinkPurpose) -> Followed:
        """Look at a link, or follow it; a wrong one is counted, and raises when it is too many."""
        token: str = request.path_params["token"]
        address = address_of(request.scope)
        async with self._guessing.turn(address):
            if request.method != "POST":
                followed = await look_at(token, purpose, self._clock())
            elif await is_known(token, purpose):
                request_id: str = request.state.request_id
                followed = await self._database().transaction(
                    lambda: follow(token, purpose, self._clock(), request_id)
                )
            else:
                followed = NOBODY
        if followed.state is LinkState.UNKNOWN:
            self._guessing.fail(address)
        return followed


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
