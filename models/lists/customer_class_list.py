"""Lists of customer classes, by display position unless another order is wanted (R17, R18)."""

from dataclasses import dataclass

from models.lists.row_order import BY_NAME, BY_NAME_DOWN, RowOrder, SortOrder
from models.storage.sql import Sql, all_of
from models.tables.customer_class import ClassStatus


class ClassOrder(SortOrder):
    """The orders of customer classes; classes with the same position are sorted by name."""

    DISPLAY_POSITION_ASC = RowOrder(("display_position", "name_key", "id"))
    DISPLAY_POSITION_DESC = RowOrder(("display_position", "name_key", "id"), True)
    NAME_ASC = BY_NAME
    NAME_DESC = BY_NAME_DOWN


PICKED_OR_USED = Sql(
    "(t0.retired_at IS NULL OR EXISTS (SELECT 1 FROM class_change AS used"
    " WHERE used.to_class_id = t0.id))"
)
"""Condition for classes that can be assigned, or that a customer in scope has ever had (R94).

The class history of a customer also has the current class. The tenant scope limits its rows.
"""

_ACTIVE, _RETIRED = Sql("t0.retired_at IS NULL"), Sql("t0.retired_at IS NOT NULL")
_NOT_OF = {ClassStatus.ACTIVE: _RETIRED, ClassStatus.RETIRED: _ACTIVE}
"""By status: the condition of classes that do not have it."""


@dataclass(frozen=True, slots=True)
class ClassFilter:
    """Conditions on the classes of a list.

    `is_restricted` leaves out classes that cannot be assigned, whatever the other conditions are.
    """

    statuses: frozenset[ClassStatus]
    is_restricted: bool = False

    def condition(self) -> Sql:
        """Return the SQL condition of the filter."""
        conditions = [_NOT_OF[status] for status in ClassStatus if status not in self.statuses]
        return all_of([*conditions, _ACTIVE] if self.is_restricted else conditions)
