"""Reads one page of a list; rows and count are read only if the document selects them."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from models.lists.row_order import SortOrder, count_rows
from models.storage.row_query import RowQuery
from models.storage.sql import Sql
from schema.base.connection import CountedConnection
from schema.base.context import Info
from schema.base.field_mapping import models_of
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


async def listed_rows(
    info: Info,
    kind: type[Item],
    order: SortOrder,
    condition: Sql,
    **page: Any,
) -> CountedConnection[Item]:
    """Return a page of the rows of type `kind` that meet `condition`, sorted by `order`.

    `page` has the arguments `first`, `after`, `last` and `before`.
    """
    return await listed_rows_as(info, CountedConnection[Item], kind, order, condition, **page)


async def listed_rows_as(
    info: Info,
    connection: Callable[..., Connection],
    kind: type,
    order: SortOrder,
    condition: Sql,
    *,
    most: int | None = None,
    **page: Any,
) -> Connection:
    """Return the page of `listed_rows` as a connection of type `connection`.

    If `most` is given, the rows are counted up to that number.
    """
    columns, table = order.rows.columns, models_of[kind]._meta.db_table
    arguments = page_arguments(
        f"{kind.__name__}-{order.name}", order.rows.key_types, parse=order.rows.parse, **page
    )
    return await listed(
        info,
        connection,
        kind,
        arguments,
        lambda row_query: order.rows.page(
            row_query,
            condition,
            arguments.size,
            arguments.beyond,
            is_backward=arguments.is_backward,
        ),
        lambda: count_rows(table, condition, most),
        key_columns=columns,
        key_of=order.rows.key_of,
    )
