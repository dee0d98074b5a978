"""The queries and mutations of webhook endpoints and deliveries."""

from datetime import datetime
from typing import Annotated, Any

import strawberry

from models.changes import webhook_endpoint_editing, webhook_sending
from models.changes.webhook_sending import Redelivery
from models.lists.webhook_list import (
    DeliveryFilter,
    DeliveryOrder,
    EndpointFilter,
    EndpointOrder,
    count_deliveries,
    delivery_page,
)
from models.tables.audit import ActorContext
from models.tables.webhook import PING
from resolvers.listing import listed, listed_rows
from resolvers.outcome import Outcome, outcome
from resolvers.run_mutation import Input, created, given, run_mutation
from schema.base.connection import CountedConnection
from schema.base.context import Info
from schema.base.errors import ErrorCode, RequestRefused
from schema.base.instants import checked_instant
from schema.base.pagination import After, Before, First, Last, page_arguments
from schema.types.event import readable_types
from schema.types.webhook import WebhookDelivery, WebhookEndpoint
from schema.types.webhook_changes import (
    DeleteWebhookEndpointInput,
    DeleteWebhookEndpointPayload,
    PingWebhookEndpointInput,
    PingWebhookEndpointPayload,
    RedeliverWebhooksInput,
    RedeliverWebhooksPayload,
    RotateWebhookSecretInput,
    RotateWebhookSecretPayload,
    SaveWebhookEndpointInput,
    SaveWebhookEndpointPayload,
)
from schema.types.webhook_filter import (
    WebhookDeliveryConnection,
    WebhookDeliveryFilter,
    WebhookDeliverySort,
    WebhookEndpointFilter,
    WebhookEndpointSort,
)

MAX_VALUES = 100


async def webhook_endpoints(
    info: Info,
    first: First = None,
    after: After = None,
    last: Last = None,
    before: Before = None,
    filter: Annotated[
        WebhookEndpointFilter | None,
        strawberry.argument(
            description="Conditions on the endpoints to list. Null lists all that you may see."
        ),
    ] = None,
    sort: Annotated[
        WebhookEndpointSort | None,  # type: ignore[valid-type]  # an enum with another name
        strawberry.argument(description="The order of the list; by default newest first."),
    ] = EndpointOrder.CREATED_AT_DESC,
) -> CountedConnection[WebhookEndpoint]:
    wanted = EndpointFilter()
    if filter is not None:
        wanted = EndpointFilter(filter.reseller_id, filter.is_active)
    return await listed_rows(
        info,
        WebhookEndpoint,
        sort or EndpointOrder.CREATED_AT_DESC,
        wanted.condition(),
        first=first,
        after=after,
        last=last,
        before=before,
    )


async def webhook_deliveries(
    info: Info,
    first: First = None,
    after: After = None,
    last: Last = None,
    before: Before = None,
    filter: Annotated[
        WebhookDeliveryFilter | None,
        strawberry.argument(
            description="Conditions on the deliveries to list. Null lists all that you may see."
        ),
    ] = None,
    sort: Annotated[
        WebhookDeliverySort | None,  # type: ignore[valid-type]  # an enum with another name
        strawberry.argument(description="The order of the list; by default newest first."),
    ] = DeliveryOrder.CREATED_AT_DESC,
) -> WebhookDeliveryConnection:
    order: DeliveryOrder = sort or DeliveryOrder.CREATED_AT_DESC
    arguments = page_arguments(
        f"webhook-deliveries-{order.name}",
        order.rows.key_types,
        first=first,
        after=after,
        last=last,
        before=before,
    )
    wanted = _wanted(info, filter)
    return await listed(
        info,
        WebhookDeliveryConnection,
        WebhookDelivery,
        arguments,
        lambda row_query: delivery_page(
            row_query,
            wanted,
            order,
            arguments.size,
            beyond=arguments.beyond,
            is_backward=arguments.is_backward,
        ),
        lambda: count_deliveries(wanted),
        key_columns=order.rows.columns,
        key_of=lambda node: (node.id,),
    )


