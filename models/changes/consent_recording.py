"""Recording, withdrawing and correcting consent, and asking for bills without itemisation."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from models.changes.consent_ledger import Request, append, is_about_consent, repeated
from models.changes.customer_editing import locked_customer, refuse_stale
from models.rules.consent import KINDS, EntryKind, root_of
from models.rules.consent_fields import Draft, checked, checked_key
from models.rules.errors import RefusalCode, refuse
from models.rules.text import Checks
from models.tables.audit import ActorContext
from models.tables.consent_entry import ConsentEntry, ConsentTestimony
from models.tables.customer import REASON_LENGTH, Customer
from models.tables.customer_class import touch

KEPT = (
    "effective_at",
    "basis",
    "method",
    "document_name",
    "document_version",
    "covers_emailing",
    "evidence_sha256",
)
KEPT_TESTIMONY = (
    "given_by",
    "given_by_role",
    "statement",
    "evidence_reference",
    "asked_by",
    "reason",
)
"""What a correction takes over from the entry that it corrects, unless it is sent."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """The entry that a request made, now or when it came before, and its customer."""

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
    """Add an entry of a kind; consent can be granted again, and withdrawn at any time (R54, R58).

    A repeated request gives the entry that it made before, whatever the version is now (R57).
    """
    draft, key = checked(kind, values), checked_key(key)
    customer = await locked_customer(customer_id, None, "customerId")
    request = Request({"kind": kind, **values}, key)
    if (entry := await repeated(act, customer.id, request)) is not None:
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
    """Put an entry in the place of another, which stays to be seen (R55).

    What is not sent is taken over from the entry corrected; an annulment takes it away.
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
    if (entry := await repeated(act, customer.id, request)) is not None:
        return Recorded(customer, entry, is_repeat=True)
    refuse_stale(customer, expected_version)
    await _refuse_corrected(wrong)
    corrected_kind = await _kind(wrong, kind)
    merged = {**await _kept(wrong), **values}
    draft = checked(corrected_kind, merged, corrects_id=wrong.id, correction_reason=why)
    return await _add(act, customer, draft, request)


async def _add(act: ActorContext, customer: Customer, draft: Draft, request: Request) -> Recorded:
    """Add the entry; one about consent settles the review that a change of class asked for."""
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
            f"Entry {wrong.sequence} was corrected by entry {by.sequence} before.",
            "entryId",
            hint=f"Correct {by.id} instead.",
        )


async def _kind(wrong: ConsentEntry, wanted: EntryKind | None) -> EntryKind:
    """Return the kind of a correction: an entry about one matter can't become one about another."""
    if wrong.kind is EntryKind.ANNULMENT and wanted in {None, EntryKind.ANNULMENT}:
        raise refuse(
            RefusalCode.INVALID,
            "That entry takes another away; say what stands instead.",
            "kind",
            hint="Give the kind that the entry should have been, such as GRANT.",
        )
    entries = await ConsentEntry.filter(customer_id=wrong.customer_id)
    root = root_of(wrong, {entry.id: entry for entry in entries})
    family = next(kinds for kinds in KINDS.values() if root.kind in kinds)
    kind = wrong.kind if wanted is None else wanted
    if kind not in {*family, EntryKind.ANNULMENT}:
        raise refuse(
            RefusalCode.INVALID, f"An entry of kind {root.kind} can't become a {kind}.", "kind"
        )
    return kind


async def _kept(wrong: ConsentEntry) -> dict[str, Any]:
    """Return what is taken over: of the entry, or of that which an annulment took away."""
    while wrong.kind is EntryKind.ANNULMENT and wrong.corrects_id is not None:
        wrong = await ConsentEntry.get(id=wrong.corrects_id)
    testimony = await ConsentTestimony.get(id=wrong.testimony_id)
    kept = {name: getattr(wrong, name) for name in KEPT}
    return kept | {name: getattr(testimony, name) for name in KEPT_TESTIMONY}
