"""The rows that an import did not store, as files that can be mended and sent again."""

import json
from collections.abc import AsyncGenerator, Collection, Sequence

from models.lists.import_list import FailedRow, failed_rows
from models.rules.formula_cells import unescaped
from models.rules.import_columns import ERROR_CODES, ERROR_MESSAGES, IMPORT_MEMBER
from models.rules.import_csv import CsvReader
from models.rules.import_fault import FileFaultCode
from models.rules.import_json import JsonReader
from web.csv_answer import Row

ERROR_COLUMNS = [ERROR_CODES, ERROR_MESSAGES]

UNREADABLE = frozenset(
    {FileFaultCode.BAD_ENCODING, FileFaultCode.BAD_QUOTING, FileFaultCode.LINE_TOO_LONG}
)
"""The codes of rows whose text may differ from the file, or does not show where its cells end."""


def refused_header(columns: Sequence[str]) -> list[str]:
    """Return the columns of a CSV file of refused rows, from the columns of the imported file."""
    return [*(one for one in columns if one not in ERROR_COLUMNS), *ERROR_COLUMNS]


async def refused_rows(import_id: str, columns: Sequence[str]) -> AsyncGenerator[Row, None]:
    """Yield the refused rows of a CSV file that had these columns."""
    async for row in failed_rows(import_id):
        codes = list(dict.fromkeys(one.code for one in row.faults))
        yield refused_row(row.text, columns, codes, _messages(row))


def refused_row(
    text: str, columns: Sequence[str], codes: Collection[str], messages: str
) -> list[str]:
    """Return the cells of a refused row as an import reads them, to be escaped again.

    A row that could not be read keeps a wrong number of cells, so that it is refused again if
    nobody mends it: its cells as they were, or its whole text if no cells could be told apart.
    """
    told = [" ".join(codes), messages]
    is_unreadable = not UNREADABLE.isdisjoint(codes)
    cells = [text] if is_unreadable else [unescaped(one) for one in _cells(text)]
    if not is_unreadable and len(cells) == len(columns):
        kept = [one for name, one in zip(columns, cells, strict=True) if name not in ERROR_COLUMNS]
        return [*kept, *told]
    if list(columns[-2:]) == ERROR_COLUMNS and len(cells) > len(ERROR_COLUMNS):
        cells = cells[: -len(ERROR_COLUMNS)]  # those of the last file of refused rows
    made = [*cells, *told]
    return [*made, ""] if len(made) == len(refused_header(columns)) else made


async def refused_lines(import_id: str) -> AsyncGenerator[bytes, None]:
    """Yield the refused rows of a JSONL file; a row that could not be read has only its text."""
    async for row in failed_rows(import_id):
        faults = [
            {"code": one.code, "message": one.message, "column": one.column_name}
            for one in row.faults
        ]
        told = {"line": row.line, "faults": faults}
        value = None
        if UNREADABLE.isdisjoint(one.code for one in row.faults):
            (found,) = JsonReader().feed(f"{row.text}\n".encode())
            value = found.value
        if value is None:
            value = {IMPORT_MEMBER: {**told, "text": row.text}}
        else:
            value[IMPORT_MEMBER] = told
        yield json.dumps(value).encode() + b"\n"


def _cells(text: str) -> list[str]:
    """Return the cells of a record; its whole text as one cell if it cannot be read."""
    reader = CsvReader()
    found = [*reader.feed(f"{text}\n".encode()), *reader.end()]
    if len(found) == 1 and found[0].fault is None:
        return found[0].cells
    return [text]


def _messages(row: FailedRow) -> str:
    return " ".join(
        f"Line {row.line:,}, {one.column_name}: {one.message}"
        if one.column_name
        else f"Line {row.line:,}: {one.message}"
        for one in row.faults
    )
