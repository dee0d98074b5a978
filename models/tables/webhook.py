"""Webhooks: endpoints to which events are delivered, and their lanes, deliveries and attempts.

A lane holds the deliveries to one endpoint that concern one customer, which are sent one after the
other. `models/jobs/webhook_fan_out.py` appends deliveries; `notifications/webhooks/` sends them.
"""

from dataclasses import dataclass, field
from enum import StrEnum, unique

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model

from models.storage.id_field import IdField
from models.storage.identifiers import (
    ID_LENGTH,
    new_webhook_attempt_id,
    new_webhook_delivery_id,
    new_webhook_endpoint_id,
)
from models.storage.indexes import IndexWhere
from models.storage.secret_cipher import SecretCipher
from models.tables.event import TYPE_LENGTH

WEBHOOKS = "webhooks"
"""The topic that is fired in all processes when deliveries were appended, or may go on."""

PINGS = "ping"
"""The lane for pings, which wait for no other delivery; no customer has this id."""

PING = "ping"
"""The type of a ping, which is delivered like an event, but is not one of the feed."""

MAX_URL_LENGTH = 2_000
MAX_DESCRIPTION_LENGTH = 200
MAX_ANSWER_LENGTH = 1_000
REASON_LENGTH = 20
LANE_ID_LENGTH = 2 * ID_LENGTH + 1

IS_DUE = "due_at IS NOT NULL"


@unique
class DeliveryState(StrEnum):
    """The state of a delivery.

    FAILED is one that was given up so that its lane could go on, or whose endpoint was deleted.
    """

    PENDING = "PENDING"
    DELIVERED = "DELIVERED"
    FAILED = "FAILED"


@unique
class DeliveryCause(StrEnum):
    """Why an event is delivered: it happened, somebody asked for it again, or it is a ping."""

    EVENT = "EVENT"
    REDELIVERY = "REDELIVERY"
    PING = "PING"


@unique
class DisabledReason(StrEnum):
    """Why the program disabled an endpoint."""

    GONE = "GONE"
    """It answered 410 Gone."""
    FAILING = "FAILING"
    """It took no delivery for too long."""


@dataclass(frozen=True, slots=True)
class WebhookOptions:
    """What the settings say about the endpoints that may be saved.

    `allows_private` is for development: endpoints may have http URLs and private addresses.
    """

    cipher: SecretCipher = field(default_factory=SecretCipher)
    allows_private: bool = False


class WebhookEndpoint(Model):
    """A URL to which events are posted.

    Empty `event_types` and `customer_ids` stand for all that the owner may see; the owner is the
    reseller, or the platform if `reseller_id` is null. Deliveries of events up to `last_number` are
    appended. `secret` and `old_secret` are enciphered. `failures` counts failed attempts in a row;
    `failing_since` is the first of them. No delivery is sent before `open_at`, if it is set.
    """

    id = IdField(max_length=ID_LENGTH, primary_key=True, default=new_webhook_endpoint_id)
    reseller_id = IdField(max_length=ID_LENGTH, null=True)
    url = fields.CharField(max_length=MAX_URL_LENGTH)
    description = fields.CharField(max_length=MAX_DESCRIPTION_LENGTH, null=True)
    event_types: list[str] = fields.JSONField(default=list)
    customer_ids: list[str] = fields.JSONField(default=list)
    is_active = fields.BooleanField(default=True)
    disabled_at = fields.DatetimeField(null=True)
    """When the program disabled it; null if it is active, or if a user disabled it."""
    disabled_reason = fields.CharField(max_length=REASON_LENGTH, null=True)
    secret = fields.TextField()
    old_secret: str | None = fields.TextField(null=True)
    old_secret_until = fields.DatetimeField(null=True)
    last_number = fields.BigIntField(null=True)
    failures = fields.IntField(default=0)
    failing_since = fields.DatetimeField(null=True)
    open_at = fields.DatetimeField(null=True)
    noticed_at = fields.DatetimeField(null=True)
    """When the platform was told by email that it fails."""
    deleted_at = fields.DatetimeField(null=True)
    created_at = fields.DatetimeField()
    last_modified_at = fields.DatetimeField()
    version = fields.IntField(default=1)

    class Meta:
        table = "webhook_endpoint"
        indexes = (Index(fields=("reseller_id", "id")),)


