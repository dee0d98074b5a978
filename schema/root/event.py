"""Root fields about events."""

from collections.abc import AsyncGenerator

import strawberry

from resolvers import event as event_resolvers
from schema.base.connection import Edge
from schema.base.operation import operation, subscription
from schema.base.permissions import SIGNED_IN
from schema.types.event import READS_EVENTS, Event, EventConnection, EventTypeDescription


@strawberry.type
class EventQuery:
    events: EventConnection | None = operation(
        event_resolvers.events,
        READS_EVENTS,
        "The feed of events: what happened, oldest first, in the order in which it was committed."
        " Each type of event needs a permission, and events that you may not see are left out."
        " Events are kept for 30 days by default. A cursor that is older is refused with the error"
        " CURSOR_EXPIRED.",
    )
    event_types: list[EventTypeDescription] | None = operation(
        event_resolvers.event_types,
        SIGNED_IN,
        "The catalogue of events: when each type happens, what its payload holds, and which"
        " permission it needs.",
    )


@strawberry.type
class EventSubscription:
    events: AsyncGenerator[Edge[Event] | None, None] = subscription(
        event_resolvers.follow_events,
        READS_EVENTS,
        "The feed of events as they happen, each with its cursor; from now on, or after a cursor."
        " If the connection breaks, subscribe again after the last cursor: no event is missed. It"
        " ends with the error CURSOR_EXPIRED if the cursor is too old.",
    )
