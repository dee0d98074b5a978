"""Counts what each credential calls, by day and operation.

Each process counts in memory (`UsageTally`), so that a request does no more than update a
dictionary, and adds its counts to the table in the background.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache, partial
from hashlib import sha256
from typing import Any, NamedTuple

import structlog
from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model

from models.storage.database import Database
from models.storage.id_field import IdField
from models.storage.identifiers import ID_LENGTH
from models.storage.repeating import repeating
from models.storage.sql import Sql, execute, is_postgres, to_database
from models.tables.access import Principal

log = structlog.get_logger(__name__)

STORE_S = 10.0
"""The seconds after which counts are stored; a killed process loses those of this time."""

OPERATION_LENGTH = 60
OTHER = "(other)"
"""Stands for the names of operations beyond MAX_NAMES; a name in a document has no brackets."""

MAX_NAMES = 200
"""The operations of a credential that a process counts separately on a day."""

MAX_ENTRIES = 50_000
"""The counts in memory, and the names remembered; beyond that, all names count as OTHER."""

ROWS_AT_ONCE = 500


class ApiUsage(Model):
    """The calls of one operation by one credential on one day in UTC.

    `id` begins with the day, so that ids sort by day, and ends with a digest of the credential and
    the operation. `operation` is empty for operations without a name, and `operation_type` for
    requests of which no operation is known.
    """

    id = fields.CharField(max_length=48, primary_key=True)
    day = fields.DateField()
    credential_id = IdField(max_length=ID_LENGTH)
    user_id = IdField(max_length=ID_LENGTH, null=True)
    reseller_id = IdField(max_length=ID_LENGTH, null=True)
    operation = fields.CharField(max_length=OPERATION_LENGTH)
    operation_type = fields.CharField(max_length=12)
    calls = fields.BigIntField()
    points = fields.BigIntField()
    refusals = fields.BigIntField()
    user_errors = fields.BigIntField()
    limit_hits = fields.BigIntField()
    last_limited_at = fields.DatetimeField(null=True)

    class Meta:
        table = "api_usage"
        indexes = (Index(fields=("reseller_id", "id")),)


class UsageKey(NamedTuple):
    """What is counted together; `day` is its proleptic Gregorian ordinal."""

    day: int
    credential_id: str
    user_id: str | None
    reseller_id: str | None
    operation: str
    operation_type: str

    @property
    def row_id(self) -> str:
        """The id of the row to which counts of this key are added."""
        what = f"{self.credential_id} {self.operation_type} {self.operation}"
        return f"{date.fromordinal(self.day)}.{sha256(what.encode()).hexdigest()[:32]}"


@dataclass(slots=True)
class Counts:
    """The counts of a key: see the columns of `ApiUsage`."""

    calls: int = 0
    points: int = 0
    refusals: int = 0
    user_errors: int = 0
    limit_hits: int = 0
    last_limited_at: datetime | None = None

    def add(self, more: "Counts") -> None:
        """Add other counts."""
        self.calls += more.calls
        self.points += more.points
        self.refusals += more.refusals
        self.user_errors += more.user_errors
        self.limit_hits += more.limit_hits
        limited = (self.last_limited_at, more.last_limited_at)
        self.last_limited_at = max(filter(None, limited), default=None)


Entries = dict[tuple[Any, ...], Counts]
"""Counts by the values of a `UsageKey`; a plain tuple is made in a third of the time."""


class UsageTally:
    """The counts of this process that are not stored yet."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.clock = clock
        self._entries: Entries = {}
        self._names: dict[str, set[tuple[str, str]]] = {}
        """The operations of the present day, by credential."""
        self._name_count = 0
        self._day = 0

    def counts(
        self, now: datetime, principal: Principal, operation: str | None, operation_type: str
    ) -> Counts:
        """Return the counts of a principal's operation, to which the caller adds a call."""
        key = (
            now.toordinal(),
            principal.id,
            principal.user_id,
            principal.reseller_id,
            operation or "",
            operation_type,
        )
        return self._entries.get(key) or self._new(key)

    def take(self) -> Entries:
        """Return all counts, and begin anew."""
        entries, self._entries = self._entries, {}
        return entries

    def put_back(self, entries: Mapping[tuple[Any, ...], Counts]) -> None:
        """Add counts that could not be stored."""
        for key, counts in entries.items():
            self._entries.setdefault(key, Counts()).add(counts)

    def _new(self, key: tuple[Any, ...]) -> Counts:
        day, credential_id, user_id, reseller_id, operation, kind = key
        if day != self._day:
            self._day, self._names, self._name_count = day, {}, 0
        names = self._names.get(credential_id)
        if names is None:
            names = self._names[credential_id] = set()
        what = (operation[:OPERATION_LENGTH], kind)
        if what not in names:
            is_full = self._name_count >= MAX_ENTRIES or len(self._entries) >= MAX_ENTRIES
            if is_full or len(names) >= MAX_NAMES:
                what = (OTHER, kind)
            else:
                names.add(what)
                self._name_count += 1
        kept = (day, credential_id, user_id, reseller_id, *what)
        found = self._entries.get(kept)
        if found is None:
            found = self._entries[kept] = Counts()
        return found


def storing_usage(tally: UsageTally, database: Database) -> AbstractAsyncContextManager[None]:
    """Store counts every STORE_S seconds within the context, and those that are left at its end."""
    return repeating(partial(store_usage, tally, database), lambda: STORE_S)


async def store_usage(tally: UsageTally, database: Database) -> None:
    """Add the counts of this process to the table; if that fails, they are kept for later."""
    entries = tally.take()
    if not entries:
        return
    try:
        await database.transaction(partial(_add, entries))
    except Exception as error:  # it is tried again
        tally.put_back(entries)
        log.warning("usage_not_stored", error=type(error).__name__)


COLUMNS = tuple(ApiUsage._meta.fields_map)
ADDED = ("calls", "points", "refusals", "user_errors", "limit_hits")


async def _add(entries: Entries) -> None:
    """Add counts to their rows, sorted by id, so that processes do not block each other."""
    rows = sorted((UsageKey(*key).row_id, key) for key in entries)
    for begin in range(0, len(rows), ROWS_AT_ONCE):
        some = rows[begin : begin + ROWS_AT_ONCE]
        values = [value for row_id, key in some for value in _values(row_id, key, entries[key])]
        await execute(Sql(_statement(len(some)), tuple(values)))


def _values(row_id: str, key: tuple[Any, ...], counts: Counts) -> tuple[Any, ...]:
    day, last = date.fromordinal(key[0]), counts.last_limited_at
    if last is not None:
        last = to_database(ApiUsage._meta.fields_map["last_limited_at"], last)
    added = (getattr(counts, name) for name in ADDED)
    return (row_id, day if is_postgres() else day.isoformat(), *key[1:], *added, last)


@lru_cache
def _statement(count: int) -> str:
    """Return the statement that adds `count` rows, or their counts to rows that exist."""
    row = f"({', '.join('?' * len(COLUMNS))})"
    added = [f"{name} = api_usage.{name} + excluded.{name}" for name in ADDED]
    last = "last_limited_at = coalesce(excluded.last_limited_at, api_usage.last_limited_at)"
    return (
        f"INSERT INTO api_usage ({', '.join(COLUMNS)}) VALUES {', '.join([row] * count)}"  # noqa: S608  # our own names
        f" ON CONFLICT (id) DO UPDATE SET {', '.join([*added, last])}"
    )
