"""Creating, editing, moving and deleting customers."""

from collections.abc import Mapping
from typing import Any

from tortoise.exceptions import IntegrityError

from models.changes.audit_erasure import erase_values
from models.changes.consent_ledger import Request, append, erase_testimonies
from models.changes.contact_erasure import erase_contacts
from models.changes.customer_placement import check_parent, class_for_new_customer, forget_company
from models.changes.lookup import (
    LOOKUP_CANCELLED,
    cancel_lookup,
    carry_out,
    hand_over_lookup,
    lookup_rows,
    plan_lookups,
    record_requests,
)
from models.changes.partner_rules import (
    for_new_customer,
    refuse_class_change,
    refuse_edit,
    refuse_erasure,
)
from models.changes.reclassification import (
    FIRST_ASSIGNMENT,
    class_change,
    leave_reselling,
    move_customers,
)
from models.jobs.job import JOBS
from models.lists.personal_data import PERSONAL_ENTRIES, unseen
from models.rules.account_number import new_account_number
from models.rules.company_number import InvalidCompanyNumber, normalise
from models.rules.consent import EntryKind
from models.rules.consent_fields import checked
from models.rules.enrichment_status import EnrichmentReason, EnrichmentTrigger
from models.rules.errors import RefusalCode, StaleVersion, about, refuse
from models.rules.profile import (
    WANTED_FIELDS,
    Profile,
    ProfileEntry,
    typed_by_user,
    without_user_values,
)
from models.rules.text import Checks
from models.rules.urgency import Urgency
from models.storage.erasure import overwrite_erased
from models.storage.locks import lock, lock_shared
from models.storage.row_insert import add_rows, new_row
from models.storage.tenant_scope import current_tenant
from models.tables import audit
from models.tables.audit import ERASED, ActorContext
from models.tables.customer import (
    ACCOUNT_NUMBER_LENGTH,
    REASON_LENGTH,
    REFERENCE_LENGTH,
    ClassChange,
    Customer,
    search_key_of,
    set_account_number,
)
from models.tables.customer_class import NAME_LENGTH, CustomerClass, rename, touch
from models.tables.enrichment import Suggestion, erase_runs

STORED_FIELDS = (
    "account_number",
    "external_reference",
    "name",
    "company_number",
    "customer_class_id",
    "parent_id",
    "profile",
)
CLASS_FIELDS = ("class_id", "class_code")


async def create_customer(
    act: ActorContext,
    values: Mapping[str, Any],
    template_id: str | None = None,
    consent: Mapping[str, Any] | None = None,
    request: Request | None = None,
) -> Customer:
    """Add a customer; its class comes from the input, the template or the platform (R24).

    `consent` holds the fields of a consent that was given, whatever the class (R49); without it, no
    consent is recorded (R48). `request` is stored in the ledger, so that a repeated request is
    recognised; by default it is made from `consent`.
    """
    values = for_new_customer(values)
    placement = await class_for_new_customer(values, template_id)
    customer = new_row(
        Customer,
        customer_class_id=placement.customer_class.id,
        parent_id=placement.parent_id,
        created_at=act.now,
        last_modified_at=act.now,
    )
    given = dict(values)
    if given.get("account_number") is None:
        given["account_number"] = new_account_number()
    _check_and_set(customer, {"name": None, **given})
    await check_parent(customer)
    plan = await plan_lookups([customer], placement.customer_class, are_new=True)
    rows = [
        customer,
        class_change(act, customer.id, None, placement.customer_class, FIRST_ASSIGNMENT),
        audit.new_entry(act, "customer.created", customer.id, after=_stored(customer)),
        *lookup_rows(act, plan, EnrichmentTrigger.SAVE, Urgency.SAVED),
    ]
    try:
        await add_rows(rows, waking=JOBS if plan.starting else None)
    except IntegrityError as error:
        raise _number_taken(customer) from error
    if consent is not None:
        draft = checked(EntryKind.GRANT, consent, "consent")
        content = {"kind": EntryKind.GRANT, **consent}
        await append(act, customer, draft, request or Request(content))
    return customer


