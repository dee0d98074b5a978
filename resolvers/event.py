"""The queries and the subscription of the event feed."""

from collections.abc import AsyncGenerator, Sequence
from typing import Annotated

import strawberry

from models.lists.event_list import EventFilter, EventPage, page_after, page_before
from models.rules.event_cursor import CursorFault
from models.rules.event_type import EventType
from models.tables.event import EVENTS
from models.tables.event_feed import Feed, read_feed, read_floor
from schema.base.connection import Edge
from schema.base.context import Info
from schema.base.errors import ErrorCode, RequestRefused
from schema.base.loaders import Loaders
from schema.base.pagination import (
    CONNECTION,
    INVALID_CURSOR,
    ROWS,
    After,
    Before,
    First,
    Last,
    PageArguments,
    page_arguments,
)
from schema.base.projections import row_query_for
from schema.base.selections import selected_names
from schema.base.subscriptions import wait_for
from schema.types.event import (
    DESCRIPTIONS,
    Event,
    EventConnection,
    EventTypeDescription,
    EventTypeEnum,
    edge_of,
    readable_types,
)

MAX_CUSTOMERS = 100
MAX_TYPES = 100
AT_ONCE = 100
"""The events that a subscription reads at once."""

NUMBER = ("number",)

Types = Annotated[
    list[EventTypeEnum] | None,  # type: ignore[valid-type]  # an enum with another name
    strawberry.argument(
        description="Only events of these types, at most 100. Types that need a permission which"
        " you do not have are left out. Null lists all types that you may read."
    ),
]
CustomerIds = Annotated[
    list[strawberry.ID] | None,
    strawberry.argument(
        description="Only events that concern one of these customers, their contacts included; at"
        " most 100."
    ),
]


async def events(
    info: Info,
    first: First = None,
    after: After = None,
    last: Last = None,
    before: Before = None,
    types: Types = None,
    customer_ids: CustomerIds = None,
) -> EventConnection:
    feed = await read_feed(info.context.database)
    arguments = page_arguments(
        "events",
        (int,),
        read=lambda cursor: (_position(feed, cursor),),
        first=first,
        after=after,
        last=last,
        before=before,
    )
    read = await _page(info, feed, _wanted(info, types, customer_ids), arguments)
    return EventConnection(
        nodes=read.events,
        key_of=lambda _: (),
        arguments=arguments,
        has_more=read.upto < feed.newest,
        feed=feed,
        after=read.after,
        upto=read.upto,
    )


async def _page(info: Info, feed: Feed, wanted: EventFilter, arguments: PageArguments) -> EventPage:
    start = feed.newest if arguments.is_backward else feed.floor
    if arguments.beyond is not None:
        (start,) = arguments.beyond
        start -= arguments.is_backward
    if not selected_names(info) & ROWS:
        return EventPage([], start, start)
    read = page_before if arguments.is_backward else page_after
    row_query = row_query_for(info, Event, *CONNECTION, extra=NUMBER)
    found = await read(row_query, feed, wanted, start, arguments.size)
    if arguments.beyond is not None and not arguments.is_backward:
        await _refuse_deleted(info, start)
    return found


async def event_types() -> list[EventTypeDescription]:
    return DESCRIPTIONS


async def follow_events(
    info: Info, after: After = None, types: Types = None, customer_ids: CustomerIds = None
) -> AsyncGenerator[Edge[Event] | None, None]:
    database = info.context.database
    wanted = _wanted(info, types, customer_ids)
    feed = await read_feed(database)
    position = feed.newest if after is None else _position(feed, after)
    with database.signals.watching(EVENTS) as woken:
        while True:
            woken.clear()
            async with info.context.event_slot():  # a caller of many delays only their own
                feed = await read_feed(database)
                info.context.loaders = Loaders()
                row_query = row_query_for(info, Event, ("node",), extra=NUMBER)
                read = await page_after(row_query, feed, wanted, position, AT_ONCE)
                await _refuse_deleted(info, position)
            position = read.upto
            for event in read.events:
                yield edge_of(feed, event)
            if position >= feed.newest:
                await wait_for(woken)


def _wanted(
    info: Info, types: Sequence[EventType] | None, customer_ids: Sequence[str] | None
) -> EventFilter:
    for name, values, most in (
        ("types", types, MAX_TYPES),
        ("customerIds", customer_ids, MAX_CUSTOMERS),
    ):
        if values is not None and len(values) > most:
            raise RequestRefused(
                ErrorCode.BAD_USER_INPUT, f"`{name}` may have at most {most} values."
            )
    return EventFilter(readable_types(info, types), customer_ids)


def _position(feed: Feed, cursor: str) -> int:
    number = feed.number_in(cursor)
    if number is CursorFault.EXPIRED:
        raise _expired(feed)
    if number is CursorFault.INVALID:
        raise RequestRefused(ErrorCode.BAD_USER_INPUT, INVALID_CURSOR)
    assert isinstance(number, int)  # noqa: S101  # there are no other faults
    return number


async def _refuse_deleted(info: Info, position: int) -> None:
    """Refuse a position after which events were deleted while they were read."""
    if position < await read_floor():
        raise _expired(await read_feed(info.context.database))


def _expired(feed: Feed) -> RequestRefused:
    return RequestRefused(
        ErrorCode.CURSOR_EXPIRED,
        "Events after this cursor were deleted, or the database was restored to an earlier state."
        " List your objects anew, and then follow the feed from `newestCursor` of this error.",
        oldestCursor=feed.cursor(feed.floor),
        newestCursor=feed.cursor(feed.newest),
    )
