"""Makes lists of a partner's operation start from the few customers in its scope (R99).

Query planners prefer to read a list in its sort order, and would read the customers of all partners
to find the ten in scope. The conditions of this module make them start from the customers in scope.
Other conditions of such a query are written so that no index serves them.
"""

from collections.abc import Mapping

from models.rules.folding import folded
from models.storage.sql import Sql, is_postgres, never_looked_up, run
from models.storage.tenant_scope import bind_tenant, current_tenant, keeping_tenant

MAX_SMALL_SCOPE = 10_000
"""A partner with more customers than this finds them quickly with an ordinary index scan."""

MAX_SCANNED = 1_000
"""If the scope has at most this many customers, a search by number reads all of them.

Customers out of scope may have the same number, and the time of the search must not reveal it.
"""

IN_SCOPE = "SELECT own.{key} FROM customer AS own"
"""Selects all customers in scope: the tenant scope is added to every statement that runs."""


async def has_small_scope(most: int = MAX_SMALL_SCOPE) -> bool:
    """Return whether the operation has a tenant scope, with at most `most` customers."""
    if current_tenant() is None:
        return False
    text = f"SELECT count(*) FROM (SELECT 1 FROM customer AS t0 LIMIT {most + 1:d}) AS counted"  # noqa: S608  # no value is spelt out
    ((counted,),) = await run(text, ())
    return int(counted) <= most


def in_scope_first() -> Sql:
    """Match the customers in scope, so that the query plan starts from them."""
    return _first_of(IN_SCOPE)


def in_scope_with(values: Mapping[str, str]) -> Sql:
    """Match the customers in scope that have the given values, by column.

    All customers in scope are read, so that the time does not reveal whether customers out of scope
    have these values.
    """
    having = " AND ".join(f"{never_looked_up(f'own.{column}')} = ?" for column in values)
    matched = _first_of(f"{IN_SCOPE} WHERE {having}")
    return Sql(matched.text, tuple(values.values()))


def _first_of(statement: str) -> Sql:
    if is_postgres():
        return Sql(f"t0.id = ANY(ARRAY({statement.format(key='id')}))")
    return Sql(f"t0.rowid IN ({statement.format(key='rowid')})")


async def at_account_number(number: str) -> Sql:
    """Match the customer with an account number: an exact match or else one that ignores case.

    In a tenant scope, the next customer in the order of all account numbers is read first, and then
    checked against the number and the scope. So the time is the same for another reseller's number
    and for a number that does not exist.
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
"""Selects the first number at or after the given one, or else the first of all numbers.

So exactly one row is read, whether or not the given number exists.
"""
