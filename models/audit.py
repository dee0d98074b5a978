"""The audit trail: who did what to which row, when and why (R96)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model

from models.access import Principal
from models.identifiers import ID_LENGTH, new_audit_id
from models.sql import Sql, among
from models.writing import add_rows, new_row


@dataclass(frozen=True, slots=True)
class Act:
    """The circumstances of a write: on whose behalf, in which request, and at what instant."""

    principal: Principal
    now: datetime
    request_id: str


class AuditEntry(Model):
    """One write, with the stored values that it changed, before and after."""

    id = fields.CharField(max_length=ID_LENGTH, primary_key=True, default=new_audit_id)
    subject_id = fields.CharField(max_length=ID_LENGTH)
    operation = fields.CharField(max_length=60)
    before: dict[str, Any] = fields.JSONField(default=dict)
    after: dict[str, Any] = fields.JSONField(default=dict)
    reason = fields.CharField(max_length=1000, null=True)
    is_override = fields.BooleanField(default=False)
    actor_id = fields.CharField(max_length=ID_LENGTH)
    actor_name = fields.CharField(max_length=200)
    request_id = fields.CharField(max_length=64)
    at = fields.DatetimeField()

    class Meta:
        table = "audit_entry"
        indexes = (Index(fields=("subject_id", "id")),)


async def record(
    act: Act,
    operation: str,
    subject_id: str,
    *,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    reason: str | None = None,
    is_override: bool = False,
) -> None:
    """Add an entry in the transaction that makes the write; only what differs is kept."""
    await add_rows(
        [
            new_entry(
                act,
                operation,
                subject_id,
                before=before,
                after=after,
                reason=reason,
                is_override=is_override,
            )
        ]
    )


def new_entry(
    act: Act,
    operation: str,
    subject_id: str,
    *,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    reason: str | None = None,
    is_override: bool = False,
) -> AuditEntry:
    """Give the row of an entry, to be added in the transaction that makes the write."""
    old, new = before or {}, after or {}
    changed = {key for key in old.keys() | new.keys() if old.get(key) != new.get(key)}
    entry = _entry(act, operation, subject_id, reason)
    entry.before = {key: old[key] for key in sorted(changed & old.keys())}
    entry.after = {key: new[key] for key in sorted(changed & new.keys())}
    entry.is_override = is_override
    return entry


async def record_many(
    act: Act,
    operation: str,
    subject_ids: Sequence[str],
    *,
    before: dict[str, Any],
    after: dict[str, Any],
    reason: str,
) -> None:
    """Add the same entry for many subjects."""
    entries = []
    for subject_id in subject_ids:
        entry = _entry(act, operation, subject_id, reason)
        entry.before, entry.after = before, after
        entries.append(entry)
    await add_rows(entries)


def newest_entries(subject_ids: Sequence[str], most: int) -> Sql:
    """Give the condition that the newest entries of some subjects meet."""
    subjects = among("subject_id", subject_ids)
    text = f"""t0.id IN (SELECT id FROM (
        SELECT id, row_number() OVER (PARTITION BY subject_id ORDER BY id DESC) AS place
        FROM audit_entry WHERE {subjects.text}
    ) AS entry WHERE place <= {most:d})"""  # noqa: S608  # no value is spelt out
    return Sql(text, subjects.parameters)


async def erase(subject_id: str) -> None:
    """Take the values out of a subject's entries, which may be personal; who and when stay."""
    await AuditEntry.filter(subject_id=subject_id).update(before={}, after={})


def _entry(act: Act, operation: str, subject_id: str, reason: str | None) -> AuditEntry:
    return new_row(
        AuditEntry,
        subject_id=subject_id,
        operation=operation,
        reason=reason,
        actor_id=act.principal.id,
        actor_name=act.principal.name,
        request_id=act.request_id,
        at=act.now,
    )