async def edit_customer(
    act: ActorContext, customer_id: str, values: Mapping[str, Any], expected_version: int | None
) -> Customer:
    """Change the fields that were sent.

    Every save of a customer whose class is checked at Companies House starts a lookup (A10).
    """
    customer = await locked_customer(customer_id, expected_version)
    customer_class = await lock_shared(CustomerClass, customer.customer_class_id)
    assert customer_class is not None  # noqa: S101  # a foreign key says so
    _refuse_other_class(values, customer_class)
    refuse_edit(customer, values)
    before = _stored(customer)
    _check_and_set(customer, values)
    if customer.parent_id != before["parent_id"]:
        await check_parent(customer)
        await hand_over_lookup(customer, customer_class)
    if customer.company_number != before["company_number"]:
        await forget_company(act, customer)
    after = _stored(customer)
    plan = await plan_lookups([customer], customer_class)
    hidden = _unseen(act, customer_class, values)
    if after == before and not hidden:
        await customer.save(update_fields=["enrichment_status"])
        await carry_out(act, plan, EnrichmentTrigger.SAVE)
        await record_requests(act, plan.starting)
        if plan.cancelled:
            await audit.record(act, LOOKUP_CANCELLED, customer.id)
        return customer
    await _refuse_taken_number(customer)
    touch(customer, act.now)
    try:
        await customer.save()
    except IntegrityError as error:
        raise _number_taken(customer) from error
    await carry_out(act, plan, EnrichmentTrigger.SAVE)
    await audit.record(
        act, "customer.edited", customer.id, before=before, after=after, always=hidden
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
    customer = await locked_customer(customer_id, expected_version, "customerId")
    if class_id == customer.customer_class_id:
        return customer
    old = await lock_shared(CustomerClass, customer.customer_class_id)
    new = await lock_shared(CustomerClass, class_id)
    if new is None or old is None:
        raise refuse(RefusalCode.NOT_FOUND, "There is no such customer class.", "classId")
    checks = Checks()
    why = checks.reason(reason, REASON_LENGTH)
    if not new.is_assignable:
        checks.refuse(
            RefusalCode.CLASS_RETIRED, f"{new.name} is retired; pick an active class.", "classId"
        )
    checks.settle()
    refuse_class_change(customer, old, new)
    await move_customers(act, [customer], old, new, why, EnrichmentTrigger.CLASS_CHANGE)
    return customer


async def delete_customer(
    act: ActorContext, customer_id: str, reason: str | None, expected_version: int | None
) -> Customer:
    """Erase a customer's personal data; keep the row, its class history and who did what (R35).

    The parent is kept too, because a partner answers for the consent of its former customers. The
    reason is checked but not stored, since it may name the person who asked.
    """
    customer = await locked_customer(customer_id, expected_version)
    checks = Checks()
    checks.reason(reason, REASON_LENGTH)
    with about(customer):
        checks.settle()
        await refuse_erasure(customer)
        if current_tenant() is None:
            await leave_reselling(act, [customer])
    await cancel_lookup(act, customer, EnrichmentReason.CUSTOMER_DELETED)
    await Suggestion.filter(customer_id=customer.id).delete()
    await erase_runs(customer.id)
    await erase_contacts(act, customer.id)
    set_account_number(customer, f"{ERASED} {customer.id}")
    customer.external_reference = customer.company_number = None
    rename(customer, ERASED)
    customer.profile, customer.search_key = {}, ""
    customer.erased_at = act.now
    touch(customer, act.now)
    await customer.save()
    await erase_testimonies(customer)
    await ClassChange.filter(customer_id=customer.id).update(reason=ERASED)
    await erase_values(customer.id, act.now)
    await audit.record(act, "customer.deleted", customer.id)
    await overwrite_erased()
    return customer


async def locked_customer(
    customer_id: str, expected_version: int | None = None, *path: str
) -> Customer:
    """Lock and return a customer; refuses a missing or deleted one, or a stale version.

    `path` is the input that a missing customer is reported for; `id` by default.
    """
    customer = (await lock(Customer, customer_id)).get(customer_id)
    if customer is None or customer.erased_at is not None:
        raise refuse(RefusalCode.NOT_FOUND, "There is no such customer.", *(path or ("id",)))
    refuse_stale(customer, expected_version)
    return customer


def refuse_stale(customer: Customer, expected_version: int | None) -> None:
    """Raise StaleVersion if a customer is at another version than the caller expects (R101).

    `expected_version` None accepts every version.
    """
    if expected_version is not None and customer.version != expected_version:
        raise StaleVersion(customer, expected_version, customer.version)


def _check_and_set(customer: Customer, values: Mapping[str, Any]) -> None:
    checks = Checks()
    if "name" in values:
        rename(customer, checks.required_text(values["name"], NAME_LENGTH, "name"))
    if "account_number" in values:
        number = checks.required_text(
            values["account_number"], ACCOUNT_NUMBER_LENGTH, "accountNumber"
        )
        set_account_number(customer, number)
    if "external_reference" in values:
        customer.external_reference = checks.optional_text(
            values["external_reference"], REFERENCE_LENGTH, "externalReference"
        )
    if "company_number" in values:
        customer.company_number = _company_number(checks, values["company_number"])
    if "parent_id" in values:
        customer.parent_id = values["parent_id"]
    if "profile" in values and values["profile"] is None:
        customer.profile = without_user_values(customer.profile)
    elif values.get("profile"):
        customer.profile = _typed_profile(customer.profile, values["profile"])
    checks.settle()
    customer.search_key = search_key_of(customer)


def _unseen(
    act: ActorContext, customer_class: CustomerClass, values: Mapping[str, Any]
) -> frozenset[str]:
    """Return the written fields of a legal individual that are masked for the principal."""
    if not customer_class.flags.is_legal_individual:
        return frozenset()
    typed = values.get("profile", {})
    is_address_typed = typed is None or not PERSONAL_ENTRIES.isdisjoint(typed)
    return unseen(act, values, ("name", "profile") if is_address_typed else ("name",))


def _company_number(checks: Checks, text: str | None) -> str | None:
    if text is None or not text.strip():
        return None
    try:
        return normalise(text)
    except InvalidCompanyNumber as error:
        checks.refuse(
            RefusalCode.INVALID_COMPANY_NUMBER,
            str(error),
            "companyNumber",
            hint="Eight digits, or letters as SC, NI or OC and six digits: 01234567, SC123456.",
        )
        return None


def _typed_profile(current: Profile, typed: Mapping[str, ProfileEntry | None]) -> Profile:
    profile = dict(current)
    for name in WANTED_FIELDS:
        if name in typed:
            entry = typed[name]
            if entry is None:
                profile.pop(name, None)
            else:
                profile[name] = typed_by_user(name, profile.get(name), entry)
    return profile


def _refuse_other_class(values: Mapping[str, Any], current: CustomerClass) -> None:
    """Refuse to change the class in an edit (R27).

    A change of class needs a reason, so callers must use `changeCustomerClass`. The same class is
    accepted.
    """
    for name in CLASS_FIELDS:
        if name not in values:
            continue
        if values[name] is None:
            raise refuse(
                RefusalCode.CLASS_REQUIRED, "A customer's class can't be cleared.", "classId"
            )
        if values[name] != (current.id if name == "class_id" else current.code):
            raise refuse(
                RefusalCode.CLASS_CHANGE_NEEDS_REASON,
                "A customer's class changes for a recorded reason only.",
                "classId" if name == "class_id" else "classCode",
                hint="Use changeCustomerClass.",
            )


async def _refuse_taken_number(customer: Customer) -> None:
    if (
        await Customer.exclude(id=customer.id)
        .filter(account_number_key=customer.account_number_key)
        .exists()
    ):
        raise _number_taken(customer)


def _number_taken(customer: Customer) -> Exception:
    return refuse(
        RefusalCode.ALREADY_EXISTS,
        f"There is a customer with the account number {customer.account_number} already.",
        "accountNumber",
    )


def _stored(customer: Customer) -> dict[str, Any]:
    return {name: getattr(customer, name) for name in STORED_FIELDS}
