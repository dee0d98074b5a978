"""CSV answers by RFC 4180, whole or streamed; no spreadsheet runs a cell of them as a formula."""

import csv
import io
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, aclosing
from datetime import date, datetime
from decimal import Decimal
from enum import Enum

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from models.rules.formula_cells import escaped
from web.parameters import flag_of

ROWS_AT_ONCE = 200

BYTE_ORDER_MARK = "\ufeff"
"""At the start of a file, this character tells spreadsheets that the file is UTF-8.

Other programs may not expect it, so it is added on request only.
"""

Cell = str | bool | int | Decimal | date | datetime | Enum | None
Row = Sequence[Cell]
Part = Callable[[], AbstractAsyncContextManager[None]]


def requested_bom(request: Request) -> str:
    """Return a byte order mark if the request has the parameter `bom=true`, otherwise "".

    Raises RequestRefused if the parameter is neither `true` nor `false`.
    """
    return BYTE_ORDER_MARK if flag_of(request, "bom") else ""


def csv_answer(name: str, header: Sequence[str], rows: Iterable[Row], mark: str = "") -> Response:
    """Return the CSV file `name`: a line of column names in camelCase, then a line for each row.

    `header` has the column names in snake_case. `mark`, such as a byte order mark, is written
    first.
    """
    return Response(mark + written([_spelt(header), *rows]), headers=_headers(name))


async def csv_stream(
    name: str,
    header: Sequence[str],
    rows: AsyncGenerator[Row, None],
    part: Part,
    mark: str = "",
) -> StreamingResponse:
    """Return an answer that streams a CSV file as `csv_answer` would write it, in constant memory.

    The first ROWS_AT_ONCE rows are read before the answer begins, so that an error in reading them
    still gets an error status. Later rows are read in parts of that size, each within the context
    that `part()` returns.
    """
    first, has_more = await _chunk([_spelt(header)], rows)
    return StreamingResponse(
        _all(mark + first, rows, part, has_more=has_more), headers=_headers(name)
    )


def written(rows: Iterable[Row]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text).writerows([_cell(value) for value in row] for row in rows)
    return text.getvalue()


async def _all(
    first: str, rows: AsyncGenerator[Row, None], part: Part, *, has_more: bool
) -> AsyncIterator[str]:
    async with aclosing(rows):
        yield first
        while has_more:
            async with part():
                text, has_more = await _chunk([], rows)
            yield text


async def _chunk(waiting: list[Row], rows: AsyncIterator[Row]) -> tuple[str, bool]:
    """Return up to ROWS_AT_ONCE rows as CSV, and whether `rows` may have more.

    Rows that were read before (`waiting`) come first, then the next ones of `rows`.
    """
    async for row in rows:
        waiting.append(row)
        if len(waiting) >= ROWS_AT_ONCE:
            return written(waiting), True
    return written(waiting), False


def _headers(name: str) -> dict[str, str]:
    return {
        "content-type": "text/csv; charset=utf-8",
        "content-disposition": f'attachment; filename="{name}"',
    }


def _spelt(names: Sequence[str]) -> list[str]:
    return [_spelt_name(name) for name in names]


def _spelt_name(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def _cell(value: Cell) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, Decimal):
        return str(value)  # a negative number is no formula
    return escaped(str(value))