async def save_webhook_endpoint(
    info: Info, input: Input[SaveWebhookEndpointInput]
) -> SaveWebhookEndpointPayload:
    values = given(input, *webhook_endpoint_editing.ENDPOINT_FIELDS)
    settings = info.context.webhooks

    async def work(act: ActorContext) -> Outcome:
        saving = webhook_endpoint_editing.save_endpoint(
            act,
            input.id,
            values,
            input.expected_version,
            cipher=settings.cipher,
            allows_private=settings.allows_private,
        )
        saved = await (created(act, input.expected_version, saving) if input.id is None else saving)
        return outcome(webhook_endpoint=saved.endpoint, shown_once={"secret": saved.secret})

    return await run_mutation(info, input, work, SaveWebhookEndpointPayload, shows=WebhookEndpoint)


async def rotate_webhook_secret(
    info: Info, input: Input[RotateWebhookSecretInput]
) -> RotateWebhookSecretPayload:
    async def work(act: ActorContext) -> Outcome:
        rotated = await webhook_endpoint_editing.rotate_secret(
            act, input.id, input.expected_version, info.context.webhooks.cipher
        )
        return outcome(webhook_endpoint=rotated.endpoint, shown_once={"secret": rotated.secret})

    return await run_mutation(info, input, work, RotateWebhookSecretPayload, shows=WebhookEndpoint)


async def delete_webhook_endpoint(
    info: Info, input: Input[DeleteWebhookEndpointInput]
) -> DeleteWebhookEndpointPayload:
    async def work(act: ActorContext) -> Outcome:
        row = await webhook_endpoint_editing.delete_endpoint(act, input.id, input.expected_version)
        return outcome(deleted_id=row.id)

    return await run_mutation(
        info, input, work, DeleteWebhookEndpointPayload, shows=WebhookEndpoint
    )


async def ping_webhook_endpoint(
    info: Info, input: Input[PingWebhookEndpointInput]
) -> PingWebhookEndpointPayload:
    async def work(act: ActorContext) -> Outcome:
        delivery_id = await webhook_sending.ping_endpoint(act, input.id)
        return outcome(webhook_delivery=delivery_id)

    return await run_mutation(info, input, work, PingWebhookEndpointPayload, shows=WebhookDelivery)


async def redeliver_webhooks(
    info: Info, input: Input[RedeliverWebhooksInput]
) -> RedeliverWebhooksPayload:
    wanted = Redelivery(
        input.delivery_ids,
        input.endpoint_id,
        input.from_at,
        input.until_at,
        input.event_types,
        input.outcomes,
    )

    async def work(act: ActorContext) -> Outcome:
        count = await webhook_sending.redeliver_webhooks(act, wanted)
        return outcome(redelivered_count=count)

    return await run_mutation(info, input, work, RedeliverWebhooksPayload)


def _wanted(info: Info, given: WebhookDeliveryFilter | None) -> DeliveryFilter:
    if given is None:
        return DeliveryFilter([*readable_types(info), PING])
    lists: dict[str, list[Any] | None] = {
        "eventTypes": given.event_types,
        "outcomes": given.outcomes,
    }
    for name, values in lists.items():
        if len(values or ()) > MAX_VALUES:
            raise RequestRefused(
                ErrorCode.BAD_USER_INPUT, f"`{name}` may have at most {MAX_VALUES} values."
            )
    types = readable_types(info, given.event_types)
    return DeliveryFilter(
        types if given.event_types is not None else [*types, PING],
        endpoint_id=given.endpoint_id,
        outcomes=given.outcomes,
        customer_id=given.customer_id,
        since=_instant(given.from_at, "fromAt"),
        until=_instant(given.until_at, "untilAt"),
    )


def _instant(instant: datetime | None, name: str) -> datetime | None:
    return None if instant is None else checked_instant(instant, name)
