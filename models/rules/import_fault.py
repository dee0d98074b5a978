"""Faults of imported files: where they are, and their codes. PURE."""

from dataclasses import dataclass
from enum import StrEnum, unique

from models.rules.errors import Refusal, RefusalCode
from models.rules.text import without_controls


@unique
class FileFaultCode(StrEnum):
    """The code of a fault that only a file can have. Clients may rely on this set of values."""

    BAD_ENCODING = "BAD_ENCODING"
    BAD_QUOTING = "BAD_QUOTING"
    BAD_JSON = "BAD_JSON"
    LINE_TOO_LONG = "LINE_TOO_LONG"
    HEADER_MISSING = "HEADER_MISSING"
    UNKNOWN_COLUMN = "UNKNOWN_COLUMN"
    DUPLICATE_COLUMN = "DUPLICATE_COLUMN"
    WRONG_CELL_COUNT = "WRONG_CELL_COUNT"
    DUPLICATE_IN_FILE = "DUPLICATE_IN_FILE"
    PERMISSION_MISSING = "PERMISSION_MISSING"


ImportFaultCode = StrEnum(  # type: ignore[misc]  # mypy knows no union of enums
    "ImportFaultCode",
    {one.name: one.value for kind in (FileFaultCode, RefusalCode) for one in kind},
)
"""The codes of faults of an imported file: those of files, and those of refused inputs."""

MESSAGE_LENGTH = 1_000
COLUMN_LENGTH = 100


@dataclass(frozen=True, slots=True)
class ImportFault:
    """A fault of a line of a file; `column` is the name of a column, None for the whole line.

    Texts from the file may be in both, so control characters are replaced, and both are cut.
    """

    code: str
    message: str
    column: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "message", without_controls(self.message[:MESSAGE_LENGTH]))
        if self.column is not None:
            object.__setattr__(self, "column", without_controls(self.column[:COLUMN_LENGTH]))

    @classmethod
    def of(cls, refusal: Refusal, column: str | None) -> "ImportFault":
        """Return the fault for the refusal of a value in a column."""
        return cls(refusal.code.value, refusal.message, column)


class ImportFileRefused(Exception):
    """The file as a whole cannot be imported, because of these faults of a line."""

    def __init__(self, line: int, faults: list[ImportFault]) -> None:
        super().__init__(faults[0].message)
        self.line = line
        self.faults = faults
