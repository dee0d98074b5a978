"""Reads the first rows of each of several keys, such as customers by class.

A key is a value of one column, such as the id of a class. An index that begins with that column
returns the rows of one key in order, but not those of several keys together. For several keys, a
database sorts all their rows or scans the whole list, and often chooses the slower way. So the
first rows of each key are read separately: at most the number of keys times the page size.
"""

from dataclasses import dataclass
from typing import Any

from models.storage.sql import ALWAYS, Sql, all_of, is_postgres, without_index_on_sqlite


@dataclass(frozen=True, slots=True)
class Keyset:
    """A sort order by `columns`, and optionally a position in it (a keyset cursor).

    `direction` is ASC or DESC, for all columns. `beyond` has the values of the columns at the
    position; None is the beginning.
    """

    columns: tuple[str, ...]
    direction: str = "ASC"
    beyond: tuple[Any, ...] | None = None

    def order(self, table: str = "t0") -> str:
        """Return the list for ORDER BY, with columns of the alias `table`."""
        return ", ".join(f"{table}.{column} {self.direction}" for column in self.columns)

    def after(self) -> Sql:
        """Return the condition for the rows after the position."""
        if self.beyond is None:
            return ALWAYS
        names = ", ".join(f"t0.{column}" for column in self.columns)
        marks = ", ".join("?" for _ in self.columns)
        return Sql(f"({names}) {'<' if self.direction == 'DESC' else '>'} ({marks})", self.beyond)

    def for_key(self, column: str, key: Sql, *, is_selective: bool = False) -> tuple[Sql, str]:
        """Return the condition for the rows of one key after the position, and their ORDER BY.

        `column` must equal the SQL expression `key`. PostgreSQL might use an index of the sort
        columns alone and filter by the key. To prevent that, ORDER BY begins with `column`, and
        `= ANY(ARRAY[…])` hides from the planner that it is constant. With `is_selective`, other
        conditions leave few rows, and SQLite does not use the index of `column`.
        """
        if is_postgres():
            matched = Sql(f"t0.{column} = ANY(ARRAY[{key.text}])", key.parameters)
            order = f"t0.{column} {self.direction}, {self.order()}"
        else:
            own = without_index_on_sqlite(f"t0.{column}") if is_selective else f"t0.{column}"
            matched, order = Sql(f"{own} = {key.text}", key.parameters), self.order()
        return all_of([matched, self.after()]), order


@dataclass(frozen=True, slots=True)
class TopPerKey:
    """The rows of `table` whose `column` is one of `keys`, a SELECT with a column `key`."""

    table: str
    column: str
    keys: Sql
    is_selective: bool = False
    """Whether few rows match the other conditions, so that no index on `column` is needed."""

    def first(self, where: Sql, place: Keyset, size: int) -> Sql:
        """Return a condition for the first `size` rows of all keys together, from `place` on.

        `place` is the sort order, with a position. In the condition `where`, t0 is the table. To
        be fast, this needs an index on `column` and then the columns of `place`.
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
        """Return a subquery t0 for FROM, with the first `size` rows of each key from `place` on."""
        keys, rows = self._first_rows(where, place, size)
        found = (
            f"LATERAL (SELECT t0.* {rows.text}) AS t0"
            if is_postgres()
            else f"{self.table} AS t0 ON t0.rowid IN (SELECT t0.rowid {rows.text})"
        )
        return Sql(f"{keys} CROSS JOIN {found}", (*self.keys.parameters, *rows.parameters))

    def _first_rows(self, where: Sql, place: Keyset, size: int) -> tuple[str, Sql]:
        """Return the keys as a table `one`, and FROM … LIMIT for the first rows of a key in it."""
        matched, order = place.for_key(self.column, Sql("one.key"), is_selective=self.is_selective)
        condition = all_of([matched, where])
        rows = f"FROM {self.table} AS t0 WHERE {condition.text} ORDER BY {order} LIMIT {size:d}"
        return f"({self.keys.text}) AS one", Sql(rows, condition.parameters)

    def count(self, where: Sql, most: int) -> Sql:
        """Return a statement that counts the rows of all keys together, up to `most`."""
        keys = f"({self.keys.text}) AS one CROSS JOIN"
        rows = f"{self.table} AS t0"
        condition = f"{self._matched()} AND {where.text}"
        # OFFSET 0 keeps PostgreSQL from joining the whole tables.
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
        """Return a statement with each key and the number of its rows, up to `most` per key."""
        limit = "" if most is None else f" LIMIT {most:d}"
        return Sql(
            f"SELECT one.key, (SELECT count(*) FROM (SELECT 1 FROM {self.table} AS t0"  # noqa: S608  # no value is spelt out
            f" WHERE {self._matched()} AND {where.text}{limit}) AS counted)"
            f" FROM ({self.keys.text}) AS one",
            (*where.parameters, *self.keys.parameters),
        )

    def _matched(self) -> str:
        column = f"t0.{self.column}"
        return f"{without_index_on_sqlite(column) if self.is_selective else column} = one.key"
