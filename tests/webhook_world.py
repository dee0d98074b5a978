"""Webhook endpoints and deliveries to them, for tests of what the API shows and does with them."""

from datetime import datetime, timedelta
from typing import Any

from models import Customer, Event, WebhookAttempt, WebhookDelivery, WebhookEndpoint, WebhookLane
from models.storage.identifiers import new_event_id
from models.tables.webhook import DeliveryCause, DeliveryState, lane_id
from tests.graphql_client import Api, Json

URL = "https://hooks.example/in"
ENDPOINT = "webhookEndpoint { id url version isActive eventTypes customerIds resellerId } secret"


async def add_endpoint(api: Api, *, token: str | None = None, **values: Any) -> Json:
    """Save a new endpoint; return it with its secret."""
    payload = await api.done("saveWebhookEndpoint", ENDPOINT, token=token, **{"url": URL, **values})
    return {**payload["webhookEndpoint"], "secret": payload["secret"]}


async def ping(api: Api, endpoint_id: str, *, token: str | None = None) -> Json:
    """Test an endpoint; return the delivery."""
    payload = await api.done(
        "pingWebhookEndpoint", "webhookDelivery { id outcome }", token=token, id=endpoint_id
    )
    delivery: Json = payload["webhookDelivery"]
    return delivery


async def stored_endpoint(now: datetime, reseller_id: str | None, **values: Any) -> WebhookEndpoint:
    """Store an endpoint of a reseller or the platform, whose secret nobody knows."""
    return await WebhookEndpoint.create(
        **{
            "url": URL,
            "reseller_id": reseller_id,
            "secret": "enciphered",
            "last_number": 0,
            "created_at": now,
            "last_modified_at": now,
            **values,
        }
    )


async def deliver(
    endpoint_id: str,
    customer: Customer,
    now: datetime,
    *,
    kind: str = "customer.created",
    state: DeliveryState = DeliveryState.DELIVERED,
    answer: str = "Thanks",
) -> str:
    """Store a delivery of an event about a customer, with an attempt; return its id."""
    endpoint = await WebhookEndpoint.get(id=endpoint_id)
    event = await Event.filter(customer_id=customer.id, type=kind).order_by("-id").first()
    lane = lane_id(endpoint_id, customer.id)
    position = await WebhookDelivery.filter(lane_id=lane).count() + 1
    ended = {"tail": position, "done": position, "endpoint_id": endpoint_id}
    await WebhookLane.update_or_create(id=lane, defaults=ended)
    is_pending = state is DeliveryState.PENDING
    delivery = await WebhookDelivery.create(
        endpoint_id=endpoint_id,
        reseller_id=endpoint.reseller_id,
        customer_id=customer.id,
        lane_id=lane,
        position=position,
        event_id=new_event_id() if event is None else event.id,
        event_type=kind,
        number=None if event is None else event.number,
        cause=DeliveryCause.EVENT,
        state=state,
        attempts=1,
        next_attempt_at=now + timedelta(minutes=5) if is_pending else None,
        created_at=now,
        finished_at=None if is_pending else now,
    )
    is_accepted = state is DeliveryState.DELIVERED
    await WebhookAttempt.create(
        delivery_id=delivery.id,
        endpoint_id=endpoint_id,
        reseller_id=endpoint.reseller_id,
        sequence=1,
        started_at=now,
        duration_ms=12,
        status_code=200 if is_accepted else 500,
        error=None if is_accepted else "REFUSED",
        answer=answer,
    )
    return delivery.id
