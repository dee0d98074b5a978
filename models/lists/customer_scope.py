"""Makes queries for a partner first find the few customers in the partner's tenant scope (R99).

Query planners prefer to read a list in its sort order, and would read the customers of all partners
to find the ten in scope. The conditions of this module make them begin with the customers in scope.
Other conditions of such a query are written so that no index is used for them.
"""

from collections.abc import Mapping

from models.rules.folding import folded
from models.storage.sql import Sql, is_postgres, run, without_index
from models.storage.tenant_scope import bind_tenant, current_tenant, preserve_tenant_scope

MAX_SMALL_SCOPE = 10_000
"""If a partner has more customers than this, an ordinary index scan finds them quickly."""

MAX_SCANNED = 1_000
"""If the tenant scope has at most this many customers, a search by number reads all of them.

Customers out of scope may have the number, and the time of the search must not reveal that.
"""

IN_SCOPE = "SELECT own.{key} FROM customer AS own"
"""Selects all customers in the tenant scope, which is added to every statement when it runs."""


async def has_small_scope(most: int = MAX_SMALL_SCOPE) -> bool:
    """Return whether the operation has a tenant scope, with at most `most` customers."""
    if current_tenant() is None:
        return False
    text = f"SELECT count(*) FROM (SELECT 1 FROM customer AS t0 LIMIT {most + 1:d}) AS counted"  # noqa: S608  # no value is spelt out
    ((counted,),) = await run(text, ())
    return int(counted) <= most


def in_scope_first() -> Sql:
    """Return a condition for customers in scope that makes the database find these first."""
    return _first_of(IN_SCOPE)


def of_customers_in_scope(column: str) -> str:
    """Return a condition that a column has the id of a customer in scope, who are found first."""
    own = IN_SCOPE.format(key="id")
    return f"{column} = ANY(ARRAY({own}))" if is_postgres() else f"{column} IN ({own})"


def in_scope_with(values: Mapping[str, str]) -> Sql:
    """Return a condition for customers in scope whose columns have the given values.

    All customers in scope are read, so that the time does not reveal whether customers out of scope
    have these values.
    """
    having = " AND ".join(f"{without_index(f'own.{column}')} = ?" for column in values)
    matched = _first_of(f"{IN_SCOPE} WHERE {having}")
    return Sql(matched.text, tuple(values.values()))


def _first_of(statement: str) -> Sql:
    if is_postgres():
        return Sql(f"t0.id = ANY(ARRAY({statement.format(key='id')}))")
    return Sql(f"t0.rowid IN ({statement.format(key='rowid')})")


async def at_account_number(number: str) -> Sql:
    """Return a condition for the customer with an account number.

    An exact match is preferred to one that ignores case. In a tenant scope, the next customer in
    the order of all account numbers is read first, and then checked against the number and the
    scope. So the query takes the same time for another reseller's number as for a number that does
    not exist.
    """
    key = folded(number)
    if current_tenant() is None:
        return Sql(_EXACT_OR_FOLDED, (number, key))
    with preserve_tenant_scope():
        bind_tenant(None)
        exact = await run(_AT_NUMBER.format(column="account_number"), (number,))
        same = await run(_AT_NUMBER.format(column="account_number_key"), (key,))
    found = exact if exact and exact[0][1] == number else same
    columns = ("t0.account_number", "t0.account_number_key")
    is_its = " OR ".join(f"{without_index(column)} = ?" for column in columns)
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
"""Selects the first account number at or after the wanted one, or else the first of all.

So exactly one row is read, whether or not the wanted number exists.
"""
