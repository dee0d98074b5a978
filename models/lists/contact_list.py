"""Lists of contacts: filters and orders (R98)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from models.lists.customer_scope import has_small_scope, of_customers_in_scope
from models.lists.row_order import BY_ID, BY_ID_DOWN, Period, RowOrder, SortOrder
from models.storage.sql import Sql, all_of, among, without_index, without_index_on_sqlite

NOT_DELETED = Sql("t0.deleted_at IS NULL")


class ContactOrder(SortOrder):
    """The orders of contacts."""

    CREATED_AT_ASC = BY_ID
    CREATED_AT_DESC = BY_ID_DOWN
    CHANGED_AT_ASC = RowOrder(("changed_at", "id"))
    CHANGED_AT_DESC = RowOrder(("changed_at", "id"), is_descending=True)


@dataclass(frozen=True, slots=True)
class ContactFilter:
    """Conditions on the contacts of a list: a contact must meet all that are given."""

    ids: Sequence[str] | None = None
    customer_id: str | None = None
    customer_ids: Sequence[str] | None = None
    email: str | None = None
    is_email_verified: bool | None = None
    is_active: bool | None = None
    periods: Sequence[Period] = ()
    external_references: Sequence[str] | None = None
    is_small_scope: bool = False
    """Whether the tenant scope has few customers, so that the query should first find these."""

    def condition(self) -> Sql:
        """Return the SQL condition of the filter, which leaves out deleted contacts."""
        conditions = [NOT_DELETED]
        if self.is_small_scope:
            conditions.append(Sql(of_customers_in_scope("t0.customer_id")))
        if self.customer_id is not None:
            conditions.append(Sql("t0.customer_id = ?", (self.customer_id,)))
        if self.ids is not None:
            conditions.append(among(self._column("id"), self.ids))
        if self.customer_ids is not None:
            conditions.append(among(self._column("customer_id"), self.customer_ids))
        if self.email is not None:
            # The time must not tell whether contacts out of scope have the address.
            column = without_index("t0.email") if self.is_small_scope else "t0.email"
            conditions.append(Sql(f"t0.email IS NOT NULL AND {column} = ?", (self.email,)))
        if self.is_email_verified is not None:
            negation = "NOT " if self.is_email_verified else ""
            conditions.append(Sql(f"t0.email_verified_at IS {negation}NULL"))
        if self.is_active is not None:
            conditions.append(Sql("t0.is_active" if self.is_active else "NOT t0.is_active"))
        conditions += [one.condition(self._column(one.column)) for one in self.periods]
        if self.external_references is not None:
            column = "t0.external_reference"
            # The time must not tell whether contacts out of scope have the reference.
            column = without_index(column) if self.is_small_scope else column
            conditions.append(among(column, self.external_references))
        return all_of(conditions)

    def _column(self, name: str) -> str:
        return without_index_on_sqlite(f"t0.{name}") if self.is_small_scope else f"t0.{name}"

    async def for_planning(self) -> "ContactFilter":
        """Return a copy with `is_small_scope` set, which determines the SQL."""
        return replace(self, is_small_scope=await has_small_scope())
