"""Counts what is read, for whoever wants to know what a request has cost."""

from contextvars import ContextVar


class RowCounter:
    """How much was read since it was begun: rows, each with its weight."""

    __slots__ = ("read",)

    def __init__(self) -> None:
        self.read = 0


_tally: ContextVar[RowCounter | None] = ContextVar("tally", default=None)


def begin(tally: RowCounter) -> None:
    """Count into a tally what the current task reads from now on, and the tasks that it starts."""
    _tally.set(tally)


def read_so_far() -> int:
    """Return how much the current request has read, if that is counted."""
    tally = _tally.get()
    return 0 if tally is None else tally.read


def count(read: int) -> None:
    """Add to the tally of the current request, if it has one."""
    tally = _tally.get()
    if tally is not None:
        tally.read += read
