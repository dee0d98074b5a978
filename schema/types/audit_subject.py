"""Reads the objects and customers that audit entries and events are about, for many at once."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from models.storage.sql import Sql, all_of, among
from schema.base.field_mapping import Selection
from schema.base.node import Node

if TYPE_CHECKING:
    from schema.types.customer import Customer


async def customers_of(selection: Selection, rows: Sequence[Any]) -> list["Customer | None"]:
    """Return for each row the customer in `customer_id`; None if erased or out of scope."""
    ids = sorted({one.row_customer_id for one in rows if one.row_customer_id is not None})
    living = all_of([among("t0.id", ids), Sql("t0.erased_at IS NULL")])
    found = {one.id: one for one in await selection.reader.read(living)} if ids else {}
    return [found.get(one.row_customer_id) for one in rows]


async def subjects_of(selection: Selection, rows: Sequence[Any]) -> list[Node | None]:
    """Return for each row the object in `subject_id`; None if the caller may not see it."""
    from schema.types.node_kinds import visible_rows  # noqa: PLC0415  # breaks a circle

    found: dict[str, Node] = {}
    for kind, where in visible_rows(selection.info, sorted({one.row_subject_id for one in rows})):
        if kind in selection.readers:
            found |= {one.id: one for one in await selection.readers[kind].read(where)}
    return [found.get(one.row_subject_id) for one in rows]


def audited_types() -> tuple[type, ...]:
    """Return the types of objects that audit entries and events are about."""
    from schema.types.node_kinds import AUDITED, KINDS  # noqa: PLC0415  # breaks a circle

    return tuple(KINDS[prefix].type for prefix in AUDITED)
