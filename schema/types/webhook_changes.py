"""Inputs and payloads of the mutations on webhook endpoints."""

from datetime import datetime

import strawberry

from schema.base.mutation_fields import MutationPayload, dry_run, expected_version
from schema.types.event import EventTypeEnum
from schema.types.webhook import WebhookDelivery, WebhookDeliveryOutcome, WebhookEndpoint

SHOWN_ONCE = (
    "It is returned only here and cannot be read again; null in a dry run, after an error, and in a"
    " repeat with the same idempotency key"
)


@strawberry.input(
    description="The webhook endpoint to create (without `id`) or to change (with `id`). A field"
    " left out keeps its value."
)
class SaveWebhookEndpointInput:
    id: strawberry.ID | None = strawberry.field(
        default=None,
        description="The id of the endpoint to change; leave it out to create an endpoint.",
    )
    expected_version: int | None = expected_version(
        "endpoint", " Leave it out to create an endpoint."
    )
    url: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="The URL to post events to, at most 2000 characters: `https`, with a public"
        " host name, without user name and password. Required to create an endpoint.",
    )
    description: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="What the endpoint is for, at most 200 characters.",
    )
    event_types: list[EventTypeEnum] | None = strawberry.field(  # type: ignore[valid-type]  # an enum with another name
        default=strawberry.UNSET,
        description="The types of events to send, at most 100; you need the permission to read each"
        " of them. Null, or an empty list, for all types that you may read now; if these are all"
        " types, also for those that are added later.",
    )
    customer_ids: list[strawberry.ID] | None = strawberry.field(
        default=strawberry.UNSET,
        description="The ids of the customers whose events to send, 1 to 100. Null for all events"
        " within the owner's reach.",
    )
    is_active: bool | None = strawberry.field(
        default=strawberry.UNSET,
        description="Whether to send events. A new endpoint is active by default. An endpoint that"
        " is made active again, also after the platform disabled it, goes on where it stopped. Null"
        " changes nothing.",
    )
    dry_run: bool | None = dry_run()


@strawberry.type(description="The result of saving a webhook endpoint.")
class SaveWebhookEndpointPayload(MutationPayload):
    webhook_endpoint: WebhookEndpoint | None = strawberry.field(
        default=None,
        description="The saved endpoint. After the error VERSION_CONFLICT, the endpoint as stored;"
        " null after other errors.",
    )
    secret: str | None = strawberry.field(
        default=None,
        description="The secret of a new endpoint, `whsec_…`, by which you verify what it gets."
        f" {SHOWN_ONCE}: if you did not get it, rotate it. Null also if the endpoint existed.",
    )


@strawberry.input(description="The webhook endpoint to give a new secret.")
class RotateWebhookSecretInput:
    id: strawberry.ID = strawberry.field(description="The id of the endpoint.")
    expected_version: int | None = expected_version("endpoint")
    dry_run: bool | None = dry_run()


@strawberry.type(
    description="The result of rotating a secret. For 24 hours, deliveries are signed with both"
    " secrets."
)
class RotateWebhookSecretPayload(MutationPayload):
    webhook_endpoint: WebhookEndpoint | None = strawberry.field(
        default=None,
        description="The endpoint. After the error VERSION_CONFLICT, the endpoint as stored; null"
        " after other errors.",
    )
    secret: str | None = strawberry.field(
        default=None,
        description=f"The new secret, `whsec_…`. {SHOWN_ONCE}: if you did not get it, rotate it"
        " again after 24 hours, or create another endpoint.",
    )


@strawberry.input(description="The webhook endpoint to delete.")
class DeleteWebhookEndpointInput:
    id: strawberry.ID = strawberry.field(description="The id of the endpoint to delete.")
    expected_version: int | None = expected_version("endpoint")
    dry_run: bool | None = dry_run()


@strawberry.type(
    description="The result of deleting a webhook endpoint. What was sent to it stays listed for"
    " some time."
)
class DeleteWebhookEndpointPayload(MutationPayload):
    deleted_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="The id of the deleted endpoint; null in a dry run and after an error.",
    )
    webhook_endpoint: WebhookEndpoint | None = strawberry.field(
        default=None,
        description="After the error VERSION_CONFLICT, the endpoint as stored; otherwise null.",
    )


@strawberry.input(description="The webhook endpoint to test. It must be active.")
class PingWebhookEndpointInput:
    id: strawberry.ID = strawberry.field(description="The id of the endpoint.")
    dry_run: bool | None = dry_run()


@strawberry.type(
    description="The result of testing a webhook endpoint: the test is sent within seconds."
)
class PingWebhookEndpointPayload(MutationPayload):
    webhook_delivery: WebhookDelivery | None = strawberry.field(
        default=None,
        description="The delivery of the test; read it again to see its outcome. Null after an"
        " error.",
    )


@strawberry.input(
    description="The events to send again, to active endpoints: by the ids of deliveries, or all of"
    " an endpoint in a period. Only deliveries that have ended, and whose events are still stored,"
    " are sent again."
)
class RedeliverWebhooksInput:
    delivery_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="The ids of deliveries, 1 to 100. Not together with `endpointId`."
    )
    endpoint_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="The id of an endpoint, with `fromAt` and `untilAt`: at most 1000 of its"
        " deliveries are sent again at once.",
    )
    from_at: datetime | None = strawberry.field(
        default=None,
        description="With `endpointId`: deliveries added at or after this date and time, with an"
        " offset from UTC.",
    )
    until_at: datetime | None = strawberry.field(
        default=None,
        description="With `endpointId`: deliveries added before this date and time, with an offset"
        " from UTC.",
    )
    event_types: list[EventTypeEnum] | None = strawberry.field(  # type: ignore[valid-type]  # an enum with another name
        default=None,
        description="With `endpointId`: only events of these types. Types that you may not read are"
        " left out.",
    )
    outcomes: list[WebhookDeliveryOutcome] | None = strawberry.field(  # type: ignore[valid-type]  # see above
        default=None,
        description="With `endpointId`: only deliveries with one of these outcomes, such as"
        " `FAILED`.",
    )
    dry_run: bool | None = dry_run()


@strawberry.type(description="The result of sending events again.")
class RedeliverWebhooksPayload(MutationPayload):
    redelivered_count: int | None = strawberry.field(
        default=None,
        description="The number of events that are sent again; null after an error.",
    )
