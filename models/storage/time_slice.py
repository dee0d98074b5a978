"""Lets long work pause, so that other requests get the event loop."""

from contextvars import ContextVar
from typing import Protocol


class Slice(Protocol):
    """The share of the event loop that the current request has."""

    def goes_on(self) -> bool:
        """Return whether the request may go on at once."""

    async def wait(self) -> None:
        """Wait until it may."""


_slice: ContextVar[Slice | None] = ContextVar("slice", default=None)


def use_slice(its: Slice) -> None:
    """Make the current task, and the tasks that it starts, keep to a share from now on."""
    _slice.set(its)


def is_over() -> bool:
    """Return whether the current request has used up its time slice and should `pause`."""
    its = _slice.get()
    return its is not None and not its.goes_on()


async def pause() -> None:
    """Let other requests run until it is this one's turn again."""
    its = _slice.get()
    if its is not None:
        await its.wait()
