"""The audit trail: who did what to which row, when and why (R96).

Every write has an entry, except for operational state: intermediate states of jobs, lookups and
mails, heartbeats, budgets, and the last use of a token.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model

from models.storage.identifiers import ID_LENGTH, new_audit_id, prefix_of
from models.storage.indexes import IndexWhere
from models.storage.row_insert import add_rows, new_row
from models.storage.sql import Sql, among
from models.tables.access import Principal

AUDIT = "audit_entry"
"""The name of the table, by which `models/tables/numbering.py` numbers its rows."""

NUMBERED = "number IS NOT NULL"
KIND_LENGTH = 8
CUSTOMER = "cus"
"""The kind of subjects that are customers: the prefix of their ids."""

ERASED = "(erased)"
"""Replaces a name that was erased."""


@dataclass(frozen=True, slots=True)
class ActorContext:
    """Who makes a write, when, and in which request."""

    principal: Principal
    now: datetime
    request_id: str
    issuer: str | None = None
    """The issuer URL of the identity provider; None if none is configured."""
    is_masked: bool = False
    """Whether personal data is hidden from the principal."""


class AuditEntry(Model):
    """One write, with the values that it changed, before and after.

    The database refuses to change or delete an entry, except to erase values that may be personal,
    which sets `erased_at`, to number it once (`models/tables/numbering.py`), and to delete it after
    six years. `customer_id` is the customer that the entry concerns, whatever its subject is. The
    indexes that erasing uses cover all entries; the others cover only numbered entries, so that a
    write updates few indexes.
    """

    id = fields.CharField(max_length=ID_LENGTH, primary_key=True, default=new_audit_id)
    subject_id = fields.CharField(max_length=ID_LENGTH)
    subject_kind = fields.CharField(max_length=KIND_LENGTH, db_default="")
    """The prefix of the subject's id, which names its type."""
    customer_id = fields.CharField(max_length=ID_LENGTH, null=True)
    operation = fields.CharField(max_length=60)
    before: dict[str, Any] = fields.JSONField(default=dict)
    after: dict[str, Any] = fields.JSONField(default=dict)
    reason = fields.CharField(max_length=1000, null=True)
    is_override = fields.BooleanField(default=False)
    actor_id = fields.CharField(max_length=ID_LENGTH)
    actor_name = fields.CharField(max_length=200)
    user_id = fields.CharField(max_length=ID_LENGTH, null=True)
    user_name = fields.CharField(max_length=200, null=True)
    reseller_id = fields.CharField(max_length=ID_LENGTH, null=True)
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
) -> None:
    """Add an audit entry in the current transaction, which must be the one that makes the write.

    Of `before` and `after`, only values that differ are stored, and those named in `always`.
    `customer_id` is required if the subject belongs to a customer and is not one itself.
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
    await add_rows([entry])


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
    """Return the row that `record` would add.

    The caller adds it in the transaction of the write.
    """
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
) -> None:
    """Add an audit entry with the same values for each subject.

    The subjects must be customers, or rows that belong to no customer.
    """
    values = {"before": before or {}, "after": after or {}}
    entries = [_entry(act, operation, one, None, reason, **values) for one in subject_ids]
    await add_rows(entries)


def newest_entries(subject_ids: Sequence[str], most: int) -> Sql:
    """Return a condition that selects the newest `most` entries of each subject."""
    subjects = among("subject_id", subject_ids)
    text = f"""t0.id IN (SELECT id FROM (
        SELECT id, row_number() OVER (PARTITION BY subject_id ORDER BY at DESC, id DESC) AS place
        FROM audit_entry WHERE {subjects.text}
    ) AS entry WHERE place <= {most:d})"""  # noqa: S608  # no value is spelt out
    return Sql(text, subjects.parameters)


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
        operation=operation,
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
