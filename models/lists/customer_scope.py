"""Where lists of a bound operation begin: with the few customers that it reaches (R99).

A database that is asked for the first of a list would rather walk the list, and looks at everybody
else's customers to find a partner's ten. So it is told to begin with these; conditions that other
indexes would serve are written so that none is looked up by.
"""

from collections.abc import Mapping

from models.rules.folding import folded
from models.storage.sql import Sql, is_postgres, never_looked_up, run
from models.storage.tenant_scope import bind_tenant, current_tenant, keeping_tenant

MAX_FEW = 10_000
"""Who reaches more has so many of all that walking the list finds them soon."""

MAX_EXAMINED = 1_000
"""Of so few, each is looked at for a number that others' customers may have as well."""

FEW = "SELECT own.{key} FROM customer AS own"
"""All that are reached, as of any statement."""


async def reaches_few(most: int = MAX_FEW) -> bool:
    """Return whether the operation is bound, and reaches so few that lists begin with them."""
    if current_tenant() is None:
        return False
    text = f"SELECT count(*) FROM (SELECT 1 FROM customer AS t0 LIMIT {most + 1:d}) AS counted"  # noqa: S608  # no value is spelt out
    ((counted,),) = await run(text, ())
    return int(counted) <= most


def among_reached() -> Sql:
    """Match the customers that are reached, found first of all."""
    return _among(FEW)


def reached_with(values: Mapping[str, str]) -> Sql:
    """Match the customers that are reached and have some texts in some columns.

    The reached ones are gone through, so that it takes as long whether or not others have the same.
    """
    having = " AND ".join(f"{never_looked_up(f'own.{column}')} = ?" for column in values)
    matched = _among(f"{FEW} WHERE {having}")
    return Sql(matched.text, tuple(values.values()))


def _among(statement: str) -> Sql:
    if is_postgres():
        return Sql(f"t0.id = ANY(ARRAY({statement.format(key='id')}))")
    return Sql(f"t0.rowid IN ({statement.format(key='rowid')})")


async def at_account_number(number: str) -> Sql:
    """Match the customer with an account number, written exactly so or else in other case.

    A bound operation reads the customers at both places in the order of all numbers, whoever's
    they are and whether or not they have that very number, and only then looks whether they are
    reached: it does the same for a number of somebody else's and for one that nobody has.
    """
    key = folded(number)
    if current_tenant() is None:
        return Sql(_EXACT_OR_FOLDED, (number, key))
    with keeping_tenant():
        bind_tenant(None)
        exact = await run(_AT_NUMBER.format(column="account_number"), (number,))
        same = await run(_AT_NUMBER.format(column="account_number_key"), (key,))
    found = exact if exact and exact[0][1] == number else same
    columns = ("t0.account_number", "t0.account_number_key")
    is_its = " OR ".join(f"{never_looked_up(column)} = ?" for column in columns)
    return Sql(f"t0.id = ? AND ({is_its})", (found[0][0] if found else "", number, key))


_EXACT_OR_FOLDED = """t0.id = coalesce(
  (SELECT own.id FROM customer AS own WHERE own.account_number = ?),
  (SELECT own.id FROM customer AS own WHERE own.account_number_key = ?))"""

_AT_NUMBER = """
  SELECT id, number FROM (SELECT t0.id, t0.{column} AS number FROM customer AS t0
    WHERE t0.{column} >= ? ORDER BY t0.{column} LIMIT 1) AS next
  UNION ALL
  SELECT id, number FROM (SELECT t0.id, t0.{column} AS number FROM customer AS t0
    ORDER BY t0.{column} LIMIT 1) AS first
  LIMIT 1"""
"""After the last number comes the first, so that one row is always read."""
