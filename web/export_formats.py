"""Writes the rows of exports as CSV or as lines of JSON."""

import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from operator import itemgetter
from typing import Any

import orjson

from models.rules.export import ExportFormat
from web.csv_answer import Cell, written
from web.export_pages import CURSOR

Json = dict[str, Any]
Write = Callable[[Sequence[Json]], str]
"""Writes the next rows of a file."""

MEDIA_TYPES = {
    ExportFormat.CSV: "text/csv; charset=utf-8",
    ExportFormat.JSONL: "application/x-ndjson; charset=utf-8",
}
_NEGATIVE = re.compile(r"-(?:0|[1-9][0-9]*)(?:\.[0-9]+)?")


def header_of(format_: ExportFormat, columns: Sequence[str]) -> str:
    """Return what a file begins with."""
    return written([[*columns, CURSOR]]) if format_ is ExportFormat.CSV else ""


def writer_of(format_: ExportFormat, columns: Sequence[str]) -> Write:
    """Return the function that writes rows; `columns` are paths of fields with dots."""
    if format_ is ExportFormat.JSONL:
        return _lines
    cells = [_reader(tuple(column.split("."))) for column in (*columns, CURSOR)]
    return lambda rows: written([_cell(read(row)) for read in cells] for row in rows)


def _lines(rows: Sequence[Json]) -> str:
    return "".join(f"{orjson.dumps(row).decode()}\n" for row in rows)


def _reader(path: tuple[str, ...]) -> Callable[[Json], Any]:
    """Return the function that reads the value at a path; null if it ends early."""
    if len(path) == 1:
        return itemgetter(path[0])
    first, *rest = path

    def read(row: Json) -> Any:
        value = row[first]
        for name in rest:
            if value is None:
                return None
            value = value[name]
        return value

    return read


def _cell(value: Any) -> Cell:
    kind = type(value)
    if kind is str:
        is_number = value[:1] == "-" and _NEGATIVE.fullmatch(value)
        return Decimal(value) if is_number else value  # a number is no formula
    if kind is list and all(isinstance(one, str) for one in value):
        return " ".join(value)
    if kind is list or kind is dict:
        return orjson.dumps(value).decode()
    return value  # type: ignore[no-any-return]  # what JSON has besides
