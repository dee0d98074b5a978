"""What the root fields on delivery do."""

from contextlib import aclosing
from datetime import datetime
from typing import Annotated

import strawberry

from models.lists.delivery_histories import exposures_after
from models.rules.delivery_exposure import Exposure
from models.storage.sql import Sql, all_of, among
from schema.base.context import Info
from schema.base.errors import ErrorCode, RequestRefused
from schema.base.instants import checked_instant, checked_period
from schema.base.pagination import CONNECTION, page_arguments
from schema.base.projections import row_query_for
from schema.base.restricted import show
from schema.base.selections import selects_at
from schema.types.customer import Customer
from schema.types.delivery_exposure import DeliveryExposure, DeliveryExposureConnection, counted
from schema.types.delivery_rules import DeliveryRules

CUSTOMERS = tuple((*path, "customer") for path in CONNECTION)


async def delivery_rules(info: Info) -> DeliveryRules:
    """Give the table of the delivery rules."""
    return DeliveryRules.under(info.context.delivery_policy)


async def delivery_exposure(
    info: Info,
    from_: Annotated[
        datetime, strawberry.argument(name="from", description="Where the period begins.")
    ],
    to: Annotated[datetime, strawberry.argument(description="Where it ends, not included.")],
    first: Annotated[
        int | None, strawberry.argument(description="How many at most: 50, or up to 500.")
    ] = None,
    after: Annotated[str | None, strawberry.argument(description="The endCursor before.")] = None,
) -> DeliveryExposureConnection:
    """List exposures by customer, contact and time."""
    since, until = checked_period(from_, to)
    list_name = f"exposure-{since.isoformat()}-{until.isoformat()}"
    arguments = page_arguments(list_name, (str, str, str), first=first, after=after)
    policy = info.context.delivery_policy
    found: list[Exposure] = []
    batch = arguments.size + 1
    reading = exposures_after(_place(arguments.beyond), since, until, policy, batch)
    async with aclosing(reading):
        async for exposure in reading:
            found.append(exposure)
            if len(found) > arguments.size:
                break
    shown = found[: arguments.size]
    customers = await _customers(info, shown)
    nodes = [DeliveryExposure.of(one, customers.get(one.customer_id)) for one in shown]
    show(info, DeliveryExposure, nodes)
    return DeliveryExposureConnection(
        nodes=nodes,
        list_name=list_name,
        arguments=arguments,
        has_more=len(found) > arguments.size,
        count=lambda: counted(exposures_after(None, since, until, policy)),
    )


def _place(beyond: tuple[str, str, str] | None) -> tuple[str, str, datetime] | None:
    if beyond is None:
        return None
    customer_id, contact_id, from_at = beyond
    try:
        return (customer_id, contact_id, checked_instant(datetime.fromisoformat(from_at), "after"))
    except ValueError:
        raise RequestRefused(ErrorCode.BAD_USER_INPUT, "That cursor is not one of ours.") from None


async def _customers(info: Info, shown: list[Exposure]) -> dict[str, Customer]:
    """Read what is selected of the customers on the page, by one statement."""
    if not shown or not selects_at(info, *CUSTOMERS):
        return {}
    ids = list(dict.fromkeys(one.customer_id for one in shown))
    where = all_of([among("t0.id", ids), Sql("t0.erased_at IS NULL")])
    found = await row_query_for(info, Customer, *CUSTOMERS).read(where, most=len(ids))
    return {one.id: one for one in found}
