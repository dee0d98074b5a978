"""Reads imports: their orders, and the rows that they could not store, with their faults."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from enum import unique

from models.lists.row_order import BY_ID, BY_ID_DOWN, SortOrder
from models.storage.row_query import Keep, RowQuery
from models.storage.sql import ALWAYS, listed
from models.storage.top_n_per_key import Keyset, TopPerKey
from models.tables.customer_import import ImportFailedRow, ImportFault

AT_ONCE = 200


@unique
class ImportOrder(SortOrder):
    """The order of a list of imports."""

    CREATED_AT_DESC = BY_ID_DOWN
    CREATED_AT_ASC = BY_ID


@dataclass(frozen=True, slots=True)
class FailedRow:
    """A row of a file that was not stored, as it stands in the file, and what is wrong with it."""

    line: int
    text: str
    faults: list[ImportFault]


async def failed_rows(import_id: str) -> AsyncIterator[FailedRow]:
    """Yield the rows of an import that were not stored, in the order of the file."""
    last = 0
    while True:
        rows = ImportFailedRow.filter(import_id=import_id, id__gt=last).order_by("id")
        found = await rows.limit(AT_ONCE)
        if not found:
            return
        last, lines = found[-1].id, [one.line for one in found]
        faults: dict[int, list[ImportFault]] = {}
        of_these = ImportFault.filter(
            import_id=import_id, line__gte=lines[0], line__lte=lines[-1]
        ).order_by("number")
        for fault in await of_these:
            faults.setdefault(fault.line, []).append(fault)
        for one in found:
            yield FailedRow(one.line, one.content.decode(), faults.get(one.line, []))


async def fault_pages(
    reader: RowQuery,
    import_ids: Sequence[str],
    size: int,
    *,
    beyond: tuple[int] | None,
    is_backward: bool,
    keep: Keep,
) -> None:
    """Read `size` faults of each import, from the position `beyond` on, with one statement.

    `keep` gets them, and can drop some.
    """
    place = Keyset(("number",), "DESC" if is_backward else "ASC", beyond)
    per_import = TopPerKey("import_fault", "import_id", listed(import_ids))
    source = per_import.first_of_each(ALWAYS, place, size)
    await reader.read(ALWAYS, f"ORDER BY {place.order()}", source=source, keep=keep)
