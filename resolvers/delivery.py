"""The queries of delivery."""

from contextlib import aclosing
from datetime import datetime
from typing import Annotated

import strawberry

from models.lists.delivery_histories import ExposureFilter, exposures_after
from models.rules.delivery_exposure import Exposure
from models.storage.sql import Sql, all_of, among
from schema.base.context import Info
from schema.base.instants import checked_instant, checked_period
from schema.base.pagination import CONNECTION, After, Before, First, Last, page_arguments
from schema.base.projections import row_query_for
from schema.base.restricted import show
from schema.base.selections import selects_at
from schema.types.customer import Customer
from schema.types.delivery_exposure import (
    DeliveryExposure,
    DeliveryExposureConnection,
    DeliveryExposureFilter,
    counted,
)
from schema.types.delivery_rules import DeliveryRules

CUSTOMERS = tuple((*path, "customer") for path in CONNECTION)


async def delivery_rules(info: Info) -> DeliveryRules:
    return DeliveryRules.for_policy(info.context.delivery_policy)


async def delivery_exposure(
    info: Info,
    from_at: Annotated[
        datetime,
        strawberry.argument(
            description="The start of the period: a date and time with an offset from UTC."
        ),
    ],
    until_at: Annotated[
        datetime,
        strawberry.argument(
            description="The end of the period, itself excluded: a date and time with an offset"
            " from UTC."
        ),
    ],
    first: First = None,
    after: After = None,
    last: Last = None,
    before: Before = None,
    filter: Annotated[
        DeliveryExposureFilter | None,
        strawberry.argument(
            description="Conditions on the exposures to list. Null lists all exposures."
        ),
    ] = None,
) -> DeliveryExposureConnection:
    since, until = checked_period(from_at, until_at)
    list_name = f"exposure-{since.isoformat()}-{until.isoformat()}"
    arguments = page_arguments(
        list_name,
        (str, str, str),
        parse=_parse,
        first=first,
        after=after,
        last=last,
        before=before,
    )
    wanted = ExposureFilter()
    if filter is not None:
        wanted = ExposureFilter(filter.customer_id, filter.contact_id, filter.reasons, filter.bases)
    policy = info.context.delivery_policy
    found: list[Exposure] = []
    batch = arguments.size + 1
    reading = exposures_after(
        arguments.beyond,
        since,
        until,
        policy,
        batch,
        wanted=wanted,
        is_backward=arguments.is_backward,
    )
    async with aclosing(reading):
        async for exposure in reading:
            found.append(exposure)
            if len(found) > arguments.size:
                break
    shown = found[: arguments.size]
    if arguments.is_backward:
        shown.reverse()
    customers = await _customers(info, shown)
    nodes = [DeliveryExposure.of(one, customers.get(one.customer_id)) for one in shown]
    show(info, DeliveryExposure, nodes)
    return DeliveryExposureConnection(
        nodes=nodes,
        key_of=_key_of,
        arguments=arguments,
        has_more=len(found) > arguments.size,
        count=lambda: counted(exposures_after(None, since, until, policy, wanted=wanted)),
    )


def _key_of(node: DeliveryExposure) -> tuple[str, str, str]:
    customer_id, contact_id, from_at = node.key
    return (customer_id, contact_id, from_at.isoformat())


def _parse(key: tuple[str, str, str]) -> tuple[str, str, datetime]:
    customer_id, contact_id, from_at = key
    return (customer_id, contact_id, checked_instant(datetime.fromisoformat(from_at), "after"))


async def _customers(info: Info, shown: list[Exposure]) -> dict[str, Customer]:
    """Return the customers of the page by id, with the selected fields; erased ones are missing."""
    if not shown or not selects_at(info, *CUSTOMERS):
        return {}
    ids = list(dict.fromkeys(one.customer_id for one in shown))
    where = all_of([among("t0.id", ids), Sql("t0.erased_at IS NULL")])
    found = await row_query_for(info, Customer, *CUSTOMERS).read(where, most=len(ids))
    return {one.id: one for one in found}
