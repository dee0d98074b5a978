"""Splits the bytes of an imported file into lines of text, in constant memory. PURE."""

from collections.abc import Iterator
from dataclasses import dataclass

from models.rules.import_fault import FileFaultCode, ImportFault

MAX_LINE = 100_000
"""The maximum number of bytes of a line; more than a row with the longest values needs."""

BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a file, without its line break, and its number, which counts from 1."""

    number: int
    text: str
    fault: ImportFault | None = None


class LineSplitter:
    """Splits bytes that come in pieces into lines; lines end with LF or CR LF."""

    def __init__(self) -> None:
        self._waiting = b""
        self._number = 0
        self._is_too_long = False

    def feed(self, piece: bytes) -> Iterator[Line]:
        """Yield the lines that this piece completes."""
        if b"\n" not in piece:
            self._keep(piece)
            return
        *ended, rest = piece.split(b"\n")
        for part in ended:
            self._keep(part)
            yield self._line()
        self._keep(rest)

    def end(self) -> Iterator[Line]:
        """Yield the last line, if it has no line break."""
        if self._waiting or self._is_too_long:
            yield self._line()

    def _keep(self, part: bytes) -> None:
        room = MAX_LINE + 1 - len(self._waiting)
        self._is_too_long = self._is_too_long or len(part) > room
        self._waiting += part[:room]

    def _line(self) -> Line:
        found, is_too_long = self._waiting, self._is_too_long
        self._waiting, self._is_too_long = b"", False
        self._number += 1
        if self._number == 1:
            found = found.removeprefix(BYTE_ORDER_MARK)
        found = found.rstrip(b"\r")  # so that no cell has CR LF, which the next reading changes
        fault = None
        try:
            text = found.decode()
        except UnicodeDecodeError as error:
            text = found.decode(errors="replace")
            message = f"Byte {error.start + 1} of the line is not UTF-8. Save the file as UTF-8."
            fault = ImportFault(FileFaultCode.BAD_ENCODING, message)
        if is_too_long or len(found) > MAX_LINE:
            message = f"The line has more than {MAX_LINE:,} bytes."
            return Line(self._number, "", ImportFault(FileFaultCode.LINE_TOO_LONG, message))
        return Line(self._number, text, fault)
