"""Lists of customer classes by display position, then name, ignoring case (R17, R18)."""

from dataclasses import dataclass
from typing import Any

from models.storage.row_query import RowQuery
from models.storage.sql import Sql, all_of, run

CLASS_KEY = ("display_position", "name_key")
"""The sort columns; the id decides the order of rows that are equal in them."""

PICKED_OR_USED = Sql(
    "(t0.retired_at IS NULL OR EXISTS (SELECT 1 FROM class_change AS used"
    " WHERE used.to_class_id = t0.id))"
)
"""Matches classes that can be assigned, or are in the history of a customer in scope (R94).

The history of each customer contains its current class.
"""

_ACTIVE, _RETIRED = Sql("t0.retired_at IS NULL"), Sql("t0.retired_at IS NOT NULL")


@dataclass(frozen=True, slots=True)
class ClassFilter:
    """The conditions on the classes of a list; None is no condition.

    `is_restricted` leaves out classes that cannot be assigned.
    """

    is_active: bool | None = True
    is_assignable: bool | None = None
    is_restricted: bool = False

    def condition(self) -> Sql:
        """Return the SQL condition of the filter."""
        wishes = [wish for wish in (self.is_active, self.is_assignable) if wish is not None]
        conditions = [_ACTIVE if wish else _RETIRED for wish in wishes]
        return all_of([*conditions, _ACTIVE] if self.is_restricted else conditions)


async def class_page(
    reader: RowQuery, wanted: ClassFilter, size: int, beyond: tuple[Any, ...] | None
) -> tuple[list[Any], bool]:
    """Return up to `size` classes after the key `beyond`, and whether more follow."""
    condition = wanted.condition()
    if beyond is not None:
        after = Sql("(t0.display_position, t0.name_key, t0.id) > (?, ?, ?)", beyond)
        condition = all_of([condition, after])
    return await reader.read_some(condition, "t0.display_position, t0.name_key, t0.id", size)


async def count_classes(wanted: ClassFilter) -> int:
    """Return the number of classes that match a filter."""
    condition = wanted.condition()
    text = f"SELECT count(*) FROM customer_class AS t0 WHERE {condition.text}"  # noqa: S608  # no value is spelt out
    ((counted,),) = await run(text, condition.parameters)
    return int(counted)
