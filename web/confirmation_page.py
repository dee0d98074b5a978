"""The pages that links in confirmation mails open, each with a button to confirm or withdraw.

Opening a page changes nothing; pressing its button does (R60, R67). The pages are HTML without
scripts. The secret token in the link is sufficient proof, so no sign-in is needed; caches,
referrers and logs do not keep the token. Wrong links count as failed sign-ins, and pages of other
sites cannot send the form.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from models.changes.confirmation_answer import LinkResult, is_known, preview_link, use_link
from models.rules.confirmation_link import LinkState
from models.rules.delivery import POLICY, DeliveryPolicy
from models.rules.organisation import Organisation
from models.rules.uk_time import uk_time
from models.storage.database import Database
from models.storage.fault_log import report
from models.tables.confirmation import LinkPurpose
from web.auth_failure_limiter import AuthFailureLimiter, TooManyAuthFailures
from web.cors import is_cross_site
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
"""The HTTP status of a page by the state of its link; 410 Gone for all other states."""

UNKNOWN_LINK = LinkResult(LinkState.UNKNOWN)


class ConfirmationPages:
    """The pages to confirm and to withdraw.

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
        delivery_policy: DeliveryPolicy = POLICY,
    ) -> None:
        self._database = database
        self._clock = clock
        self._auth_failures = auth_failures
        self._own_origin = own_origin
        self._organisation = organisation
        self._delivery_policy = delivery_policy

    @property
    def routes(self) -> list[Route]:
        pages = {"confirm": LinkPurpose.CONFIRM, "withdraw": LinkPurpose.WITHDRAW}
        return [
            Route(f"/{name}/{{token}}", self._page(purpose), methods=["GET", "POST"])
            for name, purpose in pages.items()
        ]

    def _page(self, purpose: LinkPurpose) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            if request.method == "POST" and is_cross_site(request.headers, self._own_origin):
                return self._shown("elsewhere.html", 403, purpose, UNKNOWN_LINK)
            try:
                result = await self._link_result(request, purpose)
            except TooManyAuthFailures as guessed:
                page = self._shown("limited.html", 429, purpose, UNKNOWN_LINK)
                page.headers["Retry-After"] = str(guessed.retry_after)
                return page
            except Exception as error:
                # The framework's own error page would lack the security headers of HEADERS.
                fault = report("page_failed", error)
                page = self._shown(
                    "failed.html", 500 if fault is None else 503, purpose, UNKNOWN_LINK
                )
                if fault is not None:
                    page.headers["Retry-After"] = str(fault.retry_after)
                return page
            name = "open.html" if result.state is LinkState.OPEN else "closed.html"
            return self._shown(name, STATUS.get(result.state, 410), purpose, result)

        return answer

    async def _link_result(self, request: Request, purpose: LinkPurpose) -> LinkResult:
        """Look up the link of a request; if the button was pressed (POST), confirm or withdraw.

        Raises TooManyAuthFailures if the link is wrong and the client has sent too many such links.
        """
        token: str = request.path_params["token"]
        address = address_of(request.scope)
        async with self._auth_failures.slot(address):
            if request.method != "POST":
                result = await preview_link(token, purpose, self._clock())
            elif await is_known(token, purpose):
                request_id: str = request.state.request_id
                policy = self._delivery_policy
                result = await self._database().transaction(
                    lambda: use_link(token, purpose, self._clock(), request_id, policy)
                )
            else:
                result = UNKNOWN_LINK
        if result.state is LinkState.UNKNOWN:
            self._auth_failures.fail(address)
        return result

    def _shown(self, name: str, status: int, purpose: LinkPurpose, result: LinkResult) -> Response:
        body = PAGES.get_template(name).render(
            link=result,
            purpose=purpose.value,
            state=result.state.value,
            kind=result.kind.value if result.kind else None,
            documents=[document.value for document in result.documents],
            at="" if result.at is None else uk_time(result.at),
            organisation=self._organisation,
            style=STYLE,
        )
        return Response(body, status, HEADERS, "text/html")
