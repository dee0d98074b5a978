"""The subscriptions: objects that are delivered each time an event of theirs happens."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from datetime import datetime
from typing import Annotated, TypeVar

import strawberry

import models
from models.changes.enrichment_result import ENDS
from models.lists.customer_list import NOT_ERASED
from models.lists.event_list import events_before, newest_events, subjects_of_new_events
from models.rules.event_type import EventType
from models.storage.sql import Sql, all_of
from models.tables.event import EVENT, EVENTS
from models.tables.event_feed import number_events
from models.tables.numbering import number_before_reading
from schema.base.context import Info
from schema.base.errors import ErrorCode, RequestRefused
from schema.base.instants import checked_instant
from schema.base.loaders import Loaders
from schema.base.projections import row_query_for
from schema.base.subscriptions import wait_for
from schema.types.contact import Contact
from schema.types.customer import Customer

MAX_FOLLOWED = 100
"""Customers that one operation may follow."""

CONTACT_CONFIRMED = (EventType.CONTACT_EMAIL_VERIFIED, EventType.CONTACT_PREFERENCE_CONFIRMED)

Kind = TypeVar("Kind", Customer, Contact)

MANY = strawberry.argument(
    description=f"The ids of the customers to follow, at most {MAX_FOLLOWED}. Those that do not"
    " exist are left out; if none exists, the operation is refused."
)
Since = Annotated[
    datetime | None,
    strawberry.argument(
        description="Also deliver what happened at this time or later, before you subscribed; a"
        " time with its offset from UTC, such as the `requestedAt` of a lookup that you started. By"
        " default only what happens from now on is delivered."
    ),
]


async def customer_enriched(
    info: Info,
    customer_id: Annotated[
        strawberry.ID | None,
        strawberry.argument(
            description="The id of the customer to follow. Set either `customerId` or"
            " `customerIds`."
        ),
    ] = None,
    customer_ids: Annotated[list[strawberry.ID] | None, MANY] = None,
    since: Since = None,
) -> AsyncGenerator[Customer | None, None]:
    if (customer_id is None) == (customer_ids is None):
        raise RequestRefused(ErrorCode.BAD_USER_INPUT, "Set either `customerId` or `customerIds`.")
    argument = "customerIds" if customer_id is None else "customerId"
    wanted = [customer_id] if customer_ids is None else customer_ids
    followed = await _existing([one for one in wanted if one is not None], argument)
    changes = _delivered(info, Customer, NOT_ERASED, ENDS, followed, since)
    left = set(followed)
    async with aclosing(changes) as delivered:
        async for changed_id, customer in delivered:
            if customer is not None:
                yield customer
                continue
            left.discard(changed_id)
            if not left:
                return


async def contact_confirmed(
    info: Info, customer_ids: Annotated[list[strawberry.ID], MANY], since: Since = None
) -> AsyncGenerator[Contact | None, None]:
    followed = await _existing(customer_ids, "customerIds")
    is_shown = Sql("t0.deleted_at IS NULL")
    changes = _delivered(info, Contact, is_shown, CONTACT_CONFIRMED, followed, since)
    async with aclosing(changes) as delivered:
        async for _, contact in delivered:
            if contact is not None:
                yield contact


async def _existing(ids: Sequence[str], argument: str) -> list[str]:
    """Return the ids of customers that exist.

    Raises RequestRefused if none exists, or if there are too many ids.
    """
    if len(ids) > MAX_FOLLOWED:
        raise RequestRefused(
            ErrorCode.BAD_USER_INPUT, f"`{argument}` may have at most {MAX_FOLLOWED} values."
        )
    known = models.Customer.filter(id__in=list(ids), erased_at__isnull=True)
    found = [str(row_id) for row_id in await known.values_list("id", flat=True)]
    if not found:
        which = "this" if argument == "customerId" else "these"
        raise RequestRefused(
            ErrorCode.BAD_USER_INPUT, f"There is no customer with {which} `{argument}`."
        )
    return found


async def _delivered(
    info: Info,
    kind: type[Kind],
    where: Sql,
    events: Sequence[EventType],
    customer_ids: Sequence[str],
    since: datetime | None,
) -> AsyncGenerator[tuple[str, Kind | None], None]:
    """Yield the id of each subject with new events, and the object as it is now.

    The object is None if it does not exist any more, or may not be seen. Several events of a
    subject since the last delivery are delivered once. `where` is a condition on the objects' rows.
    """
    if since is not None:
        since = checked_instant(since, "since")
    database = info.context.database
    await number_before_reading(database, EVENT, number_events)
    seen = await events_before(events, customer_ids, since)
    with database.signals.watching(EVENTS) as woken:
        while True:
            woken.clear()
            async with info.context.event_slot():  # a caller of many delays only their own
                await number_before_reading(database, EVENT, number_events)
                newest = await newest_events(events, customer_ids)
            for subject_id in subjects_of_new_events(newest, seen):
                seen[subject_id] = newest[subject_id]
                info.context.loaders = Loaders()
                async with info.context.event_slot():
                    current = await row_query_for(info, kind).read_one(
                        all_of([Sql("t0.id = ?", (subject_id,)), where])
                    )
                yield subject_id, current
            await wait_for(woken)
