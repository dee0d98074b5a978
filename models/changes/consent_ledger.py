"""Adds entries to a customer's consent ledger, and erases their personal data."""

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
"""OPERATIONS and CORRECTED are the names of audit entries and events."""


@dataclass(frozen=True, slots=True)
class Request:
    """The content of an API request, and its idempotency key if it has one.

    `testimony_id` is set if the key must be unique across customers.
    """

    content: Mapping[str, Any]
    key: str | None = None
    testimony_id: str | None = None

    def has_content_of(self, testimony: ConsentTestimony) -> bool:
        """Return whether the request that added a testimony had the same content."""
        return testimony.request_digest == _digest_of(testimony.salt or "", self.content)


def hashed_key(caller: Principal, key: str | None) -> str | None:
    """Return an idempotency key in stored form: a digest of the caller and the key.

    So the same key sent by two callers does not clash. None stays None.
    """
    return None if key is None else digest(caller.quota_key, key)


async def earlier_entry(
    act: ActorContext, customer_id: str, request: Request
) -> ConsentEntry | None:
    """Return the entry that the same request added before, or None (R57).

    Refuses an idempotency key that was sent with other content before.
    """
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
    if is_hidden_entry(act, entry) or not request.has_content_of(testimony):
        raise key_reused(f"This key was used for entry {entry.sequence}, with a different request.")
    return entry


def is_hidden_entry(act: ActorContext, entry: ConsentEntry) -> bool:
    """Return whether an entry is masked for the principal and was recorded by somebody else.

    Such a principal is not told whether a request has the same content as the entry's, because that
    would let them guess the content.
    """
    return act.is_masked and entry.recorded_by_id != act.principal.id


def key_reused(message: str, *path: str) -> Refused:
    """Return the refusal of an idempotency key that was used with another request."""
    return refuse(
        RefusalCode.IDEMPOTENCY_KEY_REUSED,
        message,
        *path,
        "idempotencyKey",
        hint="Use a new key for each new request, and the same key to repeat a request.",
    )


async def append(
    act: ActorContext, customer: Customer, draft: Draft, request: Request
) -> ConsentEntry:
    """Add an entry to the ledger of a customer that is locked or new in this transaction.

    Also recomputes the consent periods, audits the entry and publishes an event.
    """
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
    payload = {
        "entry_id": entry.id,
        "kind": entry.kind.value,
        "effective_at": entry.effective_at.isoformat(),
    }
    reason = draft.reason if draft.corrects_id is None else draft.correction_reason
    await audit.record(act, operation, customer.id, after=payload, reason=reason)
    await publish(operation, customer.id, payload, act.now)
    return entry


async def erase_testimonies(customer: Customer) -> None:
    """Erase the personal data in a customer's ledger; the database allows it only after erasure.

    The entries stay, and their hash chain stays valid (A18).
    """
    blank = dict.fromkeys(("salt", *TESTIMONY))
    await ConsentTestimony.filter(customer_id=customer.id).update(**blank)


def is_about_consent(kind: EntryKind) -> bool:
    """Return whether entries of a kind complete a review of consent that is due."""
    return kind not in KINDS[Matter.NON_ITEMISED]


async def _store_periods(customer_id: str) -> None:
    """Recompute the periods in which each matter is in effect, and store them."""
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
