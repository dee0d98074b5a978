"""Counts, by credential and day, the uses of deprecated parts of the schema.

Uses are counted in memory, and added to the table in the background: requests never wait for it. A
process that is killed loses the counts of the last half minute.
"""

from collections.abc import Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, NamedTuple

import structlog
from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model

from models.storage.database import Database
from models.storage.id_field import IdField
from models.storage.identifiers import ID_LENGTH, new_deprecated_use_id
from models.storage.repeating import repeating
from models.storage.sql import Sql, execute, to_database
from models.tables.access import Principal

log = structlog.get_logger(__name__)

COORDINATE_LENGTH = 200
REASON_LENGTH = 500
MAX_COUNT = 2**31 - 1

MAX_KEYS = 10_000
"""The maximum number of counters in memory; further uses are dropped until the next flush."""

USES_KEPT = timedelta(days=400)
"""How long the uses of a day are kept: over a year, for clients that run once a year."""

EVERY_S = 30.0
BATCH = 50


class DeprecatedUse(Model):
    """How often a credential has used a deprecated part of the schema on a day."""

    id = IdField(ID_LENGTH, primary_key=True, default=new_deprecated_use_id)
    credential_id = IdField(ID_LENGTH)
    user_id = IdField(ID_LENGTH, null=True)
    reseller_id = IdField(ID_LENGTH, null=True)
    coordinate = fields.CharField(max_length=COORDINATE_LENGTH)
    reason = fields.CharField(max_length=REASON_LENGTH)
    used_on = fields.CharField(max_length=10, db_index=True)
    """The day in UTC, as `2026-12-31`."""
    use_count = fields.IntField()
    last_used_at = fields.DatetimeField()

    class Meta:
        table = "deprecated_use"
        unique_together = (("credential_id", "coordinate", "used_on"),)
        indexes = (
            Index(fields=["reseller_id", "coordinate", "id"]),
            Index(fields=["reseller_id", "id"]),
        )


class _Key(NamedTuple):
    credential_id: str
    user_id: str | None
    reseller_id: str | None
    coordinate: str
    used_on: str


@dataclass(slots=True)
class _Count:
    reason: str
    number: int
    last_at: datetime


_ADD = f"""
 ON CONFLICT (credential_id, coordinate, used_on) DO UPDATE SET
  use_count = CASE WHEN deprecated_use.use_count > {MAX_COUNT} - excluded.use_count
    THEN {MAX_COUNT} ELSE deprecated_use.use_count + excluded.use_count END,
  last_used_at = CASE WHEN deprecated_use.last_used_at > excluded.last_used_at
    THEN deprecated_use.last_used_at ELSE excluded.last_used_at END,
  reason = excluded.reason
"""


class DeprecatedUseCounter:
    """The counts of a process that are not in the table yet; `most` is the maximum of counters."""

    def __init__(self, most: int = MAX_KEYS) -> None:
        self._most = most
        self._counts: dict[_Key, _Count] = {}
        self._dropped = 0
        self._is_failing = False

    def count(self, principal: Principal, parts: Iterable[tuple[str, str]], now: datetime) -> None:
        """Count one use of each part, given as its coordinate and the reason of its deprecation."""
        who = (principal.id, principal.user_id, principal.reseller_id)
        for coordinate, reason in parts:
            key = _Key(*who, coordinate[:COORDINATE_LENGTH], now.date().isoformat())
            self._add(key, _Count(reason[:REASON_LENGTH], 1, now))

    def _add(self, key: _Key, more: _Count) -> None:
        counted = self._counts.get(key)
        if counted is not None:
            counted.number = min(counted.number + more.number, MAX_COUNT)
            counted.last_at = max(counted.last_at, more.last_at)
        elif len(self._counts) < self._most:
            self._counts[key] = more
        else:
            self._dropped += more.number

    async def flush(self, database: Database) -> None:
        """Add the counts to the table; if that fails, keep those that were not added."""
        # In one order, so that two processes do not wait for each other's rows.
        waiting = sorted(self._counts.items(), key=lambda item: item[0][:1] + item[0][3:])
        self._counts = {}
        try:
            while waiting:
                await database.transaction(partial(_store, waiting[:BATCH]))
                del waiting[:BATCH]
        finally:
            for key, counted in waiting:
                self._add(key, counted)
            if self._dropped:
                log.warning("deprecated_uses_dropped", uses=self._dropped)
                self._dropped = 0

    async def store(self, database: Database) -> None:
        """Add the counts to the table, or keep them; of failures in a row, the first is logged."""
        try:
            await self.flush(database)
        except Exception as error:
            if not self._is_failing:
                log.warning("deprecated_uses_not_stored", error=type(error).__name__)
            self._is_failing = True
        else:
            self._is_failing = False

    async def flush_last(self, database: Database) -> None:
        """Add the counts to the table when the process ends; a failure is only logged."""
        try:
            await self.flush(database)
        except Exception as error:
            log.warning("deprecated_uses_lost", error=type(error).__name__)


def storing_uses(
    counter: DeprecatedUseCounter, database: Database
) -> AbstractAsyncContextManager[None]:
    """Add counts to the table every EVERY_S seconds within the context, and at its end."""
    return repeating(partial(counter.store, database), lambda: EVERY_S)


async def _store(counts: Sequence[tuple[_Key, _Count]]) -> None:
    columns = DeprecatedUse._meta.fields_map
    rows = [
        {
            "id": new_deprecated_use_id(),
            **key._asdict(),
            "reason": counted.reason,
            "use_count": counted.number,
            "last_used_at": counted.last_at,
        }
        for key, counted in counts
    ]
    names = list(rows[0])
    values: tuple[Any, ...] = tuple(
        to_database(columns[name], row[name]) for row in rows for name in names
    )
    row = f"({', '.join('?' * len(names))})"
    text = f"INSERT INTO deprecated_use ({', '.join(names)}) VALUES {', '.join([row] * len(rows))}"  # noqa: S608  # no value is spelt out
    await execute(Sql(text + _ADD, values))
