"""GraphQL types of the limits that apply to a caller, and of what is left of them."""

from datetime import datetime, timedelta

import strawberry
from graphql import GRAPHQL_MAX_INT

from models.tables.mail_quota import WINDOW as MAIL_WINDOW
from models.tables.mail_quota import mails_left
from schema.base.context import Info
from schema.base.pagination import MAX_PAGE
from schema.base.search_limit import WINDOW as SEARCH_WINDOW


@strawberry.type(
    description="The limits of the size and cost of one request, which are the same for all"
    " callers. A request beyond a limit is refused before anything is done."
)
class RequestLimits:
    max_cost: int = strawberry.field(
        description="The maximum cost of an operation, in points: `extensions.cost.requested`."
    )
    max_request_bytes: int = strawberry.field(
        description="The maximum size of a request body, and of a WebSocket message, in bytes."
    )
    max_document_tokens: int = strawberry.field(
        description="The maximum number of lexical tokens (names, values, punctuation) in a"
        " document."
    )
    max_depth: int = strawberry.field(
        description="The maximum depth to which fields may be nested."
    )
    max_fields: int = strawberry.field(
        description="The maximum number of fields in an operation; those of a fragment count each"
        " time that it is used."
    )
    max_root_fields: int = strawberry.field(
        description="The maximum number of root fields in an operation."
    )
    max_aliases: int = strawberry.field(
        description="The maximum number of aliases in an operation."
    )
    max_list_entries: int = strawberry.field(
        description="The maximum number of entries of a list or an object in arguments and"
        " variables."
    )
    max_page_size: int = strawberry.field(
        description="The maximum of the arguments `first` and `last` of lists."
    )


@strawberry.type(
    description="An allowance that a caller may use up, and what is left of it at the moment."
)
class Allowance:
    limit: int = strawberry.field(
        description="How much may be used in a window of time. At most 2,147,483,647 is shown."
    )
    remaining: int = strawberry.field(
        description="How much is left now. At most 2,147,483,647 is shown."
    )
    window_seconds: int = strawberry.field(description="The length of the window, in seconds.")
    reset_at: datetime | None = strawberry.field(
        description="When the whole allowance is available again if nothing more is used, in UTC;"
        " null if it is available now."
    )


@strawberry.type(description="The limits that apply to the caller, and what is left of them.")
class ViewerLimits:
    @strawberry.field(description="The limits of the size and cost of one request.")
    def request(self, info: Info) -> RequestLimits:
        limits = info.context.limits
        return RequestLimits(
            max_cost=limits.max_cost,
            max_request_bytes=limits.max_request_bytes,
            max_document_tokens=limits.max_tokens,
            max_depth=limits.max_depth,
            max_fields=_shown(limits.max_fields),
            max_root_fields=limits.max_root_fields,
            max_aliases=limits.max_aliases,
            max_list_entries=limits.max_list_entries,
            max_page_size=MAX_PAGE,
        )

    @strawberry.field(
        description="The budget of points of the caller's user, which pays for operations. Tokens"
        " without a user share the budget of their reseller, or else have one each. What this"
        " operation requested is taken off already, and what it does not need comes back. Null if"
        " points are not limited."
    )
    def points(self, info: Info) -> Allowance | None:
        spending = info.context.spending
        if spending is None or spending.budget is None or spending.account is None:
            return None
        left, seconds = spending.budget.state(spending.account, spending.now)
        allowance = spending.budget.allowance
        reset_at = datetime.fromisoformat(spending.account.reset_at(spending.now))
        return Allowance(
            limit=_shown(allowance.points),
            remaining=_shown(left),
            window_seconds=round(allowance.window.total_seconds()),
            reset_at=reset_at if seconds else None,
        )

    @strawberry.field(
        description="The searches at Companies House that the caller's reseller, or else the"
        " caller's user, may make in a minute. `remaining` is how many may be made at once now: a"
        " third of the limit, of which used ones come back evenly. The numbers are those of the"
        " server process that answers. Null if searches are not limited."
    )
    def company_searches(self, info: Info) -> Allowance | None:
        context = info.context
        if context.searches is None or context.principal is None:
            return None
        limit = context.searches.limit
        left, wait = limit.left(context.principal)
        return Allowance(
            limit=limit.searches,
            remaining=left,
            window_seconds=round(SEARCH_WINDOW.total_seconds()),
            reset_at=context.clock() + wait if wait else None,
        )

    @strawberry.field(
        description="The mails that the caller's reseller may cause in an hour, with all its users"
        " and tokens; for callers that are not bound to a reseller, the mails that all callers"
        " together may cause."
    )
    async def mails(self, info: Info) -> Allowance | None:
        context = info.context
        assert context.principal is not None  # noqa: S101  # every root field requires one
        found = await mails_left(context.mail_quota, context.principal.reseller_id, context.clock())
        return Allowance(
            limit=found.limit,
            remaining=found.left,
            window_seconds=round(MAIL_WINDOW / timedelta(seconds=1)),
            reset_at=found.full_at,
        )


def _shown(number: int) -> int:
    """Return a number as far as GraphQL can carry it."""
    return min(number, GRAPHQL_MAX_INT)
