"""Runs all tests on SQLite, and those marked `storage` on PostgreSQL too, at the same time.

`python -m tests.both_databases` passes its arguments to pytest. One process tests only one dialect.
Without a PostgreSQL server it prints a message and tests SQLite alone, unless REQUIRE_POSTGRES is
set, as it is in CI.
"""

import asyncio
import os
import subprocess
import sys
import tempfile
from urllib.parse import urlsplit

import asyncpg

from tests.check_summary import ON_POSTGRES, note
from tests.databases import CONNECT_TIMEOUT_S, URL_VARIABLE

DEFAULT_SERVER = "postgres://postgres@127.0.0.1:5432/postgres"
PYTEST = (sys.executable, "-m", "pytest", "--dist", "loadfile", "--no-loadscope-reorder")
"""Runs all tests of a module in one process, so that what they share is made once."""
CORES = os.cpu_count() or 1
ON_SQLITE = ("-n", str(CORES))
ON_POSTGRESQL = (*ON_SQLITE, "-m", "storage")


async def connection_error(server: str) -> str | None:
    """Return why the server can't be used; None if it can."""
    try:
        connection = await asyncpg.connect(server, timeout=CONNECT_TIMEOUT_S)
    except (OSError, TimeoutError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as e:
        return type(e).__name__
    await connection.close()
    return None


def say(text: str) -> None:
    """Print a line before the output of the test processes that start after it."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> int:
    """Run the tests; return 0 if all passed."""
    server = os.environ.get(URL_VARIABLE) or DEFAULT_SERVER
    place = urlsplit(server).netloc.rpartition("@")[2]  # The URL without user and password.
    # Bytecode of the tests is stored, since rewriting their assertions takes a third of a start.
    given = {name: one for name, one in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    on_sqlite, on_postgres = ({**given, URL_VARIABLE: url} for url in ("", server))
    why = asyncio.run(connection_error(server))
    if why is not None:
        is_needed = bool(os.environ.get("REQUIRE_POSTGRES"))
        outcome = "and the storage tests need it" if is_needed else "so SQLite is tested alone"
        said = f"No PostgreSQL answers at {place} ({why}), {outcome}."
        say(said)
        note(ON_POSTGRES, "failed" if is_needed else "not run", said)
        first = subprocess.run([*PYTEST, *ON_SQLITE, *sys.argv[1:]], env=on_sqlite, check=False)
        return is_needed or first.returncode
    with tempfile.TemporaryFile() as output:
        second = subprocess.Popen(
            [*PYTEST, *ON_POSTGRESQL, *sys.argv[1:]],
            env=on_postgres,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        say(f"All tests on SQLite; the storage tests on PostgreSQL at {place} run meanwhile")
        first = subprocess.run([*PYTEST, *ON_SQLITE, *sys.argv[1:]], env=on_sqlite, check=False)
        second.wait()
        say(f"The storage tests on PostgreSQL at {place}")
        output.seek(0)
        sys.stdout.buffer.write(output.read())
    return first.returncode or second.returncode


if __name__ == "__main__":
    sys.exit(main())
