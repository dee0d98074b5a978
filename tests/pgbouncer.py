"""A real pgbouncer in front of the PostgreSQL server under test."""

import asyncio
import os
import shutil
import socket
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

ENOUGH_S = 120.0
SERVERS = 3
"""Server sessions of the pool; fewer than a test's clients, so that clients share sessions."""


def program() -> str:
    """Return the path of pgbouncer; skip the test if it is not installed."""
    search = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"))
    found = shutil.which("pgbouncer", path=search)
    if found is None:
        pytest.skip("pgbouncer is not installed")
    return found


@asynccontextmanager
async def pgbouncer(url: str, mode: str = "transaction") -> AsyncIterator[str]:
    """Run pgbouncer in front of a database; yield the database's URL through it."""
    if not url.startswith("postgres"):
        pytest.skip("only PostgreSQL has poolers")
    parts = urlsplit(url)
    found, port, user = program(), _free_port(), parts.username or "postgres"
    behind = parts._replace(netloc=f"{user}@127.0.0.1:{port}", query="")
    with TemporaryDirectory(prefix="pgbouncer-") as name:
        folder = Path(name)
        os.chmod(name, 0o755)  # noqa: S103  # readable for the user that pgbouncer runs as
        password = f" password={parts.password}" if parts.password else ""
        server = f"host={parts.hostname} port={parts.port or 5432} user={user}{password}"
        (folder / "users.txt").write_text(f'"{user}" ""\n')
        (folder / "pgbouncer.ini").write_text(
            f"[databases]\n* = {server}\n[pgbouncer]\n"
            f"listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
            f"auth_type = trust\nauth_file = {folder}/users.txt\n"
            f"pool_mode = {mode}\ndefault_pool_size = {SERVERS}\nmax_client_conn = 200\n"
        )
        # pgbouncer refuses to run as root.
        as_whom = "nobody" if os.getuid() == 0 else None
        process = await asyncio.create_subprocess_exec(
            found, str(folder / "pgbouncer.ini"), stdout=DEVNULL, stderr=DEVNULL, user=as_whom
        )
        try:
            await _answers(port)
            yield urlunsplit(behind)
        finally:
            process.kill()
            await process.wait()


async def _answers(port: int) -> None:
    async with asyncio.timeout(ENOUGH_S):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.01)
            else:
                writer.close()
                return


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


async def setting(url: str, name: str) -> str:
    """Return the value of a PostgreSQL setting in a new session."""
    connection = await asyncpg.connect(url, statement_cache_size=0)
    try:
        value: str = await connection.fetchval(f"SHOW {name}")
    finally:
        await connection.close()
    return value
