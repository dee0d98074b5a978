"""Recording, withdrawing and correcting consent, and requesting non-itemised bills."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from models.changes.consent_ledger import Request, append, earlier_entry, is_about_consent
from models.changes.customer_editing import locked_customer
from models.changes.own_reference import named_customer_id, path_of_customer, refuse_unnamed
from models.rules.checks import Checks
from models.rules.consent import KINDS, EntryKind, original_entry
from models.rules.consent_fields import Draft, checked, checked_key
from models.rules.errors import RefusalCode
from models.tables.audit import ActorContext
from models.tables.consent_entry import ConsentEntry, ConsentTestimony
from models.tables.customer import REASON_LENGTH, Customer
from models.tables.customer_class import touch

COPIED = (
    "effective_at",
    "basis",
    "method",
    "document_name",
    "document_version",
    "covers_emailing",
    "evidence_sha256",
)
COPIED_TESTIMONY = (
    "given_by",
    "given_by_role",
    "statement",
    "evidence_reference",
    "asked_by",
    "reason",
)
"""A correction copies the fields COPIED and COPIED_TESTIMONY unless the request sets them."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """The ledger entry that a request added, and its customer.

    `is_replayed` says that an earlier request with the same idempotency key added the entry.
    """

    customer: Customer
    entry: ConsentEntry
    is_replayed: bool = False


async def record(
    act: ActorContext,
    customer_id: str | None,
    kind: EntryKind,
    values: Mapping[str, Any],
    key: str | None,
    expected_version: int | None,
    customer_reference: str | None = None,
) -> Recorded:
    """Add an entry to a customer's consent ledger (R54, R58).

    The customer is named by its id, or by the caller's own reference of it.
    Consent can be granted again, and withdrawn at any time. A request that repeats an idempotency
    key returns the entry that it added before, whatever the customer's version is now (R57).
    """
    checks = act.checks()
    draft, key = checked(checks, kind, values), checked_key(checks, key)
    named = await named_customer_id(checks, customer_id, customer_reference)
    refuse_unnamed(checks, customer_id, customer_reference)
    customer = None
    if named is not None:
        path = path_of_customer(customer_id)
        customer = await checks.attempt(locked_customer(named, None, path))
    if customer is None:
        raise checks.refused()
    request = Request({"kind": kind, **values}, key)
    if not checks.has_found:
        entry = await earlier_entry(act, customer.id, request)
        if entry is not None:
            return Recorded(customer, entry, is_replayed=True)
    checks.expect_version(customer, expected_version)
    checks.raise_refusals()
    return await _add(act, customer, draft, request)


async def correct(
    act: ActorContext,
    entry_id: str,
    kind: EntryKind | None,
    values: Mapping[str, Any],
    reason: str | None,
    key: str | None,
    expected_version: int | None,
) -> Recorded:
    """Add an entry that replaces another; the replaced entry stays visible (R55).

    Fields that are missing in `values` are copied from the corrected entry. A correction of kind
    ANNULMENT only removes the effect of the corrected entry.
    """
    checks = act.checks()
    why = checks.required_reason(reason, REASON_LENGTH)
    key = checked_key(checks, key)
    wrong = await ConsentEntry.get_or_none(id=entry_id)
    if wrong is None:
        message = "There is no consent ledger entry with this id."
        checks.refuse(RefusalCode.NOT_FOUND, message, "entryId")
        raise checks.refused()
    customer = await checks.attempt(locked_customer(wrong.customer_id, None, "entryId"))
    if customer is None:
        raise checks.refused()
    request = Request({"corrects": entry_id, "kind": kind, "why": why, **values}, key)
    if not checks.has_found:
        entry = await earlier_entry(act, customer.id, request)
        if entry is not None:
            return Recorded(customer, entry, is_replayed=True)
    checks.expect_version(customer, expected_version)
    await _check_uncorrected(checks, wrong)
    merged = {**await _copied_values(wrong), **values}
    corrected_kind = await _kind(checks, wrong, kind)
    draft = checked(
        checks,
        corrected_kind,
        merged,
        "values",
        corrects_id=wrong.id,
        correction_reason=why,
    )
    checks.raise_refusals()
    return await _add(act, customer, draft, request)


async def _add(act: ActorContext, customer: Customer, draft: Draft, request: Request) -> Recorded:
    """Add a ledger entry; if it is about consent, a consent review that was due counts as done."""
    if is_about_consent(draft.kind):
        customer.consent_review_due_at = None
    touch(customer, act.now)
    entry = await append(act, customer, draft, request)
    await customer.save(update_fields=["consent_review_due_at", "version", "last_modified_at"])
    return Recorded(customer, entry)


async def _check_uncorrected(checks: Checks, wrong: ConsentEntry) -> None:
    by = await ConsentEntry.get_or_none(corrects_id=wrong.id)
    if by is not None:
        checks.refuse(
            RefusalCode.CONSENT_ENTRY_CORRECTED,
            f"Entry {wrong.sequence} has already been corrected by entry {by.sequence}.",
            "entryId",
            hint=f"Correct the later entry instead: its id is {by.id}.",
        )


async def _kind(checks: Checks, wrong: ConsentEntry, wanted: EntryKind | None) -> EntryKind:
    """Return the kind of the entry that corrects `wrong`; without `wanted`, the same kind.

    Refuses to turn an entry about consent into one about non-itemised bills, and the reverse.
    """
    if wrong.kind is EntryKind.ANNULMENT and wanted in {None, EntryKind.ANNULMENT}:
        checks.refuse(
            RefusalCode.REQUIRED,
            "The entry in `entryId` annuls another entry, so `kind` must say what its correction"
            " records.",
            "kind",
            hint="Send the kind that the entry should have had, such as GRANT.",
        )
        return wrong.kind
    entries = await ConsentEntry.filter(customer_id=wrong.customer_id)
    root = original_entry(wrong, {entry.id: entry for entry in entries})
    family = next(kinds for kinds in KINDS.values() if root.kind in kinds)
    kind = wrong.kind if wanted is None else wanted
    allowed = [one.value for one in EntryKind if one in {*family, EntryKind.ANNULMENT}]
    if kind.value not in allowed:
        checks.refuse(
            RefusalCode.VALUE_NOT_ALLOWED,
            f"An entry of the kind {root.kind} can be corrected only to {', '.join(allowed)}, not"
            f" to {kind}.",
            "kind",
            allowed_values=tuple(allowed),
        )
    return kind


async def _copied_values(wrong: ConsentEntry) -> dict[str, Any]:
    """Return the fields to copy: from the entry or, for an annulment, from the annulled entry."""
    while wrong.kind is EntryKind.ANNULMENT and wrong.corrects_id is not None:
        wrong = await ConsentEntry.get(id=wrong.corrects_id)
    testimony = await ConsentTestimony.get(id=wrong.testimony_id)
    copied = {name: getattr(wrong, name) for name in COPIED}
    return copied | {name: getattr(testimony, name) for name in COPIED_TESTIMONY}
