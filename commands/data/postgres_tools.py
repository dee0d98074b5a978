"""Runs pg_dump and pg_restore, PostgreSQL's own programs for backups."""

import asyncio
import os
import re
import shutil
from asyncio.subprocess import PIPE, Process
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

import asyncpg
import click

from models.storage.database import Database

CONNECT_S = 10.0
_VERSION = re.compile(r"(\d+)[.\d]*")
_COPY = re.compile(rb"COPY (\S+)\.(\S+) \(.*\) FROM stdin;\n")
LINE_LIMIT = 1 << 30
"""The maximum length in bytes of a row in a dump; PostgreSQL has no longer values."""


async def connected(url: str) -> asyncpg.Connection:
    """Return a connection to the database of a URL, without limits of time."""
    connection = await asyncpg.connect(Database(url).dsn, timeout=CONNECT_S)
    # Its transaction is idle while pg_dump runs, which may take long.
    await connection.execute(
        "SET idle_in_transaction_session_timeout = 0; SET statement_timeout = 0"
    )
    return connection


async def tool(name: str, server: asyncpg.Connection) -> str:
    """Return the path of a program of PostgreSQL that can work with a server.

    Raises ClickException if there is none on the PATH, or it is older than the server.
    """
    path = shutil.which(name)
    if path is None:
        raise click.ClickException(
            f"{name} was not found. Install the client programs of PostgreSQL, for example by"
            " `apt-get install postgresql-client`."
        )
    process = await asyncio.create_subprocess_exec(path, "--version", stdout=PIPE)
    told = (await process.communicate())[0].decode().strip()
    found = _VERSION.search(told)
    own, needed = int(found[1]) if found else 0, server.get_server_version().major
    if own < needed:
        raise click.ClickException(
            f"{name} is of version {own}, and the server of version {needed}. Install the client"
            f" programs of PostgreSQL {needed} or newer."
        )
    return path


def address_of(url: str) -> tuple[str, dict[str, str]]:
    """Return a URL without its password, and the environment that has the password.

    Other users of the machine can see the arguments of a program, but not its environment.
    """
    parts = urlsplit(Database(url).dsn)
    given = dict(parse_qsl(parts.query))
    queried = given.pop("password", None)
    password = queried if parts.password is None else unquote(parts.password)
    user, at, host = parts.netloc.rpartition("@")
    bare = parts._replace(netloc=f"{user.partition(':')[0]}{at}{host}", query=urlencode(given))
    secret = {} if password is None else {"PGPASSWORD": password}
    return urlunsplit(bare), {**os.environ, **secret, "LC_ALL": "C"}


async def run_tool(
    command: Sequence[str], environment: dict[str, str], lock: int | None = None
) -> bytes:
    """Run a program to its end and return its output; raises ClickException if it fails.

    The program inherits the descriptor of a lock, which it holds until its end.
    """
    process = await asyncio.create_subprocess_exec(
        *command,
        env=environment,
        stdout=PIPE,
        stderr=PIPE,
        pass_fds=() if lock is None else (lock,),
    )
    try:
        out, err = await process.communicate()
    finally:
        await _end(process)
    if process.returncode:
        name = Path(command[0]).name
        raise click.ClickException(f"{name} failed: {_last(err, process.returncode)}")
    return out


async def counts_in(dump: Path, pg_restore: str) -> dict[str, int]:
    """Return the number of rows of each table in a dump, which is read to its end."""
    process = await asyncio.create_subprocess_exec(
        *(pg_restore, "--data-only", "--file=-", str(dump)),
        stdout=PIPE,
        stderr=PIPE,
        limit=LINE_LIMIT,
    )
    assert process.stdout is not None and process.stderr is not None  # noqa: PT018, S101  # pipes
    errors = asyncio.create_task(process.stderr.read())
    counts: Counter[str] = Counter()
    others: Counter[str] = Counter()
    own = counts
    table: bytes | None = None
    try:
        async for line in process.stdout:
            if table is None:
                if begins := _COPY.fullmatch(line):
                    schema, table = begins[1], begins[2].strip(b'"')
                    own = counts if schema == b"public" else others
                    own[table.decode()] += 0
            elif line == b"\\.\n":
                table = None
            else:
                own[table.decode()] += 1
        status = await process.wait()
    finally:
        await _end(process)
    if status:
        raise click.ClickException(f"The dump cannot be read: {_last(await errors, status)}")
    return dict(counts)


async def _end(process: Process) -> None:
    if process.returncode is None:
        process.kill()
        await process.wait()


def _last(errors: bytes, status: int) -> str:
    lines = errors.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else f"it ended with the status {status}."
