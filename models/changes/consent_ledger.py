"""Adds entries to a customer's consent ledger, and erases what they say of persons."""

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tortoise.expressions import Q

from models.jobs.event import publish
from models.rules.consent import KINDS, EntryKind, Matter, periods
from models.rules.consent_chain import FIRST, TESTIMONY, digest, entry_hash, testimony_digest
from models.rules.consent_fields import Draft
from models.rules.errors import RefusalCode, Refused, refuse
from models.storage.identifiers import new_testimony_id
from models.tables import audit
from models.tables.access import Principal
from models.tables.audit import ActorContext
from models.tables.consent_entry import ConsentEntry, ConsentLedger, ConsentPeriod, ConsentTestimony
from models.tables.customer import Customer

OPERATIONS = {
    EntryKind.GRANT: "consent.recorded",
    EntryKind.WITHDRAWAL: "consent.withdrawn",
    EntryKind.NON_ITEMISED_REQUEST: "non_itemised_bills.requested",
    EntryKind.NON_ITEMISED_WITHDRAWAL: "non_itemised_bills.withdrawn",
}
CORRECTED = "consent.corrected"
"""What audit entries and events are called."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a caller asked for, and by which idempotency key, if by any.

    `testimony_id` is set where the key is to be unique beyond one customer.
    """

    content: Mapping[str, Any]
    key: str | None = None
    testimony_id: str | None = None

    def is_that_of(self, testimony: ConsentTestimony) -> bool:
        """Return whether the request that left a testimony asked for the same."""
        return testimony.request_digest == _digest_of(testimony.salt or "", self.content)


def hashed_key(caller: Principal, key: str | None) -> str | None:
    """Return an idempotency key as it is stored: hashed with the caller, whose alone it is."""
    return None if key is None else digest(caller.quota_key, key)


async def repeated(act: ActorContext, customer_id: str, request: Request) -> ConsentEntry | None:
    """Return the entry that the same request made before; refuse the key of another one (R57)."""
    if request.key is None:
        return None
    # Keys were once stored without their caller; a request of that time may be repeated now.
    unscoped = hashlib.sha256(request.key.encode()).hexdigest()
    entry = await ConsentEntry.get_or_none(
        Q(idempotency_key=hashed_key(act.principal, request.key))
        | Q(idempotency_key=unscoped, recorded_by_id=act.principal.id),
        customer_id=customer_id,
    )
    if entry is None:
        return None
    testimony = await ConsentTestimony.get(id=entry.testimony_id)
    if is_another_s(act, entry) or not request.is_that_of(testimony):
        raise key_reused(f"This key made entry {entry.sequence}, by a request with other content.")
    return entry


def is_another_s(act: ActorContext, entry: ConsentEntry) -> bool:
    """Return whether a principal who may not see an entry did not record it either.

    Such a principal is not told whether its request says the same: it could guess what was said.
    """
    return act.is_masked and entry.recorded_by_id != act.principal.id


def key_reused(message: str, *path: str) -> Refused:
    """Refuse an idempotency key that came with another request before."""
    return refuse(
        RefusalCode.IDEMPOTENCY_KEY_REUSED,
        message,
        *path,
        "idempotencyKey",
        hint="Send a new key with each new request, and the same with a repeated one.",
    )


async def append(
    act: ActorContext, customer: Customer, draft: Draft, request: Request
) -> ConsentEntry:
    """Add an entry to the ledger of a customer that is locked, or was made in this transaction."""
    ledger = await ConsentLedger.get_or_none(id=customer.id)
    is_first = ledger is None
    if ledger is None:
        ledger = ConsentLedger(id=customer.id, entry_count=0, last_hash=FIRST)
    testimony = _testimony(customer, draft, request)
    entry = ConsentEntry(
        customer_id=customer.id,
        sequence=ledger.entry_count + 1,
        kind=draft.kind,
        corrects_id=draft.corrects_id,
        basis=draft.basis,
        effective_at=draft.effective_at or act.now,
        recorded_at=act.now,
        recorded_by_id=act.principal.id,
        recorded_by=act.principal.name,
        method=draft.method,
        document_name=draft.document_name,
        document_version=draft.document_version,
        covers_emailing=draft.covers_emailing,
        evidence_sha256=draft.evidence_sha256,
        idempotency_key=hashed_key(act.principal, request.key),
        testimony_id=testimony.id,
        testimony_digest=testimony_digest(testimony),
        previous_hash=ledger.last_hash,
    )
    entry.hash = entry_hash(entry)
    await testimony.save(force_create=True)
    await entry.save(force_create=True)
    ledger.entry_count, ledger.last_hash = entry.sequence, entry.hash
    await ledger.save(force_create=is_first, force_update=not is_first)
    await _store_periods(customer.id)
    operation = OPERATIONS[draft.kind] if draft.corrects_id is None else CORRECTED
    spelt = {
        "entry_id": entry.id,
        "kind": entry.kind.value,
        "effective_at": entry.effective_at.isoformat(),
    }
    reason = draft.reason if draft.corrects_id is None else draft.correction_reason
    await audit.record(act, operation, customer.id, after=spelt, reason=reason)
    await publish(operation, customer.id, spelt, act.now)
    return entry


async def erase_testimonies(customer: Customer) -> None:
    """Blank what entries say of persons; the database allows it once the customer is erased.

    The entries stay, and their chain stays whole (A18).
    """
    blank = dict.fromkeys(("salt", *TESTIMONY))
    await ConsentTestimony.filter(customer_id=customer.id).update(**blank)


def is_about_consent(kind: EntryKind) -> bool:
    """Return whether entries of a kind settle a review of consent."""
    return kind not in KINDS[Matter.NON_ITEMISED]


async def _store_periods(customer_id: str) -> None:
    """Work out anew when the customer's matters are on."""
    entries = await ConsentEntry.filter(customer_id=customer_id)
    await ConsentPeriod.filter(customer_id=customer_id).delete()
    await ConsentPeriod.bulk_create(
        [
            ConsentPeriod(
                customer_id=customer_id,
                matter=period.matter,
                from_at=period.from_at,
                until_at=period.until_at,
                basis=period.entry.basis,
                document_version=period.entry.document_version,
                entry_id=period.entry.id,
            )
            for period in periods(entries)
        ]
    )


def _testimony(customer: Customer, draft: Draft, request: Request) -> ConsentTestimony:
    salt = secrets.token_hex(32)
    return ConsentTestimony(
        id=request.testimony_id or new_testimony_id(),
        customer_id=customer.id,
        salt=salt,
        given_by=draft.given_by,
        given_by_role=draft.given_by_role,
        statement=draft.statement,
        evidence_reference=draft.evidence_reference,
        asked_by=draft.asked_by,
        reason=draft.reason,
        correction_reason=draft.correction_reason,
        request_digest=_digest_of(salt, request.content),
    )


def _digest_of(salt: str, content: Mapping[str, Any]) -> str:
    return digest(salt, dict(content))
