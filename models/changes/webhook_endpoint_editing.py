"""Saving and deleting webhook endpoints, and rotating their secrets.

An endpoint belongs to the reseller that its creator is bound to, or to the platform. It gets the
types of events that its creator might read when it was saved: events hold ids and names of fields,
and no personal data, so later changes of the creator's permissions do not change what it gets.
Whoever sends these events to another URL, or gets a new secret to sign them, must be able to read
them too, also those that are pending from before its types were changed. An active endpoint of a
reseller is created, or enabled, while the reseller is locked.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any, Protocol

from models.changes.administration import check_reseller
from models.jobs.webhook_fan_out import newest_number
from models.jobs.webhook_queue import delete_endpoint as stop_deliveries
from models.jobs.webhook_queue import disable, enable
from models.rules.checks import Checks
from models.rules.errors import Refusal, RefusalCode, Refused, StaleVersion, refuse
from models.rules.event_type import CATALOGUE, EventType, readable
from models.rules.webhook_secret import ROTATION_OVERLAP, new_secret
from models.rules.webhook_target import UrlFault, faults_of_url, message_of
from models.storage.locks import lock, lock_name
from models.tables import audit
from models.tables.audit import ActorContext
from models.tables.customer import Customer
from models.tables.customer_class import touch
from models.tables.webhook import (
    MAX_DESCRIPTION_LENGTH,
    MAX_URL_LENGTH,
    DeliveryState,
    WebhookDelivery,
    WebhookEndpoint,
)

ENDPOINT_FIELDS = ("url", "description", "event_types", "customer_ids", "is_active")
MAX_ENDPOINTS = 50
"""The maximum number of endpoints of a reseller, and of the platform."""

MAX_CUSTOMERS = 100
MAX_TYPES = 100
TYPES = "eventTypes"

_URL_CODES = {
    UrlFault.NOT_HTTPS: RefusalCode.URL_NOT_HTTPS,
    UrlFault.HAS_CREDENTIALS: RefusalCode.URL_HAS_CREDENTIALS,
    UrlFault.IP_ADDRESS: RefusalCode.URL_NOT_PUBLIC,
    UrlFault.LOCAL_NAME: RefusalCode.URL_NOT_PUBLIC,
}


class Cipher(Protocol):
    """Enciphers the secrets of endpoints; `context` is the id of the endpoint."""

    def encrypt(self, text: str, context: str) -> str: ...


@dataclass(frozen=True, slots=True)
class WithSecret:
    """An endpoint, and its new secret, which is shown once; None if it kept its secret."""

    endpoint: WebhookEndpoint
    secret: str | None = None


async def save_endpoint(
    act: ActorContext,
    endpoint_id: str | None,
    values: Mapping[str, Any],
    expected_version: int | None,
    *,
    cipher: Cipher,
    allows_private: bool,
) -> WithSecret:
    """Create an endpoint if `endpoint_id` is None; otherwise change the fields in `values`."""
    checks = act.checks()
    found: WebhookEndpoint | None = None
    if endpoint_id is None:
        values = {"url": None, "event_types": None, **values}
    else:
        found = await checks.attempt(locked_endpoint(endpoint_id, expected_version))
    # The fields of an endpoint that was not found are checked on one that is never stored.
    endpoint = found or WebhookEndpoint(created_at=act.now, last_modified_at=act.now)
    before = _stored(endpoint)
    await _check_and_set(checks, act, endpoint, values, allows_private=allows_private)
    checks.raise_refusals()
    if endpoint_id is None:
        return await _create(act, endpoint, cipher)
    if _stored(endpoint) != before:
        await _store(act, endpoint, before)
    return WithSecret(endpoint)


async def delete_endpoint(
    act: ActorContext, endpoint_id: str, expected_version: int | None
) -> WebhookEndpoint:
    """Delete an endpoint: nothing is sent to it any more, and what is pending is given up."""
    endpoint = await act.checks().conclude(locked_endpoint(endpoint_id, expected_version))
    before = _stored(endpoint)
    await stop_deliveries(endpoint, act.now)
    endpoint.deleted_at = act.now
    touch(endpoint, act.now)
    await endpoint.save(update_fields=["deleted_at", "version", "last_modified_at"])
    await audit.record(act, "webhook_endpoint.deleted", endpoint.id, before=before)
    return endpoint


async def store_switch(
    act: ActorContext, endpoint: WebhookEndpoint, *, is_active: bool, reason: str | None = None
) -> None:
    """Switch a locked endpoint on or off, and audit it."""
    before = {"is_active": endpoint.is_active}
    await (enable(endpoint, act.now) if is_active else disable(endpoint, act.now, None))
    touch(endpoint, act.now)
    await endpoint.save(update_fields=["version", "last_modified_at"])
    await audit.record(
        act,
        "webhook_endpoint.edited",
        endpoint.id,
        before=before,
        after={"is_active": is_active},
        reason=reason,
    )


async def rotate_secret(
    act: ActorContext, endpoint_id: str, expected_version: int | None, cipher: Cipher
) -> WithSecret:
    """Give an endpoint a new secret; the old one signs too until ROTATION_OVERLAP has passed.

    The caller sees the secret, and could sign events with it that the receiver believes. So they
    must be able to read all types that the endpoint gets, as whoever changes its URL.
    """
    checks = act.checks()
    endpoint = await checks.conclude(locked_endpoint(endpoint_id, expected_version))
    await _refuse_unreadable_events(checks, act, endpoint, _types_of(endpoint), "id")
    checks.raise_refusals()
    until = endpoint.old_secret_until
    if until is not None and until > act.now:
        wait = ceil((until - act.now).total_seconds())
        message = (
            "The secret was rotated less than 24 hours ago, and the one before is still used. It"
            f" can be rotated again in {_in_words(wait)}."
        )
        hint = f"Rotate it again after {until.isoformat()}."
        code = RefusalCode.SECRET_JUST_ROTATED
        raise Refused([Refusal(code, message, ("id",), hint, True, wait)])
    secret = new_secret()
    endpoint.old_secret, endpoint.old_secret_until = endpoint.secret, act.now + ROTATION_OVERLAP
    endpoint.secret = cipher.encrypt(secret, endpoint.id)
    touch(endpoint, act.now)
    await endpoint.save(
        update_fields=["secret", "old_secret", "old_secret_until", "version", "last_modified_at"]
    )
    await audit.record(act, "webhook_endpoint.secret_rotated", endpoint.id)
    return WithSecret(endpoint, secret)


def _in_words(seconds: int) -> str:
    """Return a duration, rounded up to minutes: "23 hours and 5 minutes"."""
    hours, minutes = divmod(ceil(seconds / 60), 60)
    parts = ((hours, "hour"), (minutes, "minute"))
    return " and ".join(f"{count} {name}{'s' * (count > 1)}" for count, name in parts if count)


async def locked_endpoint(
    endpoint_id: str, expected_version: int | None = None, path: str = "id"
) -> WebhookEndpoint:
    """Lock and return an endpoint; refuses one that does not exist or is out of scope."""
    endpoint = (await lock(WebhookEndpoint, endpoint_id)).get(endpoint_id)
    if endpoint is None or endpoint.deleted_at is not None:
        raise refuse(RefusalCode.NOT_FOUND, "There is no webhook endpoint with this id.", path)
    if expected_version is not None and endpoint.version != expected_version:
        raise StaleVersion(endpoint, expected_version, endpoint.version)
    return endpoint


async def _create(act: ActorContext, endpoint: WebhookEndpoint, cipher: Cipher) -> WithSecret:
    owner = act.principal.reseller_id
    if owner is not None:
        await check_reseller(owner)
    await lock_name(f"webhook endpoints of {owner or 'the platform'}")
    if await WebhookEndpoint.filter(reseller_id=owner, deleted_at=None).count() >= MAX_ENDPOINTS:
        raise refuse(
            RefusalCode.WEBHOOK_ENDPOINT_LIMIT,
            f"There are already {MAX_ENDPOINTS} webhook endpoints. Delete one first.",
            limit=MAX_ENDPOINTS,
        )
    secret = new_secret()
    endpoint.reseller_id = owner
    endpoint.secret = cipher.encrypt(secret, endpoint.id)
    endpoint.last_number = await newest_number()
    await endpoint.save(force_create=True)
    await audit.record(act, "webhook_endpoint.created", endpoint.id, after=_stored(endpoint))
    return WithSecret(endpoint, secret)


async def _store(act: ActorContext, endpoint: WebhookEndpoint, before: Mapping[str, Any]) -> None:
    after = _stored(endpoint)
    touch(endpoint, act.now)
    kept = [name for name in ENDPOINT_FIELDS if name != "is_active"]
    await endpoint.save(update_fields=[*kept, "version", "last_modified_at"])
    if after["is_active"] and not before["is_active"]:
        await enable(endpoint, act.now)
    if before["is_active"] and not after["is_active"]:
        await disable(endpoint, act.now, None)
    await audit.record(
        act, "webhook_endpoint.edited", endpoint.id, before=dict(before), after=after
    )


async def _check_and_set(
    checks: Checks,
    act: ActorContext,
    endpoint: WebhookEndpoint,
    values: Mapping[str, Any],
    *,
    allows_private: bool,
) -> None:
    if "url" in values and (values["url"] is None or values["url"] != endpoint.url):
        if endpoint.url is not None:
            kept = [] if "event_types" in values else _types_of(endpoint)
            await _refuse_unreadable_events(checks, act, endpoint, kept, "url")
        endpoint.url = _checked_url(checks, values["url"], allows_private=allows_private)
    if "description" in values:
        endpoint.description = checks.optional_text(
            values["description"], MAX_DESCRIPTION_LENGTH, "description"
        )
    if "event_types" in values:
        endpoint.event_types = _checked_types(checks, act, values["event_types"])
    if "customer_ids" in values:
        endpoint.customer_ids = await _checked_customers(checks, values["customer_ids"])
    if values.get("is_active") is not None:
        if values["is_active"] and not endpoint.is_active and endpoint.reseller_id is not None:
            await checks.attempt(check_reseller(endpoint.reseller_id, "isActive"))
        endpoint.is_active = values["is_active"]


def _types_of(endpoint: WebhookEndpoint) -> Sequence[str]:
    """Return the types of events that an endpoint gets."""
    return endpoint.event_types or [one.value for one in EventType]


def _checked_url(checks: Checks, url: str | None, *, allows_private: bool) -> str:
    checked = checks.required_text(url, MAX_URL_LENGTH, "url")
    if not checks.is_refused("url"):
        for fault in faults_of_url(checked, allows_private=allows_private):
            code = _URL_CODES.get(fault, RefusalCode.BAD_FORMAT)
            checks.refuse(code, message_of(fault), "url")
    return checked


def _checked_types(
    checks: Checks, act: ActorContext, wanted: Sequence[EventType] | None
) -> list[str]:
    """Return the types to store: those wanted, or all that the caller may read.

    If these are all that exist, an empty list is stored, which stands for later types too.
    """
    if not wanted:
        allowed = readable(act.principal.permissions)
        return [] if len(allowed) == len(CATALOGUE) else [one.value for one in allowed]
    checks.list_length(wanted, MAX_TYPES, TYPES)
    types = [one.value for one in dict.fromkeys(wanted)]
    _refuse_unreadable(checks, act, types, TYPES)
    return types


async def _refuse_unreadable_events(
    checks: Checks, act: ActorContext, endpoint: WebhookEndpoint, types: Sequence[str], path: str
) -> None:
    """Refuse if the caller may not read these types of events, or events that are pending.

    Pending ones may be of types that the endpoint got before.
    """
    hidden = {one.value for one in EventType} - {
        one.value for one in readable(act.principal.permissions)
    }
    if hidden:
        pending = WebhookDelivery.filter(
            endpoint_id=endpoint.id, state=DeliveryState.PENDING, event_type__in=hidden
        )
        waiting = await pending.distinct().values("event_type")
        _refuse_unreadable(checks, act, [*types, *(one["event_type"] for one in waiting)], path)


def _refuse_unreadable(checks: Checks, act: ActorContext, types: Sequence[str], path: str) -> None:
    """Refuse if the caller may not read all of these types of events."""
    needed = {CATALOGUE[EventType(one)].scope for one in types}
    lacking = sorted(needed - act.principal.permissions)
    if lacking:
        checks.refuse(
            RefusalCode.PERMISSION_NOT_HELD,
            f"Some of the endpoint's types of events need {', '.join(lacking)}, which you do not"
            " have.",
            path,
            hint=f"{'Leave these types out, or ask' if path == TYPES else 'Ask'} a user who has the"
            " permission.",
        )


async def _checked_customers(checks: Checks, wanted: Sequence[str] | None) -> list[str]:
    """Return the ids of the customers, of which the caller must see each; empty for all."""
    if wanted is None:
        return []
    checks.list_length(wanted, MAX_CUSTOMERS, "customerIds", minimum=1)
    if checks.is_refused("customerIds"):
        return []
    ids = list(dict.fromkeys(map(str, wanted)))
    found = await Customer.filter(id__in=ids, erased_at=None).values_list("id", flat=True)
    known = set(map(str, found))
    for place, one in enumerate(wanted):
        if one not in known:
            message = "There is no customer with this id."
            checks.refuse(RefusalCode.NOT_FOUND, message, "customerIds", str(place))
    return ids


def _stored(endpoint: WebhookEndpoint) -> dict[str, Any]:
    return {name: getattr(endpoint, name, None) for name in ENDPOINT_FIELDS}
