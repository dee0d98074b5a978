"""Creating, editing, moving and deleting customers."""

from collections.abc import Mapping
from typing import Any

from tortoise.exceptions import IntegrityError

from models.changes.audit_erasure import erase_values
from models.changes.consent_ledger import Request, append, erase_testimonies
from models.changes.contact_erasure import erase_contacts
from models.changes.customer_draft import draft_customer, refuse_taken_number
from models.changes.customer_placement import (
    assignable_class,
    check_parent,
    forget_company,
)
from models.changes.customer_values import (
    checked_values,
    number_taken,
    set_values,
    stored_values,
)
from models.changes.lookup import (
    LOOKUP_CANCELLED,
    apply_lookup_plan,
    cancel_lookup,
    move_lookup_to_parent,
    plan_lookups,
    record_requests,
)
from models.changes.own_reference import (
    hand_over_references,
    path_of_parent,
    set_reference_key,
)
from models.changes.partner_rules import (
    refuse_class_change,
    refuse_edit,
    refuse_erasure,
)
from models.changes.reclassification import (
    leave_reselling,
    move_customers,
)
from models.jobs.job import JOBS
from models.lists.personal_data import PERSONAL_ENTRIES, unseen
from models.rules.checks import Checks
from models.rules.enrichment_status import EnrichmentReason, EnrichmentTrigger
from models.rules.errors import RefusalCode, StaleVersion, about, refuse
from models.rules.urgency import Urgency
from models.storage.erasure import overwrite_erased
from models.storage.locks import lock, lock_shared
from models.storage.row_insert import add_rows
from models.storage.tenant_scope import current_tenant
from models.tables import audit
from models.tables.audit import ERASED, ActorContext
from models.tables.contact import lock_contacts
from models.tables.customer import (
    REASON_LENGTH,
    ClassChange,
    Customer,
    set_account_number,
)
from models.tables.customer_class import CustomerClass, rename, touch
from models.tables.enrichment import ProfileChange, Suggestion, erase_runs
from models.tables.event import owner_of


async def create_customer(
    act: ActorContext,
    values: Mapping[str, Any],
    template_id: str | None = None,
    consent: Mapping[str, Any] | None = None,
    request: Request | None = None,
    urgency: Urgency = Urgency.SAVED,
) -> Customer:
    """Add a customer, with the class of `values`, of the template, or the platform's default (R24).

    `consent` holds the fields of a consent that was given, whatever the class (R49); without it, no
    consent is recorded (R48). `request` is stored in the consent ledger, so that a repeated request
    is recognised; by default it is made from `consent`. `urgency` is that of the lookup.
    """
    draft = await draft_customer(act, values, template_id, consent, request, urgency=urgency)
    customer = draft.customer
    try:
        await add_rows(draft.rows, waking=JOBS if draft.starts_lookup else None)
    except IntegrityError as error:
        raise number_taken(customer) from error
    if draft.consent is not None and draft.request is not None:
        await append(act, customer, draft.consent, draft.request)
    return customer


async def edit_customer(
    act: ActorContext,
    customer_id: str,
    values: Mapping[str, Any],
    expected_version: int | None,
    urgency: Urgency = Urgency.SAVED,
) -> Customer:
    """Change the fields in `values`.

    Every save of a customer whose class is checked at Companies House starts a lookup (A10).
    `urgency` is that of the lookup.
    """
    checks = act.checks()
    changed = checked_values(checks, values)
    customer = await checks.attempt(locked_customer(customer_id, expected_version))
    if customer is None:
        raise checks.refused()
    customer_class = await lock_shared(CustomerClass, customer.customer_class_id)
    assert customer_class is not None  # noqa: S101  # a foreign key says so
    _refuse_other_class(checks, values, customer_class)
    refuse_edit(checks, customer, values)
    before = stored_values(customer)
    set_values(customer, changed)
    if customer.parent_id != before["parent_id"]:
        await checks.attempt(check_parent(customer, path_of_parent(values)))
        await hand_over_references(act, customer, values)
    reference = (customer.parent_id, customer.external_reference)
    if reference != (before["parent_id"], before["external_reference"]):
        await set_reference_key(checks, customer, customer.parent_id)
    if customer.account_number != before["account_number"]:
        await refuse_taken_number(checks, customer)
    checks.raise_refusals()
    if customer.parent_id != before["parent_id"]:
        await lock_contacts(customer.id)
        await move_lookup_to_parent(customer, customer_class)
    if customer.company_number != before["company_number"]:
        await forget_company(act, customer)
    after = stored_values(customer)
    plan = await plan_lookups([customer], customer_class)
    hidden = _unseen(act, customer_class, values)
    if after == before and not hidden:
        await customer.save(update_fields=["enrichment_status"])
        await apply_lookup_plan(act, plan, EnrichmentTrigger.SAVE, urgency)
        await record_requests(act, plan.starting)
        if plan.cancelled:
            await audit.record(act, LOOKUP_CANCELLED, customer.id)
        return customer
    touch(customer, act.now)
    try:
        await customer.save()
    except IntegrityError as error:
        raise number_taken(customer) from error
    await apply_lookup_plan(act, plan, EnrichmentTrigger.SAVE, urgency)
    await audit.record(
        act,
        "customer.edited",
        customer.id,
        before=before,
        after=after,
        always=hidden,
        owner=owner_of(customer),
    )
    return customer


