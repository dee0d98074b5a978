"""Says how many of this process's PostgreSQL connections are in use."""

from typing import Any, Protocol

from tortoise.connection import get_connection

from models.storage.database import READER


class Pool(Protocol):
    """A pool of connections: at most `size`, of which some are in use, and some open and idle."""

    @property
    def size(self) -> int: ...

    @property
    def used(self) -> int: ...

    @property
    def idle(self) -> int: ...


def connection_pools() -> dict[str, Pool]:
    """Return the open pools of this process: `write` and `read`; none on SQLite."""
    connection = get_connection("default")
    found: dict[str, Any] = {
        "write": getattr(connection, "pool", None),
        "read": getattr(connection, READER, None),
    }
    return {name: pool for name, pool in found.items() if hasattr(pool, "used")}
