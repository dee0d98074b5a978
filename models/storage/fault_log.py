"""Logs failures: a bug with its traceback, database faults as one line a second.

While the database is away, every request and loop meets the same fault. The first is logged at
once; the rest of that second is counted, and the next line tells the count.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import structlog

from models.storage.database_faults import DatabaseFault, FaultKind, fault_of, lacks_name

log = structlog.get_logger(__name__)

PAUSE_S = 1.0


@dataclass(eq=False, slots=True)
class _Line:
    """The log line of one fault kind: when it was last written, and the faults since then."""

    written_at: float
    held_back: int = 0
    last: tuple[DatabaseFault, str] | None = None


@dataclass(slots=True)
class FaultLog:
    """Writes at most one line a second for each kind of fault; `now` is in seconds."""

    now: Callable[[], float] = time.monotonic
    mismatch: DatabaseFault | None = None
    """Set while the schema does not fit this program: tables and columns may then be missing."""
    _lines: dict[FaultKind, _Line] = field(default_factory=dict)

    def fault_of(self, error: BaseException) -> DatabaseFault | None:
        """Return the fault that an exception stands for; None for a bug or a refusal."""
        fault = fault_of(error)
        if fault is None and self.mismatch is not None and lacks_name(error):
            return self.mismatch
        return fault

    def note(self, fault: DatabaseFault, where: str) -> None:
        """Log a fault at once, or with the others of the same second."""
        line = self._lines.get(fault.kind)
        if line is None or self.now() - line.written_at >= PAUSE_S:
            self._lines[fault.kind] = _Line(self.now())
            _write(fault, where, 0 if line is None else line.held_back)
            return
        line.held_back += 1
        line.last = fault, where
        if line.held_back == 1:
            wait = line.written_at + PAUSE_S - self.now()
            asyncio.get_running_loop().call_later(wait, self._write_held_back, line)

    def _write_held_back(self, line: _Line) -> None:
        """Write the last fault held back, unless a later one was written since."""
        if line.last is not None and line in self._lines.values():
            fault, where = line.last
            self._lines[fault.kind] = _Line(self.now())
            _write(fault, where, line.held_back - 1)


def _write(fault: DatabaseFault, where: str, held_back: int) -> None:
    log.error(
        "database_unavailable",
        kind=fault.kind.value,
        code=fault.code,
        where=where,
        held_back=held_back,
        **({"outcome_unknown": True} if fault.is_outcome_unknown else {}),
    )


FAULTS = FaultLog()
"""The fault log of this process, global as its loggers are."""


def report(where: str, error: BaseException, **fields: Any) -> DatabaseFault | None:
    """Log the exception that ended `where`: a fault as one line a second, a bug with its traceback.

    Returns the fault, or None for a bug.
    """
    fault = FAULTS.fault_of(error)
    if fault is None:
        log.error(where, exc_info=error, **fields)
    else:
        FAULTS.note(fault, where)
    return fault
