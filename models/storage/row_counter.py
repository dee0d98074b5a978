"""Counts the rows that a request reads, to report its actual cost."""

from contextvars import ContextVar


class RowCounter:
    """The weighted number of rows read so far."""

    __slots__ = ("read",)

    def __init__(self) -> None:
        self.read = 0


_tally: ContextVar[RowCounter | None] = ContextVar("tally", default=None)


def begin(tally: RowCounter) -> None:
    """Count rows in `tally` from now on, for the current task and the tasks that it starts."""
    _tally.set(tally)


def read_so_far() -> int:
    """Return the weighted number of rows read by the current request; 0 without a counter."""
    tally = _tally.get()
    return 0 if tally is None else tally.read


def count(read: int) -> None:
    """Add `read` weighted rows to the current request's counter, if there is one."""
    tally = _tally.get()
    if tally is not None:
        tally.read += read
