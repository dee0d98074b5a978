"""Pages of lists that one table holds, in the order of some of its columns."""

from typing import Annotated, TypeVar

import strawberry

from models.lists.access_list import Order
from models.storage.sql import Sql
from schema.base.context import Info
from schema.base.pagination import COUNTS, ROWS, page_arguments
from schema.base.projections import page_query
from schema.types.access_connection import Connection

Item = TypeVar("Item")

First = Annotated[int | None, strawberry.argument(description="How many at most, 500 or fewer.")]
After = Annotated[str | None, strawberry.argument(description="The endCursor of the page before.")]


async def listed(
    info: Info,
    kind: type[Item],
    name: str,
    order: Order,
    condition: Sql,
    first: int | None,
    after: str | None,
) -> Connection[Item]:
    """Give a page of what meets a condition; `name` tells cursors of one list from another's."""
    columns = order.columns
    arguments = page_arguments(name, (str,) * len(columns), first=first, after=after)
    reader, selected = page_query(info, kind, *columns)
    nodes: list[Item] = []
    has_more = False
    if selected & ROWS:
        nodes, has_more = await order.page(reader, condition, arguments.size, arguments.beyond)
    return Connection(
        nodes=nodes,
        key_of=lambda node: (name, *(getattr(node, column) for column in columns)),
        arguments=arguments,
        has_more=has_more,
        counted=await order.count(condition) if selected & COUNTS else None,
    )
