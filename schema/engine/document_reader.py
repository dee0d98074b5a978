"""Reads documents in a thread, so that a long one does not hold up the event loop.

Parsing and validating is Python throughout, so the interpreter lets the loop's thread go on every
few milliseconds. One thread is enough: more would only share the same processor.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

SHORT = 500
"""Characters of a text up to which changing threads takes longer than reading it."""

LONG_JSON = 20_000
"""Bytes of JSON from which on it is decoded in the thread."""

Result = TypeVar("Result")


class DocumentReader:
    """A thread that is started when it is first needed."""

    def __init__(self) -> None:
        self._threads: ThreadPoolExecutor | None = None

    async def read(self, work: Callable[[], Result]) -> Result:
        """Run `work` in the thread; if the caller is cancelled before it begins, it is dropped."""
        if self._threads is None:
            self._threads = ThreadPoolExecutor(1, thread_name_prefix="documents")
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)
