"""Reads lists for exports page by page, by operations of the GraphQL schema.

So an export is filtered, masked and limited to a tenant as the API is. Between two pages it holds
neither a connection nor a slot.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextvars import copy_context
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from strawberry.types.graphql import OperationType

from models.storage.statement_time import current_statement_time
from schema.base.context import Context
from schema.base.errors import ErrorCode, RequestRefused
from schema.base.permissions import refusal_for
from schema.engine.served_schema import CustomerClassesSchema
from schema.types.export import Export

ROWS_AT_ONCE = 200
CURSOR = "cursor"
"""The last column of each row: the place after which to resume."""

Json = dict[str, Any]
ReadContext = Callable[[], Context]


class ExportFailed(Exception):
    """A page could not be read because of a bug, which was logged with its own traceback."""


@dataclass(frozen=True, slots=True)
class ExportPage:
    """The rows of a page, each with its cursor, and where the next page begins."""

    rows: list[Json]
    end: str | None
    has_more: bool


async def read_page(
    schema: CustomerClassesSchema,
    context: Context,
    export: Export,
    filter_: Mapping[str, Any],
    after: str | None,
    size: int | None = None,
) -> ExportPage:
    """Return the page after a cursor; raises RequestRefused as the API would refuse the page."""
    first = ROWS_AT_ONCE if size is None else size
    result = await schema.execute(
        export.document,
        variable_values={**export.arguments(filter_), "first": first, "after": after},
        context_value=context,
        allowed_operation_types=(OperationType.QUERY,),
    )
    if result.errors or result.data is None:
        raise _refused(result.errors or [])
    found = result.data[export.field]
    info = found["pageInfo"]
    rows = _rows(found["edges"], export, after)
    return ExportPage(rows, info["endCursor"] or after, info["hasNextPage"])


async def check_list(
    schema: CustomerClassesSchema,
    context: Context,
    export: Export,
    filter_: Mapping[str, Any],
) -> None:
    """Raise RequestRefused if an export would be refused; for callers inside another operation.

    It reads no row, so the permissions for fields of rows are checked before. It runs in a task of
    its own, whose notes and counts are not those of the operation.
    """
    for scope in export.scopes:
        refused = refusal_for(context.principal, (scope,))
        if refused is not None:
            raise refused
    apart = copy_context()
    apart.run(current_statement_time.set, None)
    page = read_page(schema, context, export, filter_, None, size=0)
    await asyncio.create_task(page, context=apart)


def _rows(edges: list[Json], export: Export, after: str | None) -> list[Json]:
    if export.nested is None:
        return [{**edge["node"], CURSOR: edge[CURSOR]} for edge in edges]
    rows = []
    before = after
    for edge in edges:
        own = edge["node"][export.nested]
        # Only after the last row of a node has all of the node been exported.
        rows += [{**row, CURSOR: before} for row, _ in pairwise(own)]
        rows += [{**row, CURSOR: edge[CURSOR]} for row in own[-1:]]
        before = edge[CURSOR]
    return rows


def _refused(errors: list[Any]) -> Exception:
    """Return the exception for the errors of a page: that of the first one."""
    for error in errors:
        extensions = dict(error.extensions or {})
        code = extensions.pop("code", ErrorCode.INTERNAL_ERROR.value)
        if code != ErrorCode.INTERNAL_ERROR.value:
            return RequestRefused(ErrorCode(code), error.message, **extensions)
    return ExportFailed("a page of an export could not be read")
