"""Reads the records of a CSV file (RFC 4180), and tells faults of quotes by their line. PURE."""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass

from models.rules.import_fault import FileFaultCode, ImportFault
from models.rules.import_lines import MAX_LINE, Line, LineSplitter

_CELL = r'(?:"(?:[^"]|"")*+"|[^",\r]*+)'
_COMPLETE = re.compile(rf"{_CELL}(?:,{_CELL})*+")
_OPEN = re.compile(rf'(?:{_CELL},)*+"(?:[^"]|"")*+')
"""_COMPLETE matches a whole record, and _OPEN one whose last cell goes on in the next line."""

BAD_QUOTES = (
    "A quotation mark stands where none may, or is missing. A cell that has one, a comma or a line"
    " break must stand in quotation marks, and each quotation mark in it must be doubled."
)
MAX_LINES = 200
"""The maximum number of lines of a record."""

TOO_LONG = ImportFault(
    FileFaultCode.LINE_TOO_LONG, f"The row has more than {MAX_LINE:,} characters."
)

csv.field_size_limit(MAX_LINE)


@dataclass(frozen=True, slots=True)
class Record:
    """A record of a file, and the number of its first line.

    `text` is the record as it stands in the file. With a fault, `cells` is empty.
    """

    line: int
    text: str
    cells: list[str]
    fault: ImportFault | None = None


class CsvReader:
    """Reads records from bytes that come in pieces. Empty lines are left out.

    If a cell is opened and never closed, only its first line is at fault: the lines after it are
    read as records of their own.
    """

    def __init__(self) -> None:
        self._lines = LineSplitter()
        self._open: list[Line] = []

    def feed(self, piece: bytes) -> Iterator[Record]:
        """Yield the records that this piece completes."""
        for line in self._lines.feed(piece):
            yield from self._read(line)

    def end(self) -> Iterator[Record]:
        """Yield the records at the end of the file."""
        for line in self._lines.end():
            yield from self._read(line)
        while self._open:
            yield from self._give_up()

    def _read(self, line: Line) -> Iterator[Record]:
        if line.fault is not None and line.fault.code == FileFaultCode.LINE_TOO_LONG:
            while self._open:
                yield from self._give_up()
            yield Record(line.number, line.text, [], line.fault)
            return
        self._open.append(line)
        text = line.text if len(self._open) == 1 else "\n".join(one.text for one in self._open)
        if text.count('"') % 2 == 0:
            first, *_ = self._open
            fault = next((one.fault for one in self._open if one.fault), None)
            self._open = []
            if len(text) > MAX_LINE:
                text, fault = "", TOO_LONG
            if text or fault:
                yield _record(first.number, text, fault)
        elif len(self._open) == 1 and not _OPEN.fullmatch(text):
            self._open = []
            fault = line.fault or ImportFault(FileFaultCode.BAD_QUOTING, BAD_QUOTES)
            yield Record(line.number, text, [], fault)
        elif len(self._open) > MAX_LINES or len(text) > MAX_LINE:
            yield from self._give_up()

    def _give_up(self) -> Iterator[Record]:
        """Yield the first open line as a fault, and read the others anew."""
        first, *others = self._open
        self._open = []
        yield Record(
            first.number, first.text, [], ImportFault(FileFaultCode.BAD_QUOTING, BAD_QUOTES)
        )
        for line in others:
            yield from self._read(line)


def _record(number: int, text: str, fault: ImportFault | None) -> Record:
    if fault is None and '"' in text and not _COMPLETE.fullmatch(text):
        fault = ImportFault(FileFaultCode.BAD_QUOTING, BAD_QUOTES)
    if fault is not None:
        return Record(number, text, [], fault)
    if '"' not in text:
        return Record(number, text, text.split(","))
    # Without a line break at the end, the reader would take one in a cell for the end.
    try:
        (cells,) = csv.reader([text], strict=True)
    except csv.Error:
        return Record(number, text, [], ImportFault(FileFaultCode.BAD_QUOTING, BAD_QUOTES))
    return Record(number, text, cells)
