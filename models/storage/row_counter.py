"""Counts the rows that a request reads, each with a weight, to compute its actual cost."""

from contextvars import ContextVar


class RowCounter:
    """The rows that a request has read so far, added up by their weights."""

    __slots__ = ("read",)

    def __init__(self) -> None:
        self.read = 0


_tally: ContextVar[RowCounter | None] = ContextVar("tally", default=None)


def begin(tally: RowCounter) -> None:
    """Count rows in `tally` from now on, in the current task and the tasks that it starts."""
    _tally.set(tally)


def read_so_far() -> int:
    """Return what the current request's counter has counted; 0 if there is no counter."""
    tally = _tally.get()
    return 0 if tally is None else tally.read


def count(read: int) -> None:
    """Add `read`, a number of rows times their weight, to the current counter, if there is one."""
    tally = _tally.get()
    if tally is not None:
        tally.read += read
