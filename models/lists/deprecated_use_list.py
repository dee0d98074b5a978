"""The list of uses of deprecated parts of the schema."""

from dataclasses import dataclass
from datetime import date

from models.lists.row_order import BY_ID_DOWN, SortOrder
from models.storage.sql import Sql, all_of


class DeprecatedUseOrder(SortOrder):
    """The order of uses: by when a part was first used by a credential on a day."""

    NEWEST = BY_ID_DOWN


@dataclass(frozen=True, slots=True)
class DeprecatedUseFilter:
    """Conditions on the uses of a list: a use must meet all that are not None."""

    coordinate: str | None = None
    credential_id: str | None = None
    reseller_id: str | None = None
    from_on: date | None = None

    def condition(self, bound_reseller_id: str | None) -> Sql:
        """Return the SQL condition of the filter, with the table named `t0`.

        A partner, bound to a reseller, sees the uses of its own credentials only.
        """
        equal = {
            "coordinate": (self.coordinate,),
            "credential_id": (self.credential_id,),
            "reseller_id": (self.reseller_id, bound_reseller_id),
        }
        found = [
            Sql(f"t0.{column} = ?", (value,))
            for column, values in equal.items()
            for value in values
            if value is not None
        ]
        if self.from_on is not None:
            found.append(Sql("t0.used_on >= ?", (self.from_on.isoformat(),)))
        return all_of(found)
