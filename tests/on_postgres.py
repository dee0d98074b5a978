"""Runs the tests marked `storage` again, on PostgreSQL: `python -m tests.on_postgres`.

Runs in its own process, because one process tests only one dialect. Without a server it
prints a message and succeeds, unless REQUIRE_POSTGRES is set, as it is in CI.
"""

import asyncio
import os
import subprocess
import sys
from urllib.parse import urlsplit

import asyncpg

from tests.check_summary import ON_POSTGRES, note
from tests.databases import CONNECT_TIMEOUT_S, URL_VARIABLE

DEFAULT_SERVER = "postgres://postgres@127.0.0.1:5432/postgres"


async def connection_error(server: str) -> str | None:
    """Return why the server can't be used; None if it can."""
    try:
        connection = await asyncpg.connect(server, timeout=CONNECT_TIMEOUT_S)
    except (OSError, TimeoutError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as e:
        return type(e).__name__
    await connection.close()
    return None


def main() -> int:
    """Run the tests if the server answers; return their exit status."""
    server = os.environ.get(URL_VARIABLE) or DEFAULT_SERVER
    place = urlsplit(server).netloc.rpartition("@")[2]  # The URL without user and password.
    why = asyncio.run(connection_error(server))
    if why is not None:
        is_needed = bool(os.environ.get("REQUIRE_POSTGRES"))
        outcome = "and the storage tests need it" if is_needed else "so SQLite was tested alone"
        said = f"No PostgreSQL answers at {place} ({why}), {outcome}."
        sys.stdout.write(f"{said}\n")
        note(ON_POSTGRES, "failed" if is_needed else "not run", said)
        return 1 if is_needed else 0
    sys.stdout.write(f"The storage tests again, on PostgreSQL at {place}\n")
    sys.stdout.flush()
    command = [sys.executable, "-m", "pytest", "-m", "storage", *sys.argv[1:]]
    return subprocess.run(command, env={**os.environ, URL_VARIABLE: server}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
