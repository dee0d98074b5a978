"""Reads the rows of a JSONL file: one JSON object on each line. PURE."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from models.rules.import_fault import FileFaultCode, ImportFault
from models.rules.import_lines import Line, LineSplitter

_NO_OBJECT = "The line is not a JSON object. Each line must hold one whole object, with its keys."


@dataclass(frozen=True, slots=True)
class JsonRow:
    """A line of a file as an object; None with a fault."""

    line: int
    text: str
    value: dict[str, Any] | None
    fault: ImportFault | None = None


class JsonReader:
    """Reads rows from bytes that come in pieces. Empty lines are left out."""

    def __init__(self) -> None:
        self._lines = LineSplitter()

    def feed(self, piece: bytes) -> Iterator[JsonRow]:
        """Yield the rows that this piece completes."""
        for line in self._lines.feed(piece):
            yield from _row(line)

    def end(self) -> Iterator[JsonRow]:
        """Yield the last row, if it has no line break."""
        for line in self._lines.end():
            yield from _row(line)


class _Repeated(ValueError):
    """A name stands twice in an object."""


def _row(line: Line) -> Iterator[JsonRow]:
    if line.fault is not None:
        yield JsonRow(line.number, line.text, None, line.fault)
    elif line.text.strip():
        value, fault = None, None
        try:
            value = json.loads(
                line.text,
                object_pairs_hook=_object,
                parse_constant=_no_number,
                parse_float=_no_float,
            )
        except _Repeated as repeated:
            message = "The object has this key twice."
            fault = ImportFault(FileFaultCode.DUPLICATE_COLUMN, message, str(repeated))
        except (ValueError, RecursionError):
            fault = ImportFault(FileFaultCode.BAD_JSON, _NO_OBJECT)
        if fault is None and not isinstance(value, dict):
            fault = ImportFault(FileFaultCode.BAD_JSON, _NO_OBJECT)
        yield JsonRow(line.number, line.text, None if fault else value, fault)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise _Repeated(next(name for name in names if names.count(name) > 1))
    return found


def _no_number(text: str) -> Any:
    raise ValueError(text)


def _no_float(text: str) -> str:
    """Keep a fraction as text: no column of a file is a binary floating-point number."""
    return text
