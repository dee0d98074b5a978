"""Reads documents in a thread, so that a long one does not hold up the event loop.

Parsing and validating are pure Python, so the interpreter switches to the event loop's thread every
few milliseconds. One thread is enough, because only one thread runs Python code at a time.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

SHORT = 500
"""Documents of up to this number of characters are not read in the thread, to save switching."""

LONG_JSON = 20_000
"""JSON of this number of bytes or more is decoded in the thread."""

Result = TypeVar("Result")


class DocumentReader:
    """Runs functions in one thread, which is started at the first use."""

    def __init__(self) -> None:
        self._threads: ThreadPoolExecutor | None = None

    async def read(self, work: Callable[[], Result]) -> Result:
        """Return the result of `work`, run in the thread.

        If the calling task is cancelled before `work` has begun, it does not run.
        """
        if self._threads is None:
            self._threads = ThreadPoolExecutor(1, thread_name_prefix="documents")
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)
