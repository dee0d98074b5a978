"""Filters and orders of lists of webhook endpoints and deliveries."""

from datetime import datetime

import strawberry

from models.lists.webhook_list import DeliveryOrder, EndpointOrder
from schema.base.connection import BoundedConnection
from schema.base.descriptions import described_enum
from schema.types.event import EventTypeEnum
from schema.types.webhook import WebhookDelivery, WebhookDeliveryOutcome

WebhookEndpointSort = described_enum(
    EndpointOrder,
    "WebhookEndpointSort",
    "The order of a list of webhook endpoints.",
    {
        "CREATED_AT_DESC": "By time of creation, newest first.",
        "CREATED_AT_ASC": "By time of creation, oldest first.",
    },
)
WebhookDeliverySort = described_enum(
    DeliveryOrder,
    "WebhookDeliverySort",
    "The order of a list of webhook deliveries.",
    {
        "CREATED_AT_DESC": "By time of creation, newest first.",
        "CREATED_AT_ASC": "By time of creation, oldest first.",
    },
)


@strawberry.input(
    description="Conditions on the webhook endpoints to list; an endpoint is listed if it meets all"
    " conditions that are set."
)
class WebhookEndpointFilter:
    """Conditions on endpoints; null does not filter."""

    reseller_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only endpoints of the reseller with this customer id."
    )
    is_active: bool | None = strawberry.field(
        default=None, description="True: only active endpoints. False: only others."
    )


@strawberry.input(
    description="Conditions on the webhook deliveries to list; a delivery is listed if it meets all"
    " conditions that are set."
)
class WebhookDeliveryFilter:
    """Conditions on deliveries; null does not filter."""

    endpoint_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only deliveries to the endpoint with this id."
    )
    event_types: list[EventTypeEnum] | None = strawberry.field(  # type: ignore[valid-type]  # an enum with another name
        default=None,
        description="Only deliveries of events of these types, at most 100; tests are left out"
        " then.",
    )
    outcomes: list[WebhookDeliveryOutcome] | None = strawberry.field(  # type: ignore[valid-type]  # see above
        default=None, description="Only deliveries with one of these outcomes, at most 100."
    )
    customer_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="Only deliveries of events that concern the customer with this id.",
    )
    from_at: datetime | None = strawberry.field(
        default=None,
        description="Only deliveries added at or after this date and time, which must have an"
        " offset from UTC.",
    )
    until_at: datetime | None = strawberry.field(
        default=None,
        description="Only deliveries added before this date and time, which must have an offset"
        " from UTC.",
    )


@strawberry.type(description="A page of webhook deliveries, in the form of a Relay connection.")
class WebhookDeliveryConnection(BoundedConnection[WebhookDelivery]):
    # Repeated from the base class: projections need the concrete type, not a type variable.
    nodes: list[WebhookDelivery] = strawberry.field(description="The deliveries of the page.")
