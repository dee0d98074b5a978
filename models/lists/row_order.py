"""Orders of lists of one table: keyset pages in both directions, and counts (R98)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from tortoise import fields

from models.storage.row_query import RowQuery
from models.storage.sql import Sql, all_of, run, to_database
from models.storage.top_n_per_key import Keyset

_INTEGERS = frozenset({"calls", "display_position", "points"})
INSTANTS = frozenset({"created_at", "last_modified_at", "changed_at"})
_INSTANT = fields.DatetimeField()


def parse_instant(text: str) -> datetime:
    """Return the instant of a cursor; raises ValueError if it is malformed or not in UTC."""
    at = datetime.fromisoformat(text)
    if at.utcoffset() != timedelta(0):
        raise ValueError("the time of a place must be in UTC")
    return at


@dataclass(frozen=True, slots=True)
class Period:
    """A condition that a column's instant is in a period; None leaves the period open there."""

    column: str
    since: datetime | None = None
    until: datetime | None = None
    """The end of the period, itself excluded."""

    def condition(self, expression: str | None = None) -> Sql:
        """Return the condition; `expression` is the SQL of the column, by default of table t0."""
        column = expression or f"t0.{self.column}"
        bounds = ((">=", self.since), ("<", self.until))
        return all_of(
            Sql(f"{column} {sign} ?", (to_database(_INSTANT, at),))
            for sign, at in bounds
            if at is not None
        )


@dataclass(frozen=True, slots=True)
class RowOrder:
    """An order of rows by `columns`, all ascending or all descending; the last one is unique."""

    columns: tuple[str, ...]
    is_descending: bool = False

    @property
    def key_types(self) -> tuple[type, ...]:
        """The Python types of the columns' values."""
        return tuple(int if column in _INTEGERS else str for column in self.columns)

    def key_of(self, row: Any) -> tuple[Any, ...]:
        """Return the position of a row in this order, for a cursor; instants become texts."""
        values = (getattr(row, column) for column in self.columns)
        return tuple(at.isoformat() if isinstance(at, datetime) else at for at in values)

    def parse(self, key: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return the position that `key_of` wrote; raises ValueError if it is malformed."""
        parts = zip(self.columns, key, strict=True)
        return tuple(parse_instant(at) if column in INSTANTS else at for column, at in parts)

    async def page(
        self,
        reader: RowQuery,
        condition: Sql,
        size: int,
        beyond: tuple[Any, ...] | None = None,
        *,
        is_backward: bool = False,
    ) -> tuple[list[Any], bool]:
        """Return a page of rows in this order, and whether more follow in the reading direction.

        `beyond` has the values of the columns at the position after which the page begins or, with
        `is_backward`, before which it ends; None begins at the start or end of the list.
        """
        if beyond is not None:
            beyond = tuple(
                to_database(_INSTANT, part) if isinstance(part, datetime) else part
                for part in beyond
            )
        direction = "DESC" if self.is_descending != is_backward else "ASC"
        place = Keyset(self.columns, direction, beyond)
        where = all_of([condition, place.after()])
        found, has_more = await reader.read_some(where, place.order(), size)
        if is_backward:
            found.reverse()
        return found, has_more


BY_NAME, BY_NAME_DOWN = RowOrder(("name_key", "id")), RowOrder(("name_key", "id"), True)
BY_ID, BY_ID_DOWN = RowOrder(("id",)), RowOrder(("id",), True)
"""Ids increase with the time of creation, so that they sort by it."""


class SortOrder(Enum):
    """A named order; the orders of each list are a subclass, which the schema publishes."""

    @property
    def rows(self) -> RowOrder:
        """The order itself."""
        order: RowOrder = self.value
        return order


async def count_rows(table: str, condition: Sql, most: int | None = None) -> int:
    """Return the number of rows of a table, named `t0` in the condition, that meet it.

    If `most` is given, they are counted up to that number.
    """
    matching = f"FROM {table} AS t0 WHERE {condition.text}"
    if most is not None:
        matching = f"FROM (SELECT 1 {matching} LIMIT {most:d}) AS counted"
    ((counted,),) = await run(f"SELECT count(*) {matching}", condition.parameters)
    return int(counted)
