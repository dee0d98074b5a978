"""Lists of the calls that credentials made, and their sums."""

from dataclasses import dataclass
from datetime import date

from models.lists.row_order import BY_ID, BY_ID_DOWN, RowOrder, SortOrder
from models.rules.operation_kind import OperationKind
from models.storage.sql import Sql, all_of, run

TABLE = "api_usage"


class UsageOrder(SortOrder):
    """The orders of usage; ids begin with the day."""

    DAY_DESC = BY_ID_DOWN
    DAY_ASC = BY_ID
    CALLS_DESC = RowOrder(("calls", "id"), True)
    POINTS_DESC = RowOrder(("points", "id"), True)


@dataclass(frozen=True, slots=True)
class UsageFilter:
    """Conditions on usage: it must be of a day from `from_on` until before `until_on`.

    It must meet all other conditions that are not None.
    """

    from_on: date
    until_on: date
    credential_id: str | None = None
    user_id: str | None = None
    reseller_id: str | None = None
    operation: str | None = None
    operation_type: OperationKind | None = None
    is_limited: bool | None = None

    def condition(self) -> Sql:
        """Return the SQL condition of the filter, with the table named `t0`."""
        days = (self.from_on.isoformat(), self.until_on.isoformat())
        found = [Sql("t0.id >= ? AND t0.id < ?", days)]
        for column in ("credential_id", "user_id", "reseller_id", "operation", "operation_type"):
            value = getattr(self, column)
            if value is not None:
                found.append(Sql(f"t0.{column} = ?", (str(value),)))
        if self.is_limited is not None:
            found.append(Sql(f"t0.limit_hits {'>' if self.is_limited else '='} 0"))
        return all_of(found)


@dataclass(frozen=True, slots=True)
class UsageTotals:
    """The sums of usage."""

    calls: int
    points: int
    refusals: int
    user_errors: int
    limit_hits: int


async def usage_totals(condition: Sql) -> UsageTotals:
    """Return the sums of the usage that meets a condition."""
    sums = ", ".join(f"coalesce(sum(t0.{name}), 0)" for name in UsageTotals.__slots__)
    text = f"SELECT {sums} FROM {TABLE} AS t0 WHERE {condition.text}"  # noqa: S608  # no value is spelt out
    ((*values,),) = await run(text, condition.parameters)
    return UsageTotals(*map(int, values))
