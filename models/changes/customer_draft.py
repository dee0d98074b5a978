"""Prepares the rows of a new customer, and finds what is wrong, before anything is stored."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tortoise.models import Model

from models.changes.consent_ledger import Request
from models.changes.customer_placement import check_parent, place_new_customer
from models.changes.customer_values import (
    checked_values,
    number_taken,
    set_values,
    stored_values,
)
from models.changes.lookup import lookup_rows, plan_lookups
from models.changes.own_reference import path_of_parent, set_reference_key
from models.changes.partner_rules import for_new_customer
from models.changes.reclassification import FIRST_ASSIGNMENT, class_change
from models.rules.account_number import new_account_number
from models.rules.checks import Checks
from models.rules.consent import EntryKind
from models.rules.consent_fields import Draft, checked
from models.rules.enrichment_status import EnrichmentTrigger
from models.rules.urgency import Urgency
from models.storage.row_insert import new_row
from models.tables import audit
from models.tables.audit import ActorContext
from models.tables.customer import Customer
from models.tables.customer_class import CustomerClass
from models.tables.event import owner_of


@dataclass(frozen=True, slots=True)
class CustomerDraft:
    """A new customer that nothing is wrong with, and all rows to add with the customer."""

    customer: Customer
    rows: list[Model]
    starts_lookup: bool
    consent: Draft | None
    request: Request | None
    """The request to store with the consent; None without a consent."""


class Surroundings:
    """The checks of a new customer that read and lock other rows."""

    async def place(
        self, checks: Checks, values: Mapping[str, Any], template_id: str | None
    ) -> tuple[CustomerClass | None, str | None]:
        """Return what `place_new_customer` returns."""
        return await place_new_customer(checks, values, template_id)

    async def check_parent(self, customer: Customer, path: str) -> None:
        """Raise Refused if the parent is wrong; `path` is the input field that names it."""
        await check_parent(customer, path)

    async def check_reference(self, checks: Checks, customer: Customer) -> None:
        """Set the key of the customer's external reference; refuses one that is in use."""
        await set_reference_key(checks, customer, customer.parent_id)

    async def check_number(self, checks: Checks, customer: Customer) -> None:
        """Refuse an account number that is in use, if something else is wrong too.

        Otherwise the database refuses it when the row is added.
        """
        if checks.has_found:
            await refuse_taken_number(checks, customer)


async def draft_customer(
    act: ActorContext,
    values: Mapping[str, Any],
    template_id: str | None,
    consent: Mapping[str, Any] | None,
    request: Request | None = None,
    *,
    urgency: Urgency = Urgency.SAVED,
    around: Surroundings | None = None,
) -> CustomerDraft:
    """Return a new customer with all rows to add; raises Refused with everything that is wrong.

    For the arguments see `create_customer`. `around` may answer for many customers at once.
    """
    checks = act.checks()
    around = around or Surroundings()
    values = for_new_customer(checks, values)
    customer_class, parent_id = await around.place(checks, values, template_id)
    customer = new_row(
        Customer,
        customer_class_id=None if customer_class is None else customer_class.id,
        parent_id=parent_id,
        created_at=act.now,
        last_modified_at=act.now,
        changed_at=act.now,
    )
    given = dict(values)
    if given.get("account_number") is None:
        given["account_number"] = new_account_number()
    set_values(customer, checked_values(checks, {"name": None, **given}))
    path = path_of_parent(values) if "parent_id" in values else "templateId"
    await checks.attempt(around.check_parent(customer, path))
    await around.check_reference(checks, customer)
    draft = None if consent is None else checked(checks, EntryKind.GRANT, consent, "consent")
    await around.check_number(checks, customer)
    if checks.has_found or customer_class is None:
        raise checks.refused()
    plan = await plan_lookups([customer], customer_class, are_new=True)
    rows = [
        customer,
        class_change(act, customer.id, None, customer_class, FIRST_ASSIGNMENT),
        *audit.with_events(
            audit.new_entry(act, "customer.created", customer.id, after=stored_values(customer)),
            owner_of(customer),
            ids=act.event_ids,
        ),
        *lookup_rows(act, plan, EnrichmentTrigger.SAVE, urgency),
    ]
    if draft is not None and request is None:
        request = Request({"kind": EntryKind.GRANT, **(consent or {})})
    return CustomerDraft(customer, rows, bool(plan.starting), draft, request)


async def refuse_taken_number(checks: Checks, customer: Customer) -> None:
    """Refuse an account number that another customer has."""
    others = Customer.exclude(id=customer.id)
    if not checks.is_refused("accountNumber") and (
        await others.filter(account_number_key=customer.account_number_key).exists()
    ):
        checks.add(*number_taken(customer).refusals)
