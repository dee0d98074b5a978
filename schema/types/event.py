"""GraphQL types of events and of their catalogue."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry
from strawberry.scalars import JSON

import models
from models.rules.event_type import CATALOGUE, CHANGED_FIELDS, SCOPES, EventType, readable
from models.tables.access import SYSTEM, Scope
from models.tables.event_feed import Feed
from schema.base.connection import Edge, Page
from schema.base.context import Info
from schema.base.descriptions import described_enum
from schema.base.field_mapping import batched, computed, maps_to, prefetched
from schema.base.node import Node
from schema.base.pagination import PageInfo
from schema.base.permissions import Requires
from schema.base.scope import ScopeEnum
from schema.types.audit_subject import audited_types, customers_of, subjects_of

if TYPE_CHECKING:
    from schema.types.customer import Customer

READS_EVENTS = Requires(*SCOPES)
"""Callers with one of these permissions may read events: those whose type needs it."""

EventTypeEnum = described_enum(
    EventType,
    "EventType",
    "The type of an event. `eventTypes` lists what the payload of each type holds, and which"
    " permission it needs.",
    {entry.type.name: entry.when for entry in CATALOGUE.values()},
)


def readable_types(info: Info, wanted: Sequence[EventType] | None = None) -> list[str]:
    """Return the stored names of the types of events that the caller may read."""
    principal = info.context.principal or SYSTEM
    return [one.value for one in readable(principal.permissions, wanted)]


def _changed_fields(payload: Mapping[str, Any]) -> list[str]:
    names: list[str] = payload.get(CHANGED_FIELDS, [])
    return names


@strawberry.type(
    description="Something that happened to an object. It holds ids and names of fields, and no"
    " personal data; read the object for its present values."
)
class Event(Node):
    type: EventTypeEnum = computed(  # type: ignore[valid-type]  # an enum with another name
        EventType, "type", description="What happened."
    )
    schema_version: int = strawberry.field(
        description="The version of the payload's form. It increases if a member is removed or"
        " changes its meaning; new members may come at any time."
    )
    at: datetime = strawberry.field(
        description="When it happened, in UTC. The order of events in the feed is that of their"
        " commits, which can differ slightly from the order of `at`."
    )
    subject_id: strawberry.ID = strawberry.field(
        description="The id of the object that it happened to."
    )
    customer_id: strawberry.ID | None = strawberry.field(
        description="The id of the customer that it concerns; null if it concerns none."
    )
    customer_version: int | None = strawberry.field(
        description="The version of the customer after the event. If your copy of the customer has"
        " this version or a later one, an event about the customer itself is no news. Changes of"
        " contacts, and lookups, do not increase it. Null if the event concerns no customer."
    )
    changed_fields: list[str] = computed(
        _changed_fields,
        "payload",
        description="The names of the changed fields, as in this schema, such as `receivesBills`;"
        " empty if the type has none.",
    )
    payload: JSON = strawberry.field(
        description="What the event holds beyond the other fields: an object whose members"
        " `eventTypes` describes for each type. It has ids and names, and no personal data."
    )

    @strawberry.field(
        description="The object that it happened to, as it is now; null if it was deleted or you"
        " may not see it.",
        metadata=batched(subjects_of, "subject_id", kinds=audited_types),
    )
    def subject(self, info: Info) -> Node | None:
        return prefetched(self, info)  # type: ignore[no-any-return]  # prefetched() returns Any

    @strawberry.field(
        description="The customer in `customerId`, as it is now; null if there is none, if it was"
        " deleted or handed over to another reseller, and without the permission customers:read.",
        extensions=[Requires(Scope.CUSTOMERS_READ)],
        metadata=batched(customers_of, "customer_id"),
    )
    def customer(
        self, info: Info
    ) -> Annotated["Customer", strawberry.lazy("schema.types.customer")] | None:
        return prefetched(self, info)  # type: ignore[no-any-return]  # prefetched() returns Any


maps_to(Event, models.Event)


@strawberry.type(
    description="A page of the feed of events, in the order of their commits. A reader that goes on"
    " from `pageInfo.endCursor` misses no event, however many are written meanwhile. A page can be"
    " empty although more events follow, because only a part of the feed is searched at once:"
    " `pageInfo.hasNextPage` says whether to go on."
)
class EventConnection(Page[Event]):
    """A page of the feed; its cursors are positions in the feed of all tenants."""

    # Repeated from the base class: projections need the concrete type, not a type variable.
    nodes: list[Event] = strawberry.field(description="The events of the page.")
    feed: strawberry.Private[Feed]
    after: strawberry.Private[int]
    upto: strawberry.Private[int]
    """The page has all wanted events with numbers above `after`, up to `upto`."""

    @strawberry.field(description="The events of the page, each with its cursor.")
    def edges(self) -> list[Edge[Event]]:
        return [edge_of(self.feed, node) for node in self.nodes]

    @strawberry.field(
        description="The position of the page in the feed. `endCursor` is where to go on, and"
        " `startCursor` where to go back, null at the end of the feed. Both are set also if the"
        " page is empty, and move on even if no event of the page is yours."
    )
    def page_info(self) -> PageInfo:
        return PageInfo(
            has_next_page=self.has_more,
            has_previous_page=self.after > self.feed.floor,
            start_cursor=(
                self.feed.cursor(self.after + 1) if self.after < self.feed.newest else None
            ),
            end_cursor=self.feed.cursor(self.upto),
        )

    @strawberry.field(
        description="The cursor after the newest event of the feed. Take it before you list your"
        " objects for the first time, and follow the feed from it."
    )
    def newest_cursor(self) -> str:
        return self.feed.cursor(self.feed.newest)


def edge_of(feed: Feed, node: Event) -> Edge[Event]:
    """Return an event, read with its number, as an edge."""
    return Edge(cursor=feed.cursor(_number(node)), node=node)


def _number(node: Event) -> int:
    number: int = node.number  # type: ignore[attr-defined]  # a column that is no field
    return number


@strawberry.type(description="A member of the payload of a type of event.")
class EventPayloadField:
    name: str = strawberry.field(description="The name of the member.")
    description: str = strawberry.field(description="What the member holds, in English.")


@strawberry.type(description="A type of event: when it happens, and what it holds.")
class EventTypeDescription:
    type: EventTypeEnum = strawberry.field(description="The type, as events have it.")  # type: ignore[valid-type]  # see above
    name: str = strawberry.field(
        description="The type's name outside of this schema, such as `customer.created`."
    )
    description: str = strawberry.field(description="When such an event happens, in English.")
    payload: list[EventPayloadField] = strawberry.field(
        description="The members that the payload can have."
    )
    needs: ScopeEnum = strawberry.field(  # type: ignore[valid-type]  # see above
        description="The permission that is needed to read such events."
    )


DESCRIPTIONS = [
    EventTypeDescription(
        type=entry.type,
        name=entry.type.value,
        description=entry.when,
        payload=[
            EventPayloadField(name=one.name, description=one.description) for one in entry.payload
        ],
        needs=entry.scope,
    )
    for entry in CATALOGUE.values()
]
