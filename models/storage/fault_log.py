"""Logs bugs with their traceback, and database faults as at most one line per kind and second.

While the database is unavailable, every request and background loop gets the same fault. The first
is logged immediately; the others of that second are counted, and the next line reports the count.
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
    """For one kind of fault: when its last log line was written, and the faults counted since."""

    written_at: float
    held_back: int = 0
    last: tuple[DatabaseFault, str] | None = None


@dataclass(slots=True)
class FaultLog:
    """Logs database faults, at most one line a second for each kind; `now` returns seconds."""

    now: Callable[[], float] = time.monotonic
    mismatch: DatabaseFault | None = None
    """The fault to report for missing tables and columns while the schema does not fit."""
    _lines: dict[FaultKind, _Line] = field(default_factory=dict)

    def fault_of(self, error: BaseException) -> DatabaseFault | None:
        """Return the database fault that caused an exception; None if there was no fault.

        While the schema does not fit this program, a missing table or column is a fault too.
        """
        fault = fault_of(error)
        if fault is None and self.mismatch is not None and lacks_name(error):
            return self.mismatch
        return fault

    def note(self, fault: DatabaseFault, where: str) -> None:
        """Log a fault, or only count it if the same kind was logged in the last PAUSE_S seconds.

        `where` is the name of the operation that failed.
        """
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
        """Log the last fault that was only counted, unless a line of its kind was written since."""
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
"""The fault log of this process."""


def report(where: str, error: BaseException, **fields: Any) -> DatabaseFault | None:
    """Log an exception: a database fault with `FAULTS.note`, a bug with its traceback.

    `where` is the name of the log event; `fields` are logged with a bug. Returns the fault, or None
    for a bug.
    """
    fault = FAULTS.fault_of(error)
    if fault is None:
        log.error(where, exc_info=error, **fields)
    else:
        FAULTS.note(fault, where)
    return fault
