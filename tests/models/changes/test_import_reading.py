"""Any bytes can be read as a file: all faults are told, and all that is read can be stored."""

import re
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from models.changes.import_file import RowReader
from models.rules.import_columns import ImportRow
from models.rules.import_fault import COLUMN_LENGTH, ImportFault, ImportFileRefused
from models.rules.import_lines import MAX_LINE
from models.tables.customer_import import ImportFormat
from web.csv_answer import written
from web.refused_rows import refused_header, refused_row

HEADER = b"name,classCode,contact1.name,externalReference\n"
TOKENS = [
    *(bytes([one]) for one in b"\",;\r\n\t\x00\x1b\xff\xc3\xa9=+-@'{}[]: ax"),
    *(b'"name"', b'"contacts"', b'"\\ud800"', b'"a\\u0000b"', b"null", b"1e999", b'"":'),
    *(b"name,classCode\n", b'"classCode"', b'"CHARITY"', b"contact1.name", b"\xe2\x80\xa8"),
]
CONTENTS = st.one_of(st.binary(), st.lists(st.sampled_from(TOKENS)).map(b"".join))
CELLS = st.lists(st.text(alphabet="'\"=+-\uff1d;\t\r\n, a", max_size=8), min_size=4, max_size=4)


def read(kind: ImportFormat, content: bytes, size: int) -> tuple[list[ImportRow], Any]:
    """Return the rows of a file that comes in pieces of a size, and what it was refused for."""
    reader, rows = RowReader(kind), list[ImportRow]()
    try:
        for start in range(0, len(content), size):
            rows += reader.feed(content[start : start + size])
        rows += reader.end()
    except ImportFileRefused as refused:
        return rows, refused.faults
    return rows, [] if reader.header is None else reader.header.names


def texts_of(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, one in value.items():
            yield name
            yield from texts_of(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from texts_of(one)
    elif isinstance(value, ImportFault):
        yield from texts_of(asdict(value))


@given(st.sampled_from(ImportFormat), CONTENTS, st.integers(1, 64))
@example(ImportFormat.CSV, HEADER + b'"Acme, Ltd",CHAR\rITY,,\n', 999)
@example(ImportFormat.CSV, HEADER + b'"' + b"x" * 90_000 + b"\n" + b"x" * 90_000 + b'",,,', 9999)
@example(ImportFormat.CSV, b"a\0b\n", 999)
@example(ImportFormat.CSV, "name,classCode\nx,CHARITY\n".encode("utf-16-le"), 999)
@example(ImportFormat.JSONL, b'{"a\\u0000b":1}', 999)
@example(ImportFormat.JSONL, b'{"contacts":[{"\\ud800":1}],"consent":{"\\u0000":1}}', 999)
@example(ImportFormat.JSONL, b'{"\\ud800":1,"\\ud800":2}', 999)
@example(ImportFormat.JSONL, b'{"name":' + b"[" * 40_000, 9999)
def test_any_bytes_are_read_and_can_be_stored(
    kind: ImportFormat, content: bytes, size: int
) -> None:
    rows, more = read(kind, content, size)
    for row in rows:
        told = row.with_faults([])
        for text in texts_of([row.text, row.customer, row.contacts, row.consent, told]):
            assert "\0" not in text or text == row.text
            text.encode()
        assert len(row.text) <= MAX_LINE
        assert all(len(one.column or "") <= COLUMN_LENGTH for one in told)
    for text in texts_of(more):
        assert "\0" not in text
        text.encode()


def values(rows: list[ImportRow]) -> list[Any]:
    return [
        (row.customer, row.contacts, [(one.code, one.column) for one in row.faults]) for row in rows
    ]


@given(st.lists(CELLS, max_size=4))
@example([["'=x", "''+", "a;'=1", '"\'";"\'=']])
@example([["", "", "", "'a''="]])
@example([["\n=x", "'\n=x", "\t", "\r\n-"]])
def test_the_file_of_refused_rows_is_read_like_the_file(table: list[list[str]]) -> None:
    """However often it is sent."""
    body = "".join(
        ",".join('"' + cell.replace('"', '""') + '"' for cell in row) + "\n" for row in table
    )
    first, columns = read(ImportFormat.CSV, HEADER + body.encode(), 99)
    rows = first
    for _ in range(3):
        cells = [refused_row(one.text, columns, ["REQUIRED"], "Line 2: bad.") for one in rows]
        columns = refused_header(columns)
        rows, columns = read(ImportFormat.CSV, written([columns, *cells]).encode(), 99)
        assert values(rows) == values(first)


@given(st.text(alphabet="'\"=+-\uff1d;\t\r\n, a"))
@example(";\r\r\n")
def test_cells_of_exports_are_read_as_they_were(text: str) -> None:
    text = re.sub("\r+\n", "\n", text)  # line breaks within cells are read as line feeds
    file = written([["name", "classCode"], [text, "CHARITY"]])
    (row,), _ = read(ImportFormat.CSV, file.encode(), 99)
    assert row.customer == {**({"name": text} if text.strip() else {}), "class_code": "CHARITY"}
