"""Lists what changed in company profiles, newest first."""

from collections.abc import Sequence

from models.lists.customer_list import MAX_COUNT
from models.storage.row_query import Keep, RowQuery
from models.storage.sql import ALWAYS, listed, run
from models.storage.top_n_per_key import Keyset, TopPerKey


async def change_pages(
    reader: RowQuery,
    customer_ids: Sequence[str],
    size: int,
    *,
    beyond: tuple[str] | None,
    is_backward: bool,
    keep: Keep,
) -> None:
    """Read `size` changes of each customer, from the position `beyond` on, with one statement.

    `keep` gets them, and can drop some.
    """
    place = Keyset(("id",), "ASC" if is_backward else "DESC", beyond)
    source = _of(customer_ids).first_of_each(ALWAYS, place, size)
    await reader.read(ALWAYS, f"ORDER BY {place.order()}", source=source, keep=keep)


async def count_changes(customer_ids: Sequence[str]) -> dict[str, int]:
    """Return the number of changes of each customer, at most MAX_COUNT + 1, by customer id."""
    statement = _of(customer_ids).count_of_each(ALWAYS, MAX_COUNT + 1)
    return dict(tuple(row) for row in await run(statement.text, statement.parameters))


def _of(customer_ids: Sequence[str]) -> TopPerKey:
    return TopPerKey("profile_change", "customer_id", listed(customer_ids))
