"""The pages behind the links in mails: opening a page changes nothing, its button does (R60, R67).

The pages are HTML without scripts. The token in the link is the proof, so no sign-in is needed;
caches, referrers and logs do not keep the token. Wrong links count as failed sign-ins, and pages of
other sites cannot send the form.
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
from models.rules.organisation import Organisation
from models.rules.uk_time import uk_time
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
"""The HTTP status of a page by the state of its link; a state that is missing here is 410 Gone."""

NOT_FOLLOWED = Followed(LinkState.UNKNOWN)


class ConfirmationPages:
    """The confirm and withdraw pages.

    `own_origin` is the origin of PUBLIC_URL, None if that is not set. `organisation` is named on
    the pages.
    """

    def __init__(
        self,
        database: Callable[[], Database],
        clock: Callable[[], datetime],
        auth_failures: AuthFailureLimiter,
        own_origin: str | None,
        organisation: Organisation,
    ) -> None:
        self._database = database
        self._clock = clock
        self._auth_failures = auth_failures
        self._own_origin = own_origin
        self._organisation = organisation

    @property
    def routes(self) -> list[Route]:
        pages = {"confirm": LinkPurpose.CONFIRM, "withdraw": LinkPurpose.WITHDRAW}
        return [
            Route(f"/{name}/{{token}}", self._page(purpose), methods=["GET", "POST"])
            for name, purpose in pages.items()
        ]

    def _page(self, purpose: LinkPurpose) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            if request.method == "POST" and is_from_elsewhere(request.headers, self._own_origin):
                return self._shown("elsewhere.html", 403, purpose, NOT_FOLLOWED)
            try:
                followed = await self._followed(request, purpose)
            except TooManyAuthFailures as guessed:
                page = self._shown("limited.html", 429, purpose, NOT_FOLLOWED)
                page.headers["Retry-After"] = str(guessed.retry_after)
                return page
            except Exception as error:
                # The framework's own error page would lack the security headers of HEADERS.
                fault = report("page_failed", error)
                page = self._shown(
                    "failed.html", 500 if fault is None else 503, purpose, NOT_FOLLOWED
                )
                if fault is not None:
                    page.headers["Retry-After"] = str(fault.retry_after)
                return page
            name = "open.html" if followed.state is LinkState.OPEN else "closed.html"
            return self._shown(name, STATUS.get(followed.state, 410), purpose, followed)

        return answer

    async def _followed(self, request: Request, purpose: LinkPurpose) -> Followed:
        """Look up the link of a request; if the button was pressed (POST), also do what it says.

        Raises TooManyAuthFailures if the link is wrong and its client has failed too often.
        """
        token: str = request.path_params["token"]
        address = address_of(request.scope)
        async with self._auth_failures.slot(address):
            if request.method != "POST":
                followed = await look_at(token, purpose, self._clock())
            elif await is_known(token, purpose):
                request_id: str = request.state.request_id
                followed = await self._database().transaction(
                    lambda: follow(token, purpose, self._clock(), request_id)
                )
            else:
                followed = NOT_FOLLOWED
        if followed.state is LinkState.UNKNOWN:
            self._auth_failures.fail(address)
        return followed

    def _shown(self, name: str, status: int, purpose: LinkPurpose, followed: Followed) -> Response:
        body = PAGES.get_template(name).render(
            link=followed,
            purpose=purpose.value,
            state=followed.state.value,
            kind=followed.kind.value if followed.kind else None,
            documents=[document.value for document in followed.documents],
            at="" if followed.at is None else uk_time(followed.at),
            organisation=self._organisation,
            style=STYLE,
        )
        return Response(body, status, HEADERS, "text/html")
