"""The query of the calls that credentials made."""

from datetime import date, timedelta
from functools import partial
from typing import Annotated

import strawberry

from models.lists.usage_list import UsageFilter as Wanted
from models.lists.usage_list import UsageOrder
from resolvers.listing import listed_rows_as
from schema.base.context import Info
from schema.base.errors import ErrorCode, RequestRefused
from schema.base.pagination import After, Before, First, Last
from schema.types.usage import Usage, UsageConnection, UsageFilter, UsageSort

MAX_PERIOD = timedelta(days=400)


async def usage(
    info: Info,
    from_on: Annotated[date, strawberry.argument(description="The first day to list, in UTC.")],
    until_on: Annotated[
        date,
        strawberry.argument(
            description="The day after the last day to list; at most 400 days after `fromOn`."
        ),
    ],
    first: First = None,
    after: After = None,
    last: Last = None,
    before: Before = None,
    filter: Annotated[
        UsageFilter | None,
        strawberry.argument(
            description="Conditions on the usage to list. Null lists all usage of the days."
        ),
    ] = None,
    sort: Annotated[
        UsageSort | None,  # type: ignore[valid-type]  # an enum with another name
        strawberry.argument(description="The order of the list; by default newest day first."),
    ] = UsageOrder.DAY_DESC,
) -> UsageConnection:
    if not timedelta() < until_on - from_on <= MAX_PERIOD:
        raise RequestRefused(
            ErrorCode.BAD_USER_INPUT,
            f"`untilOn` must be after `fromOn`, by at most {MAX_PERIOD.days} days.",
        )
    condition = _wanted(from_on, until_on, filter or UsageFilter()).condition()
    order: UsageOrder = sort or UsageOrder.DAY_DESC
    return await listed_rows_as(
        info,
        partial(UsageConnection, condition=condition),
        Usage,
        order,
        condition,
        first=first,
        after=after,
        last=last,
        before=before,
    )


def _wanted(from_on: date, until_on: date, given: UsageFilter) -> Wanted:
    return Wanted(
        from_on,
        until_on,
        given.credential_id,
        given.user_id,
        given.reseller_id,
        given.operation_name,
        given.operation_type,
        given.has_hit_limit,
    )
