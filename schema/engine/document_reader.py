"""Reads documents in a thread, so that a long one does not hold up the event loop.

Parsing and validating is Python throughout, so the interpreter lets the loop's thread go on every
few milliseconds. One thread is enough: more would only share the same processor.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

SHORT = 500
"""Texts of so many characters take less than changing threads twice would be worth."""

LONG_JSON = 20_000
"""JSON of so many bytes and more is decoded in the thread as well."""

Result = TypeVar("Result")


class DocumentReader:
    """A thread that is started when it is first needed."""

    def __init__(self) -> None:
        self._threads: ThreadPoolExecutor | None = None

    async def read(self, work: Callable[[], Result]) -> Result:
        """Do work in the thread. Work that has not begun is dropped if the caller is cancelled."""
        if self._threads is None:
            self._threads = ThreadPoolExecutor(1, thread_name_prefix="documents")
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)
