"""The audit trail: who did what to which row, when and why (R96).

Every write to the database adds an entry, except for operational state: intermediate states of
jobs, lookups and mails, heartbeats, budgets, and the last use of a token. With an entry, the events
of the change are added (`models/rules/audited_events.py`).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model

from models.rules.audit_operation import AuditOperation
from models.rules.audited_events import EVENTS, PARENT, events_of
from models.rules.checks import Checks
from models.rules.delivery import POLICY, DeliveryPolicy
from models.rules.errors import Refusal
from models.rules.event_type import EventType
from models.storage.id_field import IdField
from models.storage.identifiers import ID_LENGTH, new_audit_id, prefix_of
from models.storage.indexes import IndexWhere
from models.storage.row_insert import add_rows, new_row
from models.tables.access import Principal
from models.tables.event import (
    NOBODY,
    Event,
    NewEvent,
    Owner,
    new_event,
    owner_by_id,
)

AUDIT = "audit_entry"
"""The name of the table of audit entries."""

NUMBERED = "number IS NOT NULL"
KIND_LENGTH = 8
CUSTOMER = "cus"
"""The subject kind of audit entries about customers: the prefix of customer ids."""

NO_IDS: Mapping[str, Any] = {}

ERASED = "(erased)"
"""Replaces a name that was erased."""


@dataclass(frozen=True, slots=True)
class ActorContext:
    """Who makes a write, when, and in which request."""

    principal: Principal
    now: datetime
    request_id: str
    issuer: str | None = None
    """The issuer URL of the configured identity provider; None without one."""
    is_masked: bool = False
    """Whether personal data is hidden from the principal."""
    delivery_policy: DeliveryPolicy = POLICY
    """What the settings say about emailing contacts."""
    event_ids: Mapping[str, Any] = field(default_factory=dict)
    """Ids that the payloads of all events of the write have, such as that of an import."""
    faults: tuple[Refusal, ...] = ()
    """Refusals of input values that could not be read, in whose place the input has others."""

    def checks(self) -> Checks:
        """Return the checks of an input, which refuse it in any case if it has faults."""
        return Checks(self.faults)


class AuditEntry(Model):
    """One write, with the values that it changed, before and after.

    The database refuses to change or delete an entry, with three exceptions: values that may be
    personal can be erased, which sets `erased_at`; an entry is numbered once
    (`models/tables/numbering.py`); and it can be deleted after six years. `customer_id` is the
    customer that the entry concerns, whatever its subject is. Indexes for erasing cover all
    entries; the others cover only numbered entries, so that a write updates few indexes.
    """

    id = IdField(max_length=ID_LENGTH, primary_key=True, default=new_audit_id)
    subject_id = IdField(max_length=ID_LENGTH)
    subject_kind = fields.CharField(max_length=KIND_LENGTH, db_default="")
    """The type of the subject, as the prefix of the subject's id."""
    customer_id = IdField(max_length=ID_LENGTH, null=True)
    operation = fields.CharField(max_length=60)
    before: dict[str, Any] = fields.JSONField(default=dict)
    after: dict[str, Any] = fields.JSONField(default=dict)
    reason = fields.CharField(max_length=1000, null=True)
    is_override = fields.BooleanField(default=False)
    actor_id = IdField(max_length=ID_LENGTH)
    actor_name = fields.CharField(max_length=200)
    user_id = IdField(max_length=ID_LENGTH, null=True)
    user_name = fields.CharField(max_length=200, null=True)
    reseller_id = IdField(max_length=ID_LENGTH, null=True)
    request_id = fields.CharField(max_length=64)
    at = fields.DatetimeField()
    erased_at = fields.DatetimeField(null=True)
    number = fields.BigIntField(null=True)

    class Meta:
        table = AUDIT
        indexes = (
            Index(fields=("subject_id", "at", "id")),
            Index(fields=("actor_id", "number")),
            IndexWhere(fields=("customer_id", "number"), where="customer_id IS NOT NULL"),
            IndexWhere(fields=("user_id", "number"), where="user_id IS NOT NULL"),
            IndexWhere(fields=("subject_id", "number"), where=NUMBERED),
            IndexWhere(fields=("subject_kind", "number"), where=NUMBERED),
            IndexWhere(fields=("operation", "number"), where=NUMBERED),
            IndexWhere(fields=("request_id", "number"), where=NUMBERED),
            IndexWhere(fields=("number", "is_override"), where=f"is_override AND {NUMBERED}"),
        )


