"""Creates a customer once, even if a request with an idempotency key is repeated."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from tortoise.exceptions import IntegrityError

from models.changes.consent_ledger import Request, is_hidden_entry, key_reused
from models.changes.customer_editing import create_customer
from models.rules.consent_chain import digest
from models.rules.consent_fields import checked_key
from models.rules.urgency import Urgency
from models.storage.identifiers import testimony_id_for
from models.storage.locks import lock_name
from models.tables.access import Principal
from models.tables.audit import ActorContext
from models.tables.consent_entry import ConsentEntry, ConsentTestimony
from models.tables.customer import Customer

CREATION = "customer created with consent"
"""Hashed with an idempotency key, so that a request of another kind may use the same key."""

PATH = "consent"


class Created(NamedTuple):
    """The customer that a request created.

    `is_replayed` says that an earlier request with the same idempotency key created it.
    """

    customer: Customer
    is_replayed: bool = False


async def create_customer_once(
    act: ActorContext,
    values: Mapping[str, Any],
    template_id: str | None,
    consent: Mapping[str, Any] | None,
    key: str | None,
    content: Callable[[], Mapping[str, Any]],
    urgency: Urgency = Urgency.SAVED,
) -> Created:
    """Create a customer with their consent, unless the same request did so before.

    `key` is the idempotency key. `content` returns the content of the whole request; a request that
    repeats the key must have the same content, and is refused otherwise. It is also refused if the
    customer was deleted since, or is out of the caller's tenant scope. Without a consent or a key,
    repeated requests are not recognised.
    """
    checks = act.checks()
    key = checked_key(checks, key, PATH)
    if consent is None or key is None or checks.has_found:
        created = create_customer(act, values, template_id, consent, urgency=urgency)
        return Created(await checks.conclude(created))
    request = Request(content(), key, _testimony_id(act.principal, key))
    existing = await _created_before(act, request)
    if existing is not None:
        return Created(existing, is_replayed=True)
    try:
        return Created(await create_customer(act, values, template_id, consent, request, urgency))
    except IntegrityError as error:
        raise _key_out_of_scope() from error


async def _created_before(act: ActorContext, request: Request) -> Customer | None:
    """Return the customer that the same request created before, or None.

    Waits for a concurrent request with the same key to end.
    """
    assert request.testimony_id is not None  # noqa: S101  # it is derived from the key
    await lock_name(request.testimony_id)
    testimony = await ConsentTestimony.get_or_none(id=request.testimony_id)
    if testimony is None:
        return None
    customer = await Customer.get(id=testimony.customer_id)
    if customer.erased_at is not None:
        raise key_reused(
            "The idempotency key was already used to create a customer, which was deleted later.",
            PATH,
        )
    entry = await ConsentEntry.get(testimony_id=testimony.id)
    if is_hidden_entry(act, entry) or not request.has_content_of(testimony):
        raise key_reused(
            "The idempotency key was already used to create a customer with a different request.",
            PATH,
        )
    return customer


def _testimony_id(caller: Principal, key: str) -> str:
    return testimony_id_for(digest(CREATION, caller.quota_key, key))


def _key_out_of_scope() -> Exception:
    return key_reused(
        "The idempotency key was already used to create a customer that you may no longer see.",
        PATH,
    )
