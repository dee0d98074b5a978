"""Reads how many connections a PostgreSQL server allows."""

import asyncpg

ALLOWED = """SELECT current_setting('max_connections')::int
  - current_setting('superuser_reserved_connections')::int
  - coalesce(current_setting('reserved_connections', true), '0')::int"""


async def allowed_connections(dsn: str) -> int:
    """Return the connections that roles without privileges may open, on a connection of its own."""
    connection = await asyncpg.connect(dsn)
    try:
        allowed: int = await connection.fetchval(ALLOWED)
    finally:
        connection.terminate()
    return allowed
