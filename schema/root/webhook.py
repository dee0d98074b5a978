"""Root fields about webhooks."""

import strawberry

from models.tables.access import Scope
from resolvers import node as node_resolvers
from resolvers import webhook as webhook_resolvers
from schema.base.connection import CountedConnection
from schema.base.operation import operation
from schema.base.permissions import Requires
from schema.types.webhook import READS_WEBHOOKS, WebhookEndpoint
from schema.types.webhook_changes import (
    DeleteWebhookEndpointPayload,
    PingWebhookEndpointPayload,
    RedeliverWebhooksPayload,
    RotateWebhookSecretPayload,
    SaveWebhookEndpointPayload,
)
from schema.types.webhook_filter import WebhookDeliveryConnection

WRITES_WEBHOOKS = Requires(Scope.WEBHOOKS_WRITE)


@strawberry.type
class WebhookQuery:
    webhook_endpoint: WebhookEndpoint | None = operation(
        node_resolvers.webhook_endpoint,
        READS_WEBHOOKS,
        "One webhook endpoint by its id; null if there is none that you may see.",
    )
    webhook_endpoints: CountedConnection[WebhookEndpoint] | None = operation(
        webhook_resolvers.webhook_endpoints,
        READS_WEBHOOKS,
        "Webhook endpoints, newest first. A partner (a caller bound to a reseller) sees those of"
        " its own reseller.",
    )
    webhook_deliveries: WebhookDeliveryConnection | None = operation(
        webhook_resolvers.webhook_deliveries,
        READS_WEBHOOKS,
        "What was sent to webhook endpoints, and what waits to be sent, newest first. Events of"
        " types that you may not read are left out. Deliveries are kept for some weeks.",
    )


@strawberry.type
class WebhookMutation:
    save_webhook_endpoint: SaveWebhookEndpointPayload | None = operation(
        webhook_resolvers.save_webhook_endpoint,
        WRITES_WEBHOOKS,
        "Create a webhook endpoint (without `id`) or change the sent fields of one (with `id`)."
        " The secret of a new endpoint is returned only here. An endpoint that a partner (a caller"
        " bound to a reseller) creates gets events of its reseller and its customers only. A"
        " reseller, and the platform, can have 50 endpoints.",
    )
    rotate_webhook_secret: RotateWebhookSecretPayload | None = operation(
        webhook_resolvers.rotate_webhook_secret,
        WRITES_WEBHOOKS,
        "Give a webhook endpoint a new secret. For 24 hours, what it gets is signed with the old"
        " one too, so that the receiver has time to change over; another rotation is refused"
        " meanwhile. It needs the permissions to read all types of events that the endpoint gets.",
    )
    delete_webhook_endpoint: DeleteWebhookEndpointPayload | None = operation(
        webhook_resolvers.delete_webhook_endpoint,
        WRITES_WEBHOOKS,
        "Delete a webhook endpoint. Nothing is sent to it any more, not even what is pending.",
    )
    ping_webhook_endpoint: PingWebhookEndpointPayload | None = operation(
        webhook_resolvers.ping_webhook_endpoint,
        WRITES_WEBHOOKS,
        "Send a test to a webhook endpoint.",
    )
    redeliver_webhooks: RedeliverWebhooksPayload | None = operation(
        webhook_resolvers.redeliver_webhooks,
        WRITES_WEBHOOKS,
        "Send events to webhook endpoints again, under the ids that they had.",
    )
