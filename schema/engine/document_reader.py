"""Reads documents in a thread, so that a long one does not hold up the event loop.

Parsing and validating are pure Python, so the interpreter switches to the event loop's thread every
few milliseconds. One thread is enough, because only one thread runs Python code at a time.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

SHORT = 500
"""Length in characters up to which a document is read faster than the thread is changed."""

LONG_JSON = 20_000
"""Length in bytes from which JSON is decoded in the thread."""

Result = TypeVar("Result")


class DocumentReader:
    """Runs work in one thread, which is started at the first use."""

    def __init__(self) -> None:
        self._threads: ThreadPoolExecutor | None = None

    async def read(self, work: Callable[[], Result]) -> Result:
        """Return the result of `work`, run in the thread.

        If the calling task is cancelled before `work` has begun, it does not run.
        """
        if self._threads is None:
            self._threads = ThreadPoolExecutor(1, thread_name_prefix="documents")
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)
