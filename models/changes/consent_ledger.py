"""Adds entries to a customer's consent ledger, and erases their personal data."""

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from tortoise.expressions import Q
from tortoise.models import Model

from models.changes.delivery_changes import noting_deliveries_of
from models.rules.consent import KINDS, EntryKind, Matter, periods
from models.rules.consent_chain import FIRST, TESTIMONY, digest, entry_hash, testimony_digest
from models.rules.consent_fields import Draft
from models.rules.errors import RefusalCode, Refused, refuse
from models.storage.identifiers import new_testimony_id
from models.storage.row_insert import add_rows, by_table
from models.tables import audit
from models.tables.access import Principal
from models.tables.audit import ActorContext
from models.tables.consent_entry import ConsentEntry, ConsentLedger, ConsentPeriod, ConsentTestimony
from models.tables.customer import Customer
from models.tables.event import owner_of

OPERATIONS = {
    EntryKind.GRANT: "consent.recorded",
    EntryKind.WITHDRAWAL: "consent.withdrawn",
    EntryKind.NON_ITEMISED_REQUEST: "non_itemised_bills.requested",
    EntryKind.NON_ITEMISED_WITHDRAWAL: "non_itemised_bills.withdrawn",
}
CORRECTED = "consent.corrected"
"""OPERATIONS and CORRECTED are the names of changes in audit entries."""


@dataclass(frozen=True, slots=True)
class Request:
    """The content of an API request, and its idempotency key if it has one.

    `testimony_id` is the id that the testimony (the personal fields of the new entry) must get, for
    requests whose key must be unique among all customers; None stands for a new id.
    """

    content: Mapping[str, Any]
    key: str | None = None
    testimony_id: str | None = None

    def has_content_of(self, testimony: ConsentTestimony) -> bool:
        """Return whether this request has the content of the one that stored the testimony."""
        return testimony.request_digest == _digest_of(testimony.salt or "", self.content)


class NewEntry(NamedTuple):
    """An entry to add to the ledger of a customer, and the request that adds it."""

    customer: Customer
    draft: Draft
    request: Request


def hashed_key(caller: Principal, key: str | None) -> str | None:
    """Return an idempotency key in stored form: a digest of the caller and the key.

    So the same key sent by two callers does not clash. None stays None.
    """
    return None if key is None else digest(caller.quota_key, key)


async def earlier_entry(
    act: ActorContext, customer_id: str, request: Request
) -> ConsentEntry | None:
    """Return the ledger entry that the same request added before; None if it is new (R57).

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
        raise key_reused(
            f"The idempotency key was already used for ledger entry {entry.sequence}, with a"
            " different request."
        )
    return entry


def is_hidden_entry(act: ActorContext, entry: ConsentEntry) -> bool:
    """Return whether an entry is masked for the principal and was recorded by somebody else.

    Such a principal is not told whether their request equals the one that added the entry, because
    then they could guess the entry's content by trial.
    """
    return act.is_masked and entry.recorded_by_id != act.principal.id


def key_reused(message: str, *path: str) -> Refused:
    """Return the refusal of an idempotency key that was used with another request."""
    return refuse(
        RefusalCode.IDEMPOTENCY_KEY_REUSED,
        message,
        *path,
        "idempotencyKey",
        hint="Use a new key for each new request, and the same key only to repeat a request.",
    )


async def append(
    act: ActorContext, customer: Customer, draft: Draft, request: Request
) -> ConsentEntry:
    """Add an entry to the ledger of a customer that is locked or new in this transaction.

    Also recomputes the consent periods, and adds an audit entry and events.
    """
    (entry,) = await append_all(act, [NewEntry(customer, draft, request)])
    return entry


async def append_all(act: ActorContext, added: Sequence[NewEntry]) -> list[ConsentEntry]:
    """Add entries as `append` does, each for another customer."""
    ids = [one.customer.id for one in added]
    async with noting_deliveries_of(act, ids):
        ledgers = {one.id: one for one in await ConsentLedger.filter(id__in=ids)}
        known: dict[str, list[ConsentEntry]] = {}
        if ledgers:
            for entry in await ConsentEntry.filter(customer_id__in=list(ledgers)):
                known.setdefault(entry.customer_id, []).append(entry)
            await ConsentPeriod.filter(customer_id__in=list(ledgers)).delete()
        entries: list[ConsentEntry] = []
        rows: list[Model] = []
        for one in added:
            ledger = ledgers.get(one.customer.id) or _new_ledger(one.customer)
            made = _next_rows(act, one, ledger, known.get(one.customer.id, ()))
            entries.append(made.entry)
            rows += made.rows
            if one.customer.id in ledgers:
                await ledger.save(force_update=True)
            else:
                rows.append(ledger)
        await add_rows(by_table(rows))
    return entries


def first_entry_rows(
    act: ActorContext, customer: Customer, draft: Draft, request: Request
) -> list[Model]:
    """Return all rows of the first ledger entry of a new customer, for the caller to add."""
    ledger = _new_ledger(customer)
    return [*_next_rows(act, NewEntry(customer, draft, request), ledger, ()).rows, ledger]


class _NextRows(NamedTuple):
    entry: ConsentEntry
    rows: list[Model]


def _new_ledger(customer: Customer) -> ConsentLedger:
    return ConsentLedger(id=customer.id, entry_count=0, last_hash=FIRST)


def _next_rows(
    act: ActorContext, new: NewEntry, ledger: ConsentLedger, earlier: Sequence[ConsentEntry]
) -> _NextRows:
    """Return the next entry of a ledger with the rows to add; the ledger is brought up to date."""
    customer, draft, request = new
    testimony, entry = _new_entry(act, customer, draft, request, ledger)
    ledger.entry_count, ledger.last_hash = entry.sequence, entry.hash
    periods_now = _periods(customer.id, [*earlier, entry])
    written = _audit_rows(act, customer, draft, entry)
    return _NextRows(entry, [testimony, entry, *periods_now, *written])


def _new_entry(
    act: ActorContext, customer: Customer, draft: Draft, request: Request, ledger: ConsentLedger
) -> tuple[ConsentTestimony, ConsentEntry]:
    """Return the next entry of a ledger, and its personal fields, which are not stored yet."""
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
    return testimony, entry


def _audit_rows(
    act: ActorContext, customer: Customer, draft: Draft, entry: ConsentEntry
) -> list[Model]:
    """Return the audit entry of a new ledger entry, and its events."""
    operation = OPERATIONS[draft.kind] if draft.corrects_id is None else CORRECTED
    payload = {
        "entry_id": entry.id,
        "kind": entry.kind.value,
        "effective_at": entry.effective_at.isoformat(),
    }
    reason = draft.reason if draft.corrects_id is None else draft.correction_reason
    recorded = audit.new_entry(act, operation, customer.id, after=payload, reason=reason)
    return [*audit.with_events(recorded, owner_of(customer), ids=act.event_ids)]


async def erase_testimonies(customer: Customer) -> None:
    """Erase the personal data in a customer's ledger; the database requires an erased customer.

    The entries stay, and their hash chain stays valid (A18).
    """
    blank = dict.fromkeys(("salt", *TESTIMONY))
    await ConsentTestimony.filter(customer_id=customer.id).update(**blank)


def is_about_consent(kind: EntryKind) -> bool:
    """Return whether an entry of this kind completes a consent review that is due."""
    return kind not in KINDS[Matter.NON_ITEMISED]


def _periods(customer_id: str, entries: Sequence[ConsentEntry]) -> list[ConsentPeriod]:
    return [
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
