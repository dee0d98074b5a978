"""Detects changes that any process makes in an SQLite file.

The file has a table with a counter (epoch) for each topic, such as changes of tokens.
"""

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3


class SqliteEpochs:
    """Caches the epochs, and reads them again after another connection has committed.

    It asks SQLite whether one has committed, at most once per iteration of the event loop.
    """

    def __init__(self, reader: "sqlite3.Connection") -> None:
        self._reader = reader
        self._known: dict[str, tuple[int, int]] = {}
        self._version: int | None = None

    def of(self, topic: str) -> int:
        """Return the epoch of a topic, which increases with each change of the topic's data."""
        version = self.data_version()
        if self._known.get(topic, (None, 0))[0] != version:
            found = "SELECT value FROM epoch WHERE topic = ?"
            ((epoch,),) = self._reader.execute(found, (topic,))
            self._known[topic] = version, epoch
        return self._known[topic][1]

    def data_version(self) -> int:
        """Return SQLite's `data_version`, which changes when another connection commits."""
        if self._version is None:
            ((self._version,),) = self._reader.execute("PRAGMA data_version")
            asyncio.get_running_loop().call_soon(self._forget_version)
        return self._version

    def _forget_version(self) -> None:
        self._version = None
