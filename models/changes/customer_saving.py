"""Saves a customer that a request describes: creates it, or changes the one that is meant."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from models.changes.contact_draft import ContactToSave
from models.changes.customer_editing import edit_customer
from models.changes.customer_repeat import Created, create_customer_once
from models.changes.own_reference import (
    OWN_REFERENCE,
    PARENT_REFERENCE,
    customer_to_update,
    customers_at,
    id_by_reference,
)
from models.rules.checks import Checks
from models.rules.errors import RefusalCode
from models.rules.urgency import Urgency
from models.tables.audit import ActorContext
from models.tables.customer import Customer


@dataclass(frozen=True, slots=True)
class CustomerToSave:
    """A customer to create, or to change if `customer_id` or `updates_existing` finds one.

    `values` are the fields to set, by name. `content` returns the content of the whole request, by
    which a repeated `consent_key` is recognised. Contacts are saved by `bulk_customers` only.
    """

    values: Mapping[str, Any]
    customer_id: str | None = None
    expected_version: int | None = None
    updates_existing: bool = False
    template_id: str | None = None
    is_consent_sent: bool = False
    consent: Mapping[str, Any] | None = None
    consent_key: str | None = None
    contacts: Sequence[ContactToSave] = ()
    content: Callable[[], Mapping[str, Any]] = field(default=dict)


async def save_customer(act: ActorContext, checks: Checks, wanted: CustomerToSave) -> Created:
    """Create a customer, or change the one that is meant; `checks` has what was found before."""
    named = await customers_at([wanted.values.get(PARENT_REFERENCE)])
    wanted = with_parent(checks, wanted, named)
    customer_id = wanted.customer_id
    refuse_two_ways(checks, wanted)
    if wanted.updates_existing and customer_id is None and wanted.consent is None:
        customer_id = await customer_to_update(checks, wanted.values, wanted.template_id)
    if customer_id is None:
        return await checks.conclude(create(act, wanted, Urgency.SAVED))
    refuse_fields_of_new(checks, wanted)
    editing = edit_customer(act, customer_id, wanted.values, wanted.expected_version)
    return Created(await checks.conclude(editing))


def with_parent(
    checks: Checks, wanted: CustomerToSave, found: Mapping[str | None, Customer]
) -> CustomerToSave:
    """Return what to save with the id of the parent that it names by external reference.

    `found` is the result of `customers_at`. Without a parent it is not known whose references the
    others are; these are not checked then, as the save is refused in any case.
    """
    if PARENT_REFERENCE not in wanted.values:
        return wanted
    values = dict(wanted.values)
    reference, sent_id = values[PARENT_REFERENCE], values.get("parent_id")
    values["parent_id"] = id_by_reference(checks, sent_id, reference, found, "parent")
    if sent_id is not None:
        del values[PARENT_REFERENCE]
    if reference is not None and values["parent_id"] is None:
        values = {name: values[name] for name in values.keys() - {"parent_id", OWN_REFERENCE}}
        return replace(wanted, values=values, updates_existing=False, expected_version=None)
    return replace(wanted, values=values)


async def create(act: ActorContext, wanted: CustomerToSave, urgency: Urgency) -> Created:
    """Create a customer, unless the same request with the consent's key did so before."""
    checks = act.checks()
    checks.refuse_version_of_new(wanted.expected_version)
    creation = create_customer_once(
        act,
        wanted.values,
        wanted.template_id,
        wanted.consent,
        wanted.consent_key,
        wanted.content,
        urgency,
    )
    return await checks.conclude(creation)


def refuse_two_ways(checks: Checks, wanted: CustomerToSave) -> None:
    """Refuse to find a customer by its id and by its reference at once."""
    if wanted.updates_existing and wanted.customer_id is not None:
        checks.refuse(
            RefusalCode.NOT_APPLICABLE,
            "`onConflict: UPDATE` finds the customer by `externalReference`. Leave it or `id` out.",
            "onConflict",
        )


def refuse_fields_of_new(checks: Checks, wanted: CustomerToSave) -> None:
    """Refuse what can be sent only with a new customer."""
    if wanted.template_id is not None and not wanted.updates_existing:
        checks.refuse(
            RefusalCode.NOT_APPLICABLE,
            "A template cannot be applied to an existing customer. Leave `templateId` out.",
            "templateId",
        )
    if wanted.is_consent_sent:
        checks.refuse(
            RefusalCode.CONSENT_NOT_EDITABLE,
            "The consent of an existing customer cannot be saved with the customer.",
            "consent",
            hint="Use `recordConsent` or `withdrawConsent`.",
        )
