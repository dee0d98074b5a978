"""Lists of templates for new customers."""

from dataclasses import dataclass

from models.lists.row_order import BY_ID, BY_ID_DOWN, BY_NAME, BY_NAME_DOWN, SortOrder
from models.rules.folding import folded
from models.storage.sql import Sql, all_of, containing


class TemplateOrder(SortOrder):
    """The orders of templates."""

    NAME_ASC = BY_NAME
    NAME_DESC = BY_NAME_DOWN
    CREATED_AT_ASC = BY_ID
    CREATED_AT_DESC = BY_ID_DOWN


@dataclass(frozen=True, slots=True)
class TemplateFilter:
    """Conditions on the templates of a list: a template must meet all that are not None."""

    text: str | None = None
    customer_class_id: str | None = None
    parent_id: str | None = None

    def condition(self) -> Sql:
        """Return the SQL condition of the filter, with the table named `t0`."""
        found = []
        if self.text:
            found.append(containing("t0.name_key", folded(self.text)))
        if self.customer_class_id is not None:
            found.append(Sql("t0.customer_class_id = ?", (self.customer_class_id,)))
        if self.parent_id is not None:
            found.append(Sql("t0.parent_id = ?", (self.parent_id,)))
        return all_of(found)
