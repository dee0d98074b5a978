"""Reads the first rows of each of several keys, such as the customers of several classes.

An index that begins with a column has the rows of one value in order, but not those of several. For
the first rows of several values a database sorts all of them or walks the whole list, and often
guesses wrong which is cheaper. So each key is queried for its own first rows: at most keys times
page size.
"""

from dataclasses import dataclass
from typing import Any

from models.storage.sql import ALWAYS, Sql, all_of, is_postgres, not_looked_up


@dataclass(frozen=True, slots=True)
class Keyset:
    """A keyset cursor: a position in an order by columns, all ascending or all descending."""

    columns: tuple[str, ...]
    direction: str = "ASC"
    beyond: tuple[Any, ...] | None = None

    def order(self, table: str = "t0") -> str:
        """Return the ORDER BY list."""
        return ", ".join(f"{table}.{column} {self.direction}" for column in self.columns)

    def after(self) -> Sql:
        """Match the rows after the position."""
        if self.beyond is None:
            return ALWAYS
        names = ", ".join(f"t0.{column}" for column in self.columns)
        marks = ", ".join("?" for _ in self.columns)
        return Sql(f"({names}) {'<' if self.direction == 'DESC' else '>'} ({marks})", self.beyond)

    def under(self, column: str, key: Sql, *, is_few: bool = False) -> tuple[Sql, str]:
        """Match the rows of a key after the position, and return their order.

        PostgreSQL may prefer an index of the order's columns alone and filter by the key. An order
        that begins with the key's column prevents that, unless the planner knows that the column is
        constant; `= ANY(ARRAY[…])` hides this from it.
        """
        if is_postgres():
            matched = Sql(f"t0.{column} = ANY(ARRAY[{key.text}])", key.parameters)
            order = f"t0.{column} {self.direction}, {self.order()}"
        else:
            own = not_looked_up(f"t0.{column}") if is_few else f"t0.{column}"
            matched, order = Sql(f"{own} = {key.text}", key.parameters), self.order()
        return all_of([matched, self.after()]), order


@dataclass(frozen=True, slots=True)
class TopPerKey:
    """Rows of `table` whose `column` is one of `keys`, a statement with a column `key`."""

    table: str
    column: str
    keys: Sql
    is_few: bool = False
    """Whether another condition finds the rows, instead of their keys."""

    def first(self, where: Sql, place: Keyset, size: int) -> Sql:
        """Match the first rows of all keys together; in `where`, t0 is the table.

        An index-only scan finds their ids; the index must begin with the key's column and continue
        in the keyset's order.
        """
        keys, rows = self._first_rows(where, place, size)
        found = f"ORDER BY {place.order('found')} LIMIT {size:d}"
        if is_postgres():
            text = (
                f"t0.id = ANY(ARRAY(SELECT found.id FROM {keys}"  # noqa: S608  # no value is spelt out
                f" CROSS JOIN LATERAL (SELECT t0.* {rows.text}) AS found {found}))"
            )
        else:
            # SQLite has no LATERAL; its CROSS JOIN keeps the order in which tables are joined.
            text = (
                f"t0.rowid IN (SELECT found.rowid FROM {keys} CROSS JOIN {self.table} AS found"  # noqa: S608  # see above
                f" ON found.rowid IN (SELECT t0.rowid {rows.text}) {found})"
            )
        return Sql(text, (*self.keys.parameters, *rows.parameters))

    def first_of_each(self, where: Sql, place: Keyset, size: int) -> Sql:
        """Return a subquery t0 with the first rows of each key, to use instead of the table."""
        keys, rows = self._first_rows(where, place, size)
        found = (
            f"LATERAL (SELECT t0.* {rows.text}) AS t0"
            if is_postgres()
            else f"{self.table} AS t0 ON t0.rowid IN (SELECT t0.rowid {rows.text})"
        )
        return Sql(f"{keys} CROSS JOIN {found}", (*self.keys.parameters, *rows.parameters))

    def _first_rows(self, where: Sql, place: Keyset, size: int) -> tuple[str, Sql]:
        """Give the keys as a table `one`, and the end of a SELECT of the first rows of one key."""
        matched, order = place.under(self.column, Sql("one.key"), is_few=self.is_few)
        condition = all_of([matched, where])
        rows = f"FROM {self.table} AS t0 WHERE {condition.text} ORDER BY {order} LIMIT {size:d}"
        return f"({self.keys.text}) AS one", Sql(rows, condition.parameters)

    def count(self, where: Sql, most: int) -> Sql:
        """Return a statement that counts the rows, up to `most`."""
        keys = f"({self.keys.text}) AS one CROSS JOIN"
        rows = f"{self.table} AS t0"
        condition = f"{self._matched()} AND {where.text}"
        # Without OFFSET PostgreSQL would join the whole tables.
        source = (
            f"{keys} LATERAL (SELECT 1 FROM {rows} WHERE {condition} OFFSET 0) AS found"  # noqa: S608  # see above
            if is_postgres()
            else f"{keys} {rows} ON {condition}"
        )
        return Sql(
            f"SELECT count(*) FROM (SELECT 1 FROM {source} LIMIT {most:d}) AS counted",  # noqa: S608  # no value is spelt out
            (*self.keys.parameters, *where.parameters),
        )

    def count_of_each(self, where: Sql, most: int | None = None) -> Sql:
        """Return a statement that counts the rows of each key, up to `most`."""
        limit = "" if most is None else f" LIMIT {most:d}"
        return Sql(
            f"SELECT one.key, (SELECT count(*) FROM (SELECT 1 FROM {self.table} AS t0"  # noqa: S608  # no value is spelt out
            f" WHERE {self._matched()} AND {where.text}{limit}) AS counted)"
            f" FROM ({self.keys.text}) AS one",
            (*where.parameters, *self.keys.parameters),
        )

    def _matched(self) -> str:
        column = f"t0.{self.column}"
        return f"{not_looked_up(column) if self.is_few else column} = one.key"