async def change_class(
    act: ActorContext,
    customer_id: str,
    class_id: str,
    reason: str | None,
    expected_version: int | None,
) -> Customer:
    """Move a customer to another active class, for a reason (R26, R27).

    Does nothing if the customer is already in the class (R28).
    """
    checks = act.checks()
    customer = await checks.attempt(locked_customer(customer_id, expected_version, "customerId"))
    if customer and class_id == customer.customer_class_id and not checks.has_found:
        return customer
    old = None if customer is None else await lock_shared(CustomerClass, customer.customer_class_id)
    new = await checks.attempt(assignable_class(class_id, "classId"))
    why = checks.required_reason(reason, REASON_LENGTH)
    if customer is None or old is None or new is None or checks.has_found:
        raise checks.refused()
    refuse_class_change(customer, old, new)
    await move_customers(act, [customer], old, new, why, EnrichmentTrigger.CLASS_CHANGE, "classId")
    return customer


async def delete_customer(
    act: ActorContext, customer_id: str, expected_version: int | None
) -> Customer:
    """Erase a customer's personal data; keep the row, its class history and who did what (R35).

    The parent is kept too, because a partner answers for the consent of its former customers.
    """
    customer = await locked_customer(customer_id, expected_version)
    with about(customer):
        await refuse_erasure(customer)
        if current_tenant() is None:
            await leave_reselling(act, [customer], "id")
    await cancel_lookup(act, customer, EnrichmentReason.CUSTOMER_DELETED)
    await Suggestion.filter(customer_id=customer.id).delete()
    await ProfileChange.filter(customer_id=customer.id).delete()
    await erase_runs(customer.id)
    await erase_contacts(act, customer.id)
    set_account_number(customer, f"{ERASED} {customer.id}")
    customer.external_reference = customer.reference_key = customer.company_number = None
    rename(customer, ERASED)
    customer.profile, customer.search_key = {}, ""
    customer.erased_at = act.now
    touch(customer, act.now)
    await customer.save()
    await erase_testimonies(customer)
    await ClassChange.filter(customer_id=customer.id).update(reason=ERASED)
    await erase_values(customer.id, act.now)
    await audit.record(act, "customer.deleted", customer.id, owner=owner_of(customer))
    await overwrite_erased()
    return customer


async def locked_customer(
    customer_id: str, expected_version: int | None = None, *path: str
) -> Customer:
    """Lock and return a customer; refuses a missing or deleted one, or a stale version (R101).

    `path` is the input field that the refusal of a missing customer names; `id` by default.
    """
    customer = (await lock(Customer, customer_id)).get(customer_id)
    if customer is None or customer.erased_at is not None:
        raise refuse(
            RefusalCode.NOT_FOUND, "There is no customer with this id.", *(path or ("id",))
        )
    if expected_version is not None and customer.version != expected_version:
        raise StaleVersion(customer, expected_version, customer.version)
    return customer


def _unseen(
    act: ActorContext, customer_class: CustomerClass, values: Mapping[str, Any]
) -> frozenset[str]:
    """Return which of `name` and `profile` the caller sets but sees masked.

    Empty unless the class is for legal individuals.
    """
    if not customer_class.flags.is_legal_individual:
        return frozenset()
    typed = values.get("profile", {})
    is_address_typed = typed is None or not PERSONAL_ENTRIES.isdisjoint(typed)
    return unseen(act, values, ("name", "profile") if is_address_typed else ("name",))


def _refuse_other_class(checks: Checks, values: Mapping[str, Any], current: CustomerClass) -> None:
    """Refuse to change the class in an edit (R27).

    A change of class needs a reason, so callers must use `changeCustomerClass`. The same class is
    accepted.
    """
    for name, path, same in (
        ("class_id", "classId", current.id),
        ("class_code", "classCode", current.code),
    ):
        if name not in values:
            continue
        if values[name] is None:
            checks.refuse(
                RefusalCode.CLASS_REQUIRED,
                "A customer must have a class. Leave `classId` and `classCode` out to keep it.",
                path,
            )
        elif values[name] != same:
            checks.refuse(
                RefusalCode.CLASS_CHANGE_NEEDS_REASON,
                "The class of an existing customer cannot be changed here, because the change needs"
                " a reason.",
                path,
                hint="Use `changeCustomerClass`.",
            )
