"""Stops what takes too long, with one timer for all: one each would cost more than many queries.

All have the same time, so they end in the order in which they began, and the timer waits for the
oldest. It is left alone when that one ends in time, and set anew for the next when it goes off.
"""

import asyncio


class Deadline:
    """The time that one task has for what it does within; raises TimeoutError when it was up."""

    __slots__ = ("_cancelling", "_deadlines", "_task", "at", "is_over")

    def __init__(self, deadlines: "Deadlines", task: asyncio.Task[object], at: float) -> None:
        self._deadlines = deadlines
        self._task = task
        self._cancelling = task.cancelling()
        self.at = at
        self.is_over = False

    def stop(self) -> None:
        """Cancel the task."""
        self.is_over = True
        self._task.cancel()

    def end(self, error: BaseException | None) -> None:
        """Leave in time, or raise TimeoutError for a cancellation that the deadline has caused."""
        self._deadlines.forget(self)
        if self.is_over:
            is_our_own = self._task.uncancel() <= self._cancelling
            if is_our_own and isinstance(error, asyncio.CancelledError):
                raise TimeoutError from error


class Deadlines:
    """The deadlines of a process, each so many seconds after its beginning."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._running: dict[Deadline, None] = {}
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> Deadline:
        """Give the current task its time."""
        loop = asyncio.get_running_loop()
        task = asyncio.current_task(loop)
        assert task is not None  # noqa: S101  # a coroutine asks
        deadline = Deadline(self, task, loop.time() + self.seconds)
        self._running[deadline] = None
        if self._timer is None:
            self._timer = loop.call_at(deadline.at, self._look)
        return deadline

    def forget(self, deadline: Deadline) -> None:
        """Let one that has ended be."""
        self._running.pop(deadline, None)

    def _look(self) -> None:
        """Stop whose time is up, and wait for the next."""
        loop = asyncio.get_running_loop()
        self._timer = None
        while self._running:
            oldest = next(iter(self._running))
            if oldest.at > loop.time():
                self._timer = loop.call_at(oldest.at, self._look)
                return
            self.forget(oldest)
            oldest.stop()
