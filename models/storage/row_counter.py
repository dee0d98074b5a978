"""Counts the rows that a request reads, to tell its actual cost."""

from contextvars import ContextVar


class RowCounter:
    """The weighted number of rows read so far."""

    __slots__ = ("read",)

    def __init__(self) -> None:
        self.read = 0


_tally: ContextVar[RowCounter | None] = ContextVar("tally", default=None)


def begin(tally: RowCounter) -> None:
    """Count into `tally` the rows that the current task and its new tasks read from now on."""
    _tally.set(tally)


def read_so_far() -> int:
    """Return the weighted number of rows the current request has read; 0 if it is not counted."""
    tally = _tally.get()
    return 0 if tally is None else tally.read


def count(read: int) -> None:
    """Add to the current request's count, if it has one."""
    tally = _tally.get()
    if tally is not None:
        tally.read += read
