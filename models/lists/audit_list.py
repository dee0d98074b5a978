"""Lists of audit entries: filters, keyset pages and counts (R96)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from models.lists.customer_list import MAX_COUNT
from models.lists.customer_scope import has_small_scope
from models.storage.row_query import RowQuery
from models.storage.sql import (
    Sql,
    all_of,
    among,
    is_postgres,
    listed,
    not_looked_up,
    run,
    to_database,
)
from models.storage.top_n_per_key import Keyset, TopPerKey
from models.tables.audit import AUDIT, NUMBERED, AuditEntry
from models.tables.numbering import ALL_NUMBERS, numbers_between

NEWEST_FIRST = ("number",)
"""The sort column of the list, which is read in descending order.

Numbers follow the order of commits, so that a poller misses no entry.
"""

INDEXED_REASON = 60
"""The index on reasons covers this many leading characters; see migration 0009."""

EQUAL = (
    "request_id",
    "subject_id",
    "reason",
    "user_id",
    "actor_id",
    "customer_id",
    "subject_kind",
)
"""Columns compared for equality, the most selective first; each has an index."""

PARTIAL = {"reason", "user_id", "customer_id"}
"""Columns whose index leaves out rows where the column is null."""

_ENTRIES = "SELECT id FROM audit_entry AS one WHERE one."
_IN_SCOPE = Sql(
    f"t0.id IN ({_ENTRIES}customer_id IS NOT NULL"  # noqa: S608  # no value is spelt out
    " AND one.customer_id IN (SELECT id FROM customer AS c)"
    f" UNION {_ENTRIES}subject_id IN (SELECT id FROM access_token AS k)"
    f" UNION {_ENTRIES}subject_id IN (SELECT id FROM app_user AS u))"
)
"""Matches the entries in a partner's tenant scope: the scope limits the inner tables' rows."""

_NUMBERED = Sql(f"t0.{NUMBERED}")
_REASON = f"substr(t0.reason, 1, {INDEXED_REASON})"

Key = tuple[datetime, str]


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """The conditions on the entries of a list: all given ones must hold.

    Any of `operations` matches.
    """

    request_id: str | None = None
    subject_id: str | None = None
    reason: str | None = None
    user_id: str | None = None
    actor_id: str | None = None
    customer_id: str | None = None
    operations: Sequence[str] | None = None
    subject_kind: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    is_override: bool | None = None
    is_few: bool = False
    """Whether the tenant scope has few customers; then the query starts from their entries."""
    numbers: tuple[int, int] = ALL_NUMBERS
    """The lowest and highest number that entries between `since` and `until` can have."""

    async def for_planning(self) -> "AuditFilter":
        """Return a copy with `is_few` and `numbers` set, which decide how the query is written."""
        if await has_small_scope():
            return replace(self, is_few=True)
        numbers = await numbers_between(AUDIT, _instant(self.since), _instant(self.until))
        return replace(self, numbers=numbers)

    def page_clauses(self, place: Keyset, size: int) -> tuple[Sql, str]:
        """Return the condition and the ORDER BY list of a page of `size` entries after `place`.

        They are written so that the most selective index serves them.
        """
        if self.is_few:
            equal = [
                Sql(f"t0.{name} || '' = ?", (value,))  # an expression, so that no index is used
                for name in EQUAL
                if (value := getattr(self, name)) is not None
            ]
            conditions = [_IN_SCOPE, *equal, *self._others(), place.after()]
            return all_of(conditions), place.order()
        for name in EQUAL:
            value = getattr(self, name)
            if value is not None:
                return self._under(name, value, place)
        operations = self._operations()
        if len(operations) == 1:
            return self._under("operation", operations[0], place)
        if (each := self.per_key()) is not None:
            return each.first(self._rest(), place, size), place.order()
        return all_of([*self._others(), place.after()]), place.order()

    def count_statement(self, most: int) -> Sql:
        """Return a statement that counts up to `most` entries by the index of `page_clauses`."""
        if (each := self.per_key()) is not None:
            return each.count(self._rest(), most)
        where, order = self.page_clauses(Keyset(NEWEST_FIRST, "DESC"), most)
        text = (
            f"SELECT count(*) FROM (SELECT 1 FROM audit_entry AS t0 WHERE {where.text}"  # noqa: S608  # no value is spelt out
            f" ORDER BY {order} LIMIT {most:d}) AS counted"
        )
        return Sql(text, where.parameters)

    def per_key(self) -> TopPerKey | None:
        """Return the operations as index keys that are queried one by one.

        None if there are fewer than two operations, or another condition has a better index.
        """
        operations = self._operations()
        if self.is_few or len(operations) < 2 or any(self._equal()):  # noqa: PLR2004  # one is a key like others
            return None
        return TopPerKey("audit_entry", "operation", listed(operations))

    def _under(self, name: str, value: str, place: Keyset) -> tuple[Sql, str]:
        if name == "reason":
            matched, order = _under_reason(value, place)
        else:
            matched, order = place.under(name, Sql("?", (value,)))
        conditions = [matched, *self._equal(but=name), *self._others(but=name)]
        if name in PARTIAL:
            conditions.append(Sql(f"t0.{name} IS NOT NULL"))
        if name == "reason":
            # SQLite would substitute the value in the prefix condition too, and not use its index.
            conditions.append(Sql(f"{not_looked_up('t0.reason')} = ?", (value,)))
        return all_of(conditions), order

    def _equal(self, but: str = "") -> Iterator[Sql]:
        for name in EQUAL:
            value = getattr(self, name)
            if value is None or name == but:
                continue
            yield Sql(f"t0.{name} = ?", (value,))
            if name in PARTIAL:
                yield Sql(f"t0.{name} IS NOT NULL")
            if name == "reason":
                yield Sql(f"{_REASON} = ?", (value[:INDEXED_REASON],))

    def _others(self, but: str = "") -> Iterator[Sql]:
        if self.operations is not None and but != "operation":
            yield among("t0.operation", self._operations())
        yield from self._time()
        yield from self._override()

    def _operations(self) -> list[str]:
        return sorted(set(self.operations or ()))

    def _rest(self) -> Sql:
        return all_of([*self._time(), *self._override()])

    def _time(self) -> Iterator[Sql]:
        yield _NUMBERED
        if self.since is not None:
            yield Sql("t0.at >= ?", (_instant(self.since),))
        if self.until is not None:
            yield Sql("t0.at < ?", (_instant(self.until),))
        if self.numbers != ALL_NUMBERS:
            yield Sql("t0.number BETWEEN ? AND ?", self.numbers)

    def _override(self) -> Iterator[Sql]:
        if self.is_override is not None:
            yield Sql("t0.is_override" if self.is_override else "NOT t0.is_override")


def _under_reason(reason: str, place: Keyset) -> tuple[Sql, str]:
    """Match the entries with a reason after a place, and return their order.

    This is what `Keyset.under` does for plain columns.
    """
    beginning = reason[:INDEXED_REASON]
    if not is_postgres():
        return all_of([Sql(f"{_REASON} = ?", (beginning,)), place.after()]), place.order()
    matched = Sql(f"{_REASON} = ANY(ARRAY[?])", (beginning,))
    return all_of([matched, place.after()]), f"{_REASON} {place.direction}, {place.order()}"


async def page(
    reader: RowQuery,
    wanted: AuditFilter,
    size: int,
    *,
    beyond: Key | None = None,
    is_backward: bool = False,
) -> tuple[list[Any], bool]:
    """Return a page, newest first, and whether more entries follow in the direction read.

    `beyond` is the time and id of the entry that the page follows or, with `is_backward`, precedes.
    """
    number = None if beyond is None else (await _number_of(beyond, is_backward=is_backward),)
    place = Keyset(NEWEST_FIRST, "ASC" if is_backward else "DESC", number)
    where, order = (await wanted.for_planning()).page_clauses(place, size + 1)
    entries, has_more = await reader.read_some(where, order, size)
    if is_backward:
        entries.reverse()
    return entries, has_more


async def count(wanted: AuditFilter) -> int:
    """Return the number of entries that match the filter, at most MAX_COUNT + 1."""
    statement = (await wanted.for_planning()).count_statement(MAX_COUNT + 1)
    ((counted,),) = await run(statement.text, statement.parameters)
    return int(counted)


def key_of(at: datetime, entry_id: str) -> tuple[str, str]:
    """Return the position of an entry as texts, for a cursor."""
    return (at.isoformat(), entry_id)


def parse(key: tuple[str, str]) -> Key:
    """Return the position that `key_of` wrote as texts; raises ValueError if it is malformed."""
    at = datetime.fromisoformat(key[0])
    if at.utcoffset() != timedelta(0):
        raise ValueError("the time of a place must be in UTC")
    return (at, key[1])


async def _number_of(key: Key, *, is_backward: bool) -> int:
    """Return the number of the entry at a position.

    If the entry is not found (it is out of scope, or was lost when a database was restored), its
    time decides where the list continues: entries may be repeated, but none is missed.
    """
    at, entry_id = key
    text = f"SELECT t0.number FROM audit_entry AS t0 WHERE t0.id = ? AND t0.{NUMBERED}"  # noqa: S608  # no value is spelt out
    for (number,) in await run(text, (entry_id,)):
        return int(number)
    if is_backward:
        return (await numbers_between(AUDIT, since=_instant(at)))[0] - 1
    return (await numbers_between(AUDIT, until=_instant(at)))[1] + 1


def _instant(at: datetime | None) -> Any:
    """Return an instant in the form that the database stores and compares; None stays None."""
    return None if at is None else to_database(AuditEntry._meta.fields_map["at"], at)
