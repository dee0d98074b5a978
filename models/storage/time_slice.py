"""Lets a long request pause, so that other requests can use the event loop."""

from contextvars import ContextVar
from typing import Protocol


class Slice(Protocol):
    """The time slice of a request: how long it may use the event loop without a pause."""

    def may_continue(self) -> bool:
        """Return whether the request may continue without a pause."""

    async def wait(self) -> None:
        """Wait until the request may continue."""


_slice: ContextVar[Slice | None] = ContextVar("slice", default=None)


def use_slice(its: Slice) -> None:
    """Set the time slice of the current task and the tasks that it starts."""
    _slice.set(its)


def is_over() -> bool:
    """Return whether the current request has used up its time slice and should `pause`."""
    its = _slice.get()
    return its is not None and not its.may_continue()


async def pause() -> None:
    """Let other requests run, until the time slice allows the current request to continue."""
    its = _slice.get()
    if its is not None:
        await its.wait()