class WebhookLane(Model):
    """The deliveries to an endpoint that concern one customer, or none.

    Deliveries have positions up to `tail`, and those up to `done` have ended. The next one is due
    at `due_at`, which is null if there is none. While a sender owns the lane, `due_at` is the end
    of its lease. `not_before` is the instant before which the receiver wants no attempt.
    """

    id = fields.CharField(max_length=LANE_ID_LENGTH, primary_key=True)
    endpoint_id = IdField(max_length=ID_LENGTH)
    due_at = fields.DatetimeField(null=True)
    tail = fields.BigIntField(default=0)
    done = fields.BigIntField(default=0)
    owner = fields.CharField(max_length=36, null=True)
    not_before = fields.DatetimeField(null=True)

    class Meta:
        table = "webhook_lane"
        indexes = (
            IndexWhere(fields=("endpoint_id", "due_at"), where=IS_DUE),
            Index(fields=("endpoint_id", "id")),
        )


class WebhookDelivery(Model):
    """An event to deliver to an endpoint.

    `number` is the number of the event in the feed, null for a ping. `failing_since` is its first
    failed attempt, and `next_attempt_at` when it is tried again. `finished_at` is set once it is
    delivered or given up.
    """

    id = IdField(max_length=ID_LENGTH, primary_key=True, default=new_webhook_delivery_id)
    endpoint_id = IdField(max_length=ID_LENGTH)
    reseller_id = IdField(max_length=ID_LENGTH, null=True)
    customer_id = IdField(max_length=ID_LENGTH, null=True)
    lane_id = fields.CharField(max_length=LANE_ID_LENGTH)
    position = fields.BigIntField()
    event_id = IdField(max_length=ID_LENGTH)
    event_type = fields.CharField(max_length=TYPE_LENGTH)
    number = fields.BigIntField(null=True)
    cause = fields.CharField(max_length=REASON_LENGTH, default=DeliveryCause.EVENT.value)
    state = fields.CharField(max_length=REASON_LENGTH, default=DeliveryState.PENDING.value)
    attempts = fields.IntField(default=0)
    failing_since = fields.DatetimeField(null=True)
    next_attempt_at = fields.DatetimeField(null=True)
    created_at = fields.DatetimeField()
    finished_at = fields.DatetimeField(null=True)

    class Meta:
        table = "webhook_delivery"
        unique_together = (("lane_id", "position"),)
        indexes = (
            Index(fields=("endpoint_id", "id")),
            Index(fields=("endpoint_id", "state", "id")),
            Index(fields=("event_id",)),
            Index(fields=("created_at",)),
        )


class WebhookAttempt(Model):
    """One post of a delivery, and what the receiver answered.

    `answer` has its first characters. `error` says why the attempt failed, null if it did not.
    """

    id = IdField(max_length=ID_LENGTH, primary_key=True, default=new_webhook_attempt_id)
    delivery_id = IdField(max_length=ID_LENGTH)
    endpoint_id = IdField(max_length=ID_LENGTH)
    reseller_id = IdField(max_length=ID_LENGTH, null=True)
    sequence = fields.IntField()
    """1 for the first attempt of the delivery."""
    started_at = fields.DatetimeField()
    duration_ms = fields.IntField()
    status_code = fields.IntField(null=True)
    error = fields.CharField(max_length=REASON_LENGTH, null=True)
    answer: str | None = fields.TextField(null=True)

    class Meta:
        table = "webhook_attempt"
        indexes = (
            Index(fields=("delivery_id", "id")),
            Index(fields=("started_at",)),
        )


def lane_id(endpoint_id: str, customer_id: str | None) -> str:
    """Return the id of the lane of an endpoint for a customer, or for events without one."""
    return f"{endpoint_id}.{customer_id or ''}"
