"""Lets work that takes long give way to others now and then."""

from collections.abc import Awaitable, Callable
from contextvars import ContextVar

Pause = Callable[[], Awaitable[None]]

_pause: ContextVar[Pause | None] = ContextVar("pause", default=None)


def use_slice(pause: Pause) -> None:
    """Let the current task, and the tasks that it starts, pause by this from now on."""
    _pause.set(pause)


async def pause() -> None:
    """Let others have the event loop in between, if the current request has had it for long."""
    wait = _pause.get()
    if wait is not None:
        await wait()
