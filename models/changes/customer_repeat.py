"""Creates a customer once, even if a request with an idempotency key is repeated."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from tortoise.exceptions import IntegrityError

from models.changes.consent_ledger import Request, is_hidden_entry, key_reused
from models.changes.customer_editing import create_customer
from models.rules.consent_chain import digest
from models.rules.consent_fields import checked_key
from models.storage.identifiers import testimony_id_for
from models.storage.locks import lock_name
from models.tables.access import Principal
from models.tables.audit import ActorContext
from models.tables.consent_entry import ConsentEntry, ConsentTestimony
from models.tables.customer import Customer

CREATION = "customer created with consent"
"""Separates idempotency keys of this purpose from those of other requests."""

PATH = "consent"


class Created(NamedTuple):
    """The customer that a request created.

    `is_repeat` says that an earlier request created it.
    """

    customer: Customer
    is_repeat: bool = False


async def create_customer_once(
    act: ActorContext,
    values: Mapping[str, Any],
    template_id: str | None,
    consent: Mapping[str, Any] | None,
    key: str | None,
    content: Callable[[], Mapping[str, Any]],
) -> Created:
    """Create a customer with its consent, unless the same request did so before.

    `content` returns the content of the whole request, which a repeated request must equal. Refuses
    a key that was used with other content, and the key of a customer that was deleted or is out of
    scope now. Without a consent or a key, repeated requests are not recognised.
    """
    key = checked_key(key, PATH)
    if consent is None or key is None:
        return Created(await create_customer(act, values, template_id, consent))
    request = Request(content(), key, _testimony_id(act.principal, key))
    existing = await _created_before(act, request)
    if existing is not None:
        return Created(existing, is_repeat=True)
    try:
        return Created(await create_customer(act, values, template_id, consent, request))
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
        raise key_reused("The customer that this key created was deleted.", PATH)
    entry = await ConsentEntry.get(testimony_id=testimony.id)
    if is_hidden_entry(act, entry) or not request.has_content_of(testimony):
        raise key_reused("This key already created a customer, with a different request.", PATH)
    return customer


def _testimony_id(caller: Principal, key: str) -> str:
    return testimony_id_for(digest(CREATION, caller.quota_key, key))


def _key_out_of_scope() -> Exception:
    return key_reused("This key created a customer that you can no longer see.", PATH)
