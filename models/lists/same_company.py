"""Finds other customers with the same company number: perhaps one customer, stored twice."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from models.lists.customer_scope import MAX_SCANNED, has_small_scope
from models.storage.sql import Sql, all_of, among, listed, run, without_index
from models.storage.top_n_per_key import Keyset, TopPerKey

MAX_OTHERS = 10
"""Other customers that are found for a customer."""

_LIVING = Sql("t0.erased_at IS NULL")


@dataclass(frozen=True, slots=True)
class OtherCustomer:
    """Another customer with the same company number."""

    id: str
    account_number: str


async def others_of_same_company(
    numbers: Mapping[str, str | None],
) -> dict[str, list[OtherCustomer]]:
    """Return, by customer id, up to MAX_OTHERS other customers with the same company number.

    `numbers` are company numbers by customer id. Deleted customers and those out of scope are left
    out; the others are sorted by id, and so by their age.
    """
    sought = sorted({number for number in numbers.values() if number is not None})
    with_number: dict[str | None, list[OtherCustomer]] = {}
    for number, row_id, account_number in await _customers(sought) if sought else ():
        with_number.setdefault(number, []).append(OtherCustomer(row_id, account_number))
    return {
        row_id: [one for one in with_number.get(number, ()) if one.id != row_id][:MAX_OTHERS]
        for row_id, number in numbers.items()
    }


async def _customers(numbers: Sequence[str]) -> Sequence[Sequence[str]]:
    """Return number, id and account number of the first customers with each of the numbers."""
    columns = "t0.company_number, t0.id, t0.account_number"
    if await has_small_scope(MAX_SCANNED):
        # Read all customers in scope: the time must not tell of others with these numbers.
        where = all_of([_LIVING, among(without_index("t0.company_number"), numbers)])
        return await run(
            f"SELECT {columns} FROM customer AS t0 WHERE {where.text} ORDER BY t0.id",  # noqa: S608  # no value is spelt out
            where.parameters,
        )
    each = TopPerKey("customer", "company_number", listed(numbers))
    source = each.first_of_each(_LIVING, Keyset(("id",)), MAX_OTHERS + 1)
    return await run(
        f"SELECT {columns} FROM {source.text} ORDER BY t0.id",  # noqa: S608  # see above
        source.parameters,
    )