async def record(
    act: ActorContext,
    operation: str,
    subject_id: str,
    *,
    customer_id: str | None = None,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    reason: str | None = None,
    is_override: bool = False,
    always: Collection[str] = (),
    owner: Owner | None = None,
    ids: Mapping[str, Any] = NO_IDS,
    event: EventType | None = None,
    also: Sequence[NewEvent] = (),
) -> None:
    """Add an audit entry and its events in the current transaction, which must make the write.

    Of the values in `before` and `after`, those that differ are stored, and those that `always`
    names. `customer_id` is required if the subject belongs to a customer and is not one itself. For
    `owner`, `ids`, `event` and `also`, see `with_events`. Without `owner`, it is read.
    """
    entry = new_entry(
        act,
        operation,
        subject_id,
        customer_id=customer_id,
        before=before,
        after=after,
        reason=reason,
        is_override=is_override,
        always=always,
    )
    if owner is None and entry.customer_id is not None:
        is_event = also or entry.operation in EVENTS
        owner = await owner_by_id(entry.customer_id) if is_event else None
    told = {**act.event_ids, **ids}
    await add_rows(with_events(entry, owner or NOBODY, ids=told, event=event, also=also))


def with_events(
    entry: AuditEntry,
    owner: Owner,
    *,
    ids: Mapping[str, Any] = NO_IDS,
    event: EventType | None = None,
    also: Sequence[NewEvent] = (),
) -> list[AuditEntry | Event]:
    """Return a new audit entry with the new events of its change, for the caller to add.

    `owner` is to whom the subject belongs, after the change. `ids` are added to the payloads.
    `event` replaces the type that follows from the entry's operation. `also` are further events.
    """
    rows: list[AuditEntry | Event] = [entry]
    drafts = events_of(AuditOperation(entry.operation), entry.subject_id, entry.before, entry.after)
    for kind, payload in drafts:
        former = None
        if kind is EventType.CUSTOMER_HANDED_OVER:
            former = entry.before.get(PARENT)
        rows.append(
            new_event(event or kind, entry.subject_id, {**payload, **ids}, entry.at, owner, former)
        )
    rows.extend(
        new_event(one.type, one.subject_id or entry.subject_id, one.payload, entry.at, owner)
        for one in also
    )
    return rows


def new_entry(
    act: ActorContext,
    operation: str,
    subject_id: str,
    *,
    customer_id: str | None = None,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    reason: str | None = None,
    is_override: bool = False,
    always: Collection[str] = (),
) -> AuditEntry:
    """Return the audit entry that `record` would add, without events, for the caller to add it."""
    old, new = before or {}, after or {}
    changed = {key for key in old.keys() | new.keys() if old.get(key) != new.get(key)}
    changed.update(always)
    return _entry(
        act,
        operation,
        subject_id,
        customer_id,
        reason,
        before={key: old[key] for key in sorted(changed & old.keys())},
        after={key: new[key] for key in sorted(changed & new.keys())},
        is_override=is_override,
    )


async def record_many(
    act: ActorContext,
    operation: str,
    subject_ids: Sequence[str],
    *,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    reason: str | None = None,
    owners: Sequence[Owner] | None = None,
) -> None:
    """Add an audit entry with the same values for each subject, and its events.

    The subjects must be customers, or rows that belong to no customer. `owners` has an owner for
    each; without it, the operation must be one that has no events.
    """
    values = {"before": before or {}, "after": after or {}}
    entries = [_entry(act, operation, one, None, reason, **values) for one in subject_ids]
    if owners is None:
        await add_rows(entries)
        return
    events = [
        row
        for entry, owner in zip(entries, owners, strict=True)
        for row in with_events(entry, owner)[1:]
    ]
    await add_rows([*entries, *events])


def _entry(
    act: ActorContext,
    operation: str,
    subject_id: str,
    customer_id: str | None,
    reason: str | None,
    **values: Any,
) -> AuditEntry:
    principal = act.principal
    kind = prefix_of(subject_id)[:KIND_LENGTH]
    return new_row(
        AuditEntry,
        subject_id=subject_id,
        subject_kind=kind,
        customer_id=subject_id if kind == CUSTOMER else customer_id,
        operation=AuditOperation(operation).value,
        reason=reason,
        actor_id=principal.id,
        actor_name=principal.name,
        user_id=principal.user_id,
        user_name=principal.user_name,
        reseller_id=principal.reseller_id,
        request_id=act.request_id,
        at=act.now,
        **values,
    )
