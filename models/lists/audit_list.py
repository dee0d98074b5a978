"""Lists of audit entries: filters, keyset pages and counts (R96)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from models.lists.customer_list import MAX_COUNT
from models.lists.customer_scope import has_small_scope
from models.rules.audit_operation import AuditOperation
from models.storage.row_query import Keep, RowQuery
from models.storage.sql import (
    ALWAYS,
    Sql,
    all_of,
    among,
    is_postgres,
    listed,
    run,
    to_database,
    without_index_on_sqlite,
)
from models.storage.top_n_per_key import Keyset, TopPerKey
from models.tables.audit import AUDIT, NUMBERED, AuditEntry
from models.tables.numbering import ALL_NUMBERS, numbers_between

BY_COMMIT = ("number",)
"""The sort column of the list.

An entry's number tells the order of commits, so that a client that polls misses no entry.
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
"""Columns that the filter compares for equality, the most selective first; each has an index."""

PARTIAL = {"reason", "user_id", "customer_id"}
"""Those columns whose index leaves out rows in which the column is null."""

_ENTRIES = "SELECT id FROM audit_entry AS one WHERE one."
_IN_SCOPE = Sql(
    f"t0.id IN ({_ENTRIES}customer_id IS NOT NULL"  # noqa: S608  # no value is spelt out
    " AND one.customer_id IN (SELECT id FROM customer AS c)"
    f" UNION {_ENTRIES}subject_id IN (SELECT id FROM access_token AS k)"
    f" UNION {_ENTRIES}subject_id IN (SELECT id FROM app_user AS u)"
    f" UNION {_ENTRIES}subject_id IN (SELECT id FROM webhook_endpoint AS w)"
    f" UNION {_ENTRIES}subject_id IN (SELECT id FROM customer_import AS i))"
)
"""Condition for entries in a partner's tenant scope, which limits the tables of the subqueries."""

_NUMBERED = Sql(f"t0.{NUMBERED}")
_REASON = f"substr(t0.reason, 1, {INDEXED_REASON})"

Key = tuple[datetime, str]

BY_TIME = ("at", "id")
"""The sort columns of the entries about one object, by which these are indexed.

Unlike numbers, they are there before a transaction has committed, so that a mutation can return the
entry that it has added.
"""


class AuditOrder(Enum):
    """The order of a list of audit entries."""

    AT_DESC = "newest first"
    AT_ASC = "oldest first"

    def is_rising(self, *, is_backward: bool) -> bool:
        """Return whether a page is read from older to newer entries."""
        return (self is AuditOrder.AT_ASC) != is_backward


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Conditions on the audit entries of a list: an entry must meet all that are not None.

    Of `operations`, any one suffices.
    """

    request_id: str | None = None
    subject_id: str | None = None
    reason: str | None = None
    user_id: str | None = None
    actor_id: str | None = None
    customer_id: str | None = None
    operations: Sequence[AuditOperation] | None = None
    subject_kind: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    is_override: bool | None = None
    is_small_scope: bool = False
    """Whether the tenant scope has few customers; then the query first finds their entries."""
    numbers: tuple[int, int] = ALL_NUMBERS
    """The lowest and highest `number` that entries between `since` and `until` can have."""

    async def for_planning(self) -> "AuditFilter":
        """Return a copy with `is_small_scope` and `numbers` set; both determine the SQL."""
        if await has_small_scope():
            return replace(self, is_small_scope=True)
        numbers = await numbers_between(AUDIT, _instant(self.since), _instant(self.until))
        return replace(self, numbers=numbers)

    def page_clauses(self, place: Keyset, size: int) -> tuple[Sql, str]:
        """Return the condition and the ORDER BY list of a page of `size` entries after `place`.

        They are written so that the database uses the most selective index. `place` is the sort
        order, with the position after which the page begins.
        """
        if self.is_small_scope:
            equal = [
                Sql(f"t0.{name} || '' = ?", (value,))  # keeps the index from being used
                for name in EQUAL
                if (value := getattr(self, name)) is not None
            ]
            conditions = [_IN_SCOPE, *equal, *self._others(), place.after()]
            return all_of(conditions), place.order()
        for name in EQUAL:
            value = getattr(self, name)
            if value is not None:
                return self._for_value(name, value, place)
        operations = self._operations()
        if len(operations) == 1:
            return self._for_value("operation", operations[0], place)
        if (each := self.per_key()) is not None:
            return each.first(self._rest(), place, size), place.order()
        return all_of([*self._others(), place.after()]), place.order()

    def count_statement(self, most: int) -> Sql:
        """Return a statement that counts up to `most` entries, with the index of `page_clauses`."""
        if (each := self.per_key()) is not None:
            return each.count(self._rest(), most)
        where, order = self.page_clauses(Keyset(BY_COMMIT, "DESC"), most)
        text = (
            f"SELECT count(*) FROM (SELECT 1 FROM audit_entry AS t0 WHERE {where.text}"  # noqa: S608  # no value is spelt out
            f" ORDER BY {order} LIMIT {most:d}) AS counted"
        )
        return Sql(text, where.parameters)

    def per_key(self) -> TopPerKey | None:
        """Return the wanted operations as index keys, each of which is looked up separately.

        None if there are fewer than two operations, or another condition has a better index.
        """
        operations = self._operations()
        if self.is_small_scope or len(operations) < 2 or any(self._equal()):  # noqa: PLR2004  # one is a key like others
            return None
        return TopPerKey("audit_entry", "operation", listed(operations))

    def _for_value(self, name: str, value: str, place: Keyset) -> tuple[Sql, str]:
        if name == "reason":
            matched, order = _for_reason(value, place)
        else:
            matched, order = place.for_key(name, Sql("?", (value,)))
        conditions = [matched, *self._equal(but=name), *self._others(but=name)]
        if name in PARTIAL:
            conditions.append(Sql(f"t0.{name} IS NOT NULL"))
        if name == "reason":
            # Otherwise SQLite would also put the value into the condition on the reason's first
            # characters, and would not use the index of these.
            conditions.append(Sql(f"{without_index_on_sqlite('t0.reason')} = ?", (value,)))
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
        return sorted({one.value for one in self.operations or ()})

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


def _for_reason(reason: str, place: Keyset) -> tuple[Sql, str]:
    """Return the condition for entries with a reason after the position `place`, and the ORDER BY.

    `Keyset.for_key` does the same for plain columns; reasons are indexed by their beginning only.
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
    order: AuditOrder = AuditOrder.AT_DESC,
    beyond: Key | None = None,
    is_backward: bool = False,
) -> tuple[list[Any], bool]:
    """Return a page of entries in list order, and whether more follow in the direction of reading.

    `beyond` is time and id of the entry after which the page begins or, with `is_backward`, before
    which it ends; None begins at the start or end of the list.
    """
    is_rising = order.is_rising(is_backward=is_backward)
    number = None if beyond is None else (await _number_of(beyond, is_rising=is_rising),)
    place = Keyset(BY_COMMIT, "ASC" if is_rising else "DESC", number)
    where, by = (await wanted.for_planning()).page_clauses(place, size + 1)
    entries, has_more = await reader.read_some(where, by, size)
    if is_backward:
        entries.reverse()
    return entries, has_more


