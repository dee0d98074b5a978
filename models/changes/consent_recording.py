"""Recording, withdrawing and correcting consent, and requesting non-itemised bills."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from models.changes.consent_ledger import Request, append, earlier_entry, is_about_consent
from models.changes.customer_editing import locked_customer, refuse_stale
from models.rules.consent import KINDS, EntryKind, root_of
from models.rules.consent_fields import Draft, checked, checked_key
from models.rules.errors import RefusalCode, refuse
from models.rules.text import Checks
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
"""COPIED and COPIED_TESTIMONY are copied from the corrected entry unless they are sent."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """The entry that a request made, and its customer.

    `is_repeat` says that an earlier request made the entry.
    """

    customer: Customer
    entry: ConsentEntry
    is_repeat: bool = False


async def record(
    act: ActorContext,
    customer_id: str,
    kind: EntryKind,
    values: Mapping[str, Any],
    key: str | None,
    expected_version: int | None,
) -> Recorded:
    """Add an entry to a customer's consent ledger (R54, R58).

    Consent can be granted again, and withdrawn at any time. A repeated request returns the entry
    that it made before, whatever the customer's version is now (R57).
    """
    draft, key = checked(kind, values), checked_key(key)
    customer = await locked_customer(customer_id, None, "customerId")
    request = Request({"kind": kind, **values}, key)
    if (entry := await earlier_entry(act, customer.id, request)) is not None:
        return Recorded(customer, entry, is_repeat=True)
    refuse_stale(customer, expected_version)
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

    Fields that are not sent are copied from the corrected entry. An annulment removes the effect of
    the corrected entry.
    """
    checks = Checks()
    why = checks.reason(reason, REASON_LENGTH)
    checks.settle()
    key = checked_key(key)
    wrong = await ConsentEntry.get_or_none(id=entry_id)
    if wrong is None:
        raise refuse(RefusalCode.NOT_FOUND, "There is no such entry.", "entryId")
    customer = await locked_customer(wrong.customer_id, None, "entryId")
    request = Request({"corrects": entry_id, "kind": kind, "why": why, **values}, key)
    if (entry := await earlier_entry(act, customer.id, request)) is not None:
        return Recorded(customer, entry, is_repeat=True)
    refuse_stale(customer, expected_version)
    await _refuse_corrected(wrong)
    corrected_kind = await _kind(wrong, kind)
    merged = {**await _copied_values(wrong), **values}
    draft = checked(corrected_kind, merged, corrects_id=wrong.id, correction_reason=why)
    return await _add(act, customer, draft, request)


async def _add(act: ActorContext, customer: Customer, draft: Draft, request: Request) -> Recorded:
    """Add an entry; if it is about consent, a review of consent that was due counts as done."""
    entry = await append(act, customer, draft, request)
    if is_about_consent(draft.kind):
        customer.consent_review_due_at = None
    touch(customer, act.now)
    await customer.save(update_fields=["consent_review_due_at", "version", "last_modified_at"])
    return Recorded(customer, entry)


async def _refuse_corrected(wrong: ConsentEntry) -> None:
    by = await ConsentEntry.get_or_none(corrects_id=wrong.id)
    if by is not None:
        raise refuse(
            RefusalCode.CONSENT_ENTRY_CORRECTED,
            f"Entry {wrong.sequence} has already been corrected by entry {by.sequence}.",
            "entryId",
            hint=f"Correct {by.id} instead.",
        )


async def _kind(wrong: ConsentEntry, wanted: EntryKind | None) -> EntryKind:
    """Return the kind of a correction.

    Refuses a kind that is not about the corrected entry's matter.
    """
    if wrong.kind is EntryKind.ANNULMENT and wanted in {None, EntryKind.ANNULMENT}:
        raise refuse(
            RefusalCode.INVALID,
            "That entry annuls another, so its correction needs the kind of the new entry.",
            "kind",
            hint="Send the kind that the entry should have been, such as GRANT.",
        )
    entries = await ConsentEntry.filter(customer_id=wrong.customer_id)
    root = root_of(wrong, {entry.id: entry for entry in entries})
    family = next(kinds for kinds in KINDS.values() if root.kind in kinds)
    kind = wrong.kind if wanted is None else wanted
    if kind not in {*family, EntryKind.ANNULMENT}:
        raise refuse(
            RefusalCode.INVALID,
            f"An entry of kind {root.kind} can't be corrected to {kind}.",
            "kind",
        )
    return kind


async def _copied_values(wrong: ConsentEntry) -> dict[str, Any]:
    """Return the fields to copy: from the entry or, for an annulment, from the annulled entry."""
    while wrong.kind is EntryKind.ANNULMENT and wrong.corrects_id is not None:
        wrong = await ConsentEntry.get(id=wrong.corrects_id)
    testimony = await ConsentTestimony.get(id=wrong.testimony_id)
    copied = {name: getattr(wrong, name) for name in COPIED}
    return copied | {name: getattr(testimony, name) for name in COPIED_TESTIMONY}
