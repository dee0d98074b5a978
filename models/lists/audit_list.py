"""Lists of audit entries: filters, keyset pages and counts (R96)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from models.lists.customer_list import MAX_COUNT
from models.lists.customer_scope import reaches_few
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
"""The order, which runs backwards: that of commits, so that who follows it misses nothing."""

INDEXED_REASON = 60
"""So many characters of a reason are in its index; see migration 0009."""

EQUAL = (
    "request_id",
    "subject_id",
    "reason",
    "user_id",
    "actor_id",
    "customer_id",
    "subject_kind",
)
"""What is compared for equality, by how few entries share a value; each has an index."""

PARTIAL = {"reason", "user_id", "customer_id"}
"""Those whose index leaves out nulls."""

_ENTRIES = "SELECT id FROM audit_entry AS one WHERE one."
_OF_REACHED = Sql(
    f"t0.id IN ({_ENTRIES}customer_id IS NOT NULL"  # noqa: S608  # no value is spelt out
    " AND one.customer_id IN (SELECT id FROM customer AS c)"
    f" UNION {_ENTRIES}subject_id IN (SELECT id FROM access_token AS k)"
    f" UNION {_ENTRIES}subject_id IN (SELECT id FROM app_user AS u))"
)
"""What a bound operation reaches, looked up by whose it is: of each table it sees its own rows."""

_NUMBERED = Sql(f"t0.{NUMBERED}")
_REASON = f"substr(t0.reason, 1, {INDEXED_REASON})"

Key = tuple[datetime, str]


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which entries a list holds: all that is given must hold, and any of the operations may."""

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
    """Whether few customers are reached at all: then their entries are found first of all."""
    numbers: tuple[int, int] = ALL_NUMBERS
    """The first and the last number that entries of the time can have."""

    async def examined(self) -> "AuditFilter":
        """Find out what the statement has to be chosen by."""
        if await reaches_few():
            return replace(self, is_few=True)
        numbers = await numbers_between(AUDIT, _instant(self.since), _instant(self.until))
        return replace(self, numbers=numbers)

    def placed(self, place: Keyset, size: int) -> tuple[Sql, str]:
        """Return the condition and the order of a page, to be read in the order of one index.

        That is the index of what is shared by the fewest entries.
        """
        if self.is_few:
            equal = [
                Sql(f"t0.{name} || '' = ?", (value,))  # by an expression nothing is looked up
                for name in EQUAL
                if (value := getattr(self, name)) is not None
            ]
            conditions = [_OF_REACHED, *equal, *self._others(), place.after()]
            return all_of(conditions), place.order()
        for name in EQUAL:
            value = getattr(self, name)
            if value is not None:
                return self._under(name, value, place)
        operations = self._operations()
        if len(operations) == 1:
            return self._under("operation", operations[0], place)
        if (each := self.each()) is not None:
            return each.first(self._rest(), place, size), place.order()
        return all_of([*self._others(), place.after()]), place.order()

    def counting(self, most: int) -> Sql:
        """Write a statement that counts as far as `most`, along the same index."""
        if (each := self.each()) is not None:
            return each.count(self._rest(), most)
        where, order = self.placed(Keyset(NEWEST_FIRST, "DESC"), most)
        text = (
            f"SELECT count(*) FROM (SELECT 1 FROM audit_entry AS t0 WHERE {where.text}"  # noqa: S608  # no value is spelt out
            f" ORDER BY {order} LIMIT {most:d}) AS counted"
        )
        return Sql(text, where.parameters)

    def each(self) -> TopPerKey | None:
        """Return the several operations of which the list consists, if it goes by them."""
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
            # SQLite would put the value into the beginning of it, and look nothing up.
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
    """Match what has a reason after a place, as `Keyset.under` does for columns."""
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
    """Return a page, newest first, and whether there is more in the direction read."""
    number = None if beyond is None else (await _number_of(beyond, is_backward=is_backward),)
    place = Keyset(NEWEST_FIRST, "ASC" if is_backward else "DESC", number)
    where, order = (await wanted.examined()).placed(place, size + 1)
    entries, has_more = await reader.read_some(where, order, size)
    if is_backward:
        entries.reverse()
    return entries, has_more


async def count(wanted: AuditFilter) -> int:
    """Count a list, up to one more than MAX_COUNT."""
    statement = (await wanted.examined()).counting(MAX_COUNT + 1)
    ((counted,),) = await run(statement.text, statement.parameters)
    return int(counted)


def key_of(at: datetime, entry_id: str) -> tuple[str, str]:
    """Return the place of an entry as text."""
    return (at.isoformat(), entry_id)


def parse(key: tuple[str, str]) -> Key:
    """Turn the text of a place back into values; raises ValueError for what is none."""
    at = datetime.fromisoformat(key[0])
    if at.utcoffset() != timedelta(0):
        raise ValueError("a place in time is written in UTC")
    return (at, key[1])


async def _number_of(key: Key, *, is_backward: bool) -> int:
    """Return the number of the entry at a place.

    An entry that is not found is out of reach by now, or was lost with a database that was
    restored. Then its time tells where to go on: something may come again, and nothing is missed.
    """
    at, entry_id = key
    text = f"SELECT t0.number FROM audit_entry AS t0 WHERE t0.id = ? AND t0.{NUMBERED}"  # noqa: S608  # no value is spelt out
    for (number,) in await run(text, (entry_id,)):
        return int(number)
    if is_backward:
        return (await numbers_between(AUDIT, since=_instant(at)))[0] - 1
    return (await numbers_between(AUDIT, until=_instant(at)))[1] + 1


def _instant(at: datetime | None) -> Any:
    """Write an instant as the database compares it."""
    return None if at is None else to_database(AuditEntry._meta.fields_map["at"], at)