async def count(wanted: AuditFilter) -> int:
    """Return the number of entries that match the filter, at most MAX_COUNT + 1."""
    statement = (await wanted.for_planning()).count_statement(MAX_COUNT + 1)
    ((counted,),) = await run(statement.text, statement.parameters)
    return int(counted)


async def trail_pages(
    reader: RowQuery,
    subject_ids: Sequence[str],
    size: int,
    *,
    order: AuditOrder,
    beyond: Key | None,
    is_backward: bool,
    keep: Keep,
) -> None:
    """Read `size` entries about each subject, from the position `beyond` on, in reading order.

    One statement reads all of them. `keep` gets them, and can drop some.
    """
    if beyond is not None:
        beyond = (_instant(beyond[0]), beyond[1])
    direction = "ASC" if order.is_rising(is_backward=is_backward) else "DESC"
    place = Keyset(BY_TIME, direction, beyond)
    source = _about(subject_ids).first_of_each(ALWAYS, place, size)
    await reader.read(ALWAYS, f"ORDER BY {place.order()}", source=source, keep=keep)


async def count_trails(subject_ids: Sequence[str]) -> dict[str, int]:
    """Return the number of entries about each subject, at most MAX_COUNT + 1, by subject id."""
    statement = _about(subject_ids).count_of_each(ALWAYS, MAX_COUNT + 1)
    return dict(tuple(row) for row in await run(statement.text, statement.parameters))


def _about(subject_ids: Sequence[str]) -> TopPerKey:
    return TopPerKey("audit_entry", "subject_id", listed(subject_ids))


def key_of(at: datetime, entry_id: str) -> tuple[str, str]:
    """Return the position of an audit entry in the list as texts, for a cursor."""
    return (at.isoformat(), entry_id)


def parse(key: tuple[str, str]) -> Key:
    """Return the position that `key_of` wrote as texts; raises ValueError if it is malformed."""
    at = datetime.fromisoformat(key[0])
    if at.utcoffset() != timedelta(0):
        raise ValueError("the time of a place must be in UTC")
    return (at, key[1])


async def _number_of(key: Key, *, is_rising: bool) -> int:
    """Return the `number` of the entry at a position, after which entries are read.

    If there is no such entry (it is out of the tenant scope, or was lost when the database was
    restored from a backup), the list continues at the entry's time: entries may be repeated, but
    none is missed.
    """
    at, entry_id = key
    text = f"SELECT t0.number FROM audit_entry AS t0 WHERE t0.id = ? AND t0.{NUMBERED}"  # noqa: S608  # no value is spelt out
    for (number,) in await run(text, (entry_id,)):
        return int(number)
    if is_rising:
        return (await numbers_between(AUDIT, since=_instant(at)))[0] - 1
    return (await numbers_between(AUDIT, until=_instant(at)))[1] + 1


def _instant(at: datetime | None) -> Any:
    """Return an instant in the form that the database stores and compares; None stays None."""
    return None if at is None else to_database(AuditEntry._meta.fields_map["at"], at)
