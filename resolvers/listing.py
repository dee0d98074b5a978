"""Reads one page of a list; rows and count are read only if the document selects them."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from models.lists.access_list import Order
from models.storage.row_query import RowQuery
from models.storage.sql import Sql
from schema.base.connection import CountedConnection
from schema.base.context import Info
from schema.base.pagination import COUNTS, ROWS, PageArguments, page_arguments
from schema.base.projections import page_query

Item = TypeVar("Item")
Connection = TypeVar("Connection")

ReadPage = Callable[[RowQuery], Awaitable[tuple[list[Any], bool]]]
"""Returns the objects of a page, and whether the list has more in the direction of reading."""


async def listed(
    info: Info,
    connection: Callable[..., Connection],
    kind: type,
    arguments: PageArguments,
    read_page: ReadPage,
    count: Callable[[], Awaitable[int]],
    *,
    key_columns: tuple[str, ...],
    key_of: Callable[[Any], tuple[Any, ...]],
) -> Connection:
    """Return a page of objects of type `kind` as a Relay connection of type `connection`.

    `read_page` returns the objects of the page, and `count` the number of all. `key_of` returns the
    sort key of an object, from which its cursor is made. It may use the columns `key_columns`,
    which are read whenever the document selects cursors.
    """
    row_query, selected = page_query(info, kind, *key_columns)
    nodes: list[Any] = []
    has_more = False
    if selected & ROWS:
        nodes, has_more = await read_page(row_query)
    return connection(
        nodes=nodes,
        key_of=key_of,
        arguments=arguments,
        has_more=has_more,
        counted=await count() if selected & COUNTS else None,
    )


async def listed_in_order(
    info: Info,
    kind: type[Item],
    name: str,
    order: Order,
    condition: Sql,
    first: int | None,
    after: str | None,
) -> CountedConnection[Item]:
    """Return a page of the rows of one table that meet `condition`, sorted by `order`.

    `name` identifies the list in cursors: cursors of other lists are refused.
    """
    columns = order.columns
    arguments = page_arguments(name, (str,) * len(columns), first=first, after=after)
    return await listed(
        info,
        CountedConnection[Item],
        kind,
        arguments,
        lambda row_query: order.page(row_query, condition, arguments.size, arguments.beyond),
        lambda: order.count(condition),
        key_columns=columns,
        key_of=lambda node: tuple(getattr(node, column) for column in columns),
    )
