"""Where lists of a bound operation begin: with the few customers that it reaches (R99).

A database that is asked for the first of a list would rather walk the list, and looks at everybody
else's customers to find a partner's ten. So it is told to begin with these; conditions that other
indexes would serve are written so that none is looked up by.
"""

from models.reach import reach
from models.sql import Sql, is_postgres, run

MOST_FEW = 10_000
"""Who reaches more has so many of all that walking the list finds them soon."""

FEW = "SELECT own.{key} FROM customer AS own"
"""All that are reached, as of any statement."""


async def reaches_few() -> bool:
    """Tell whether the operation is bound, and reaches so few that lists begin with them."""
    if reach() is None:
        return False
    text = f"SELECT count(*) FROM (SELECT 1 FROM customer AS t0 LIMIT {MOST_FEW + 1:d}) AS counted"  # noqa: S608  # no value is spelt out
    ((counted,),) = await run(text, ())
    return int(counted) <= MOST_FEW


def among_reached() -> Sql:
    """Match the customers that are reached, found first of all."""
    if is_postgres():
        return Sql(f"t0.id = ANY(ARRAY({FEW.format(key='id')}))")
    return Sql(f"t0.rowid IN ({FEW.format(key='rowid')})")
