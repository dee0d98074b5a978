"""Runs the commands that copy whole databases, and stops them at a chosen point."""

import asyncio
import shutil
import signal
import sqlite3
import sys
from asyncio.subprocess import PIPE
from contextlib import closing
from pathlib import Path

import asyncpg
import pytest

from models.storage.database import Database
from tests.databases import Databases, PostgresDatabases
from tests.processes import ENOUGH_S, ROOT, environment, line_with, stop

HALTED = "halted"

HALTING = f"""
import importlib, sys, time
module, name, *sys.argv[1:] = sys.argv[1:]
def halt(*_, **__):
    print("{HALTED}", flush=True)
    time.sleep({ENOUGH_S})
setattr(importlib.import_module(module), name, halt)
sys.argv[0] = "manage.py"
import manage
manage.main()
"""
"""Runs a command of `manage.py` that halts where it calls a function of a module."""

LIMITED = """
import resource, sys
limit = int(sys.argv.pop(1))
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
import manage
manage.main()
"""
"""Runs a command that can write files of a limited size only, as on a full disk."""


async def _started(code: str, *arguments: str, **settings: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", code, *arguments),
        cwd=ROOT,
        env=environment(**settings),
        stdout=PIPE,
        stderr=PIPE,
    )


async def kill_at(module: str, function: str, *arguments: str, **settings: str) -> None:
    """Run a command, and kill it when it calls a function of a module."""
    process = await _started(HALTING, module, function, *arguments, **settings)
    try:
        await line_with(process, HALTED)
    finally:
        await stop(process, signal.SIGKILL)


async def run_limited(size: int, *arguments: str, **settings: str) -> tuple[int | None, str]:
    """Run a command that can write `size` bytes to each file; return its status and stderr."""
    process = await _started(LIMITED, str(size), *arguments, **settings)
    async with asyncio.timeout(ENOUGH_S):
        _, errors = await process.communicate()
    return process.returncode, errors.decode()


def needs_tools(url: str) -> None:
    """Skip a test on PostgreSQL if its client programs are missing."""
    if Database(url).is_postgres:
        for one in ("pg_dump", "pg_restore"):
            if shutil.which(one) is None:
                pytest.skip(f"{one} is not installed")


def names_in(folder: Path) -> list[str]:
    """Return the names of the files in a folder."""
    return sorted(one.name for one in folder.iterdir())


def backup_path(folder: Path) -> Path:
    """Return the only backup in a folder, in which no other file but its manifest is left."""
    (manifest,) = folder.glob("*.manifest.json")
    path = manifest.with_name(manifest.name.removesuffix(".manifest.json"))
    assert sorted(folder.iterdir()) == sorted([path, manifest])
    return path


async def empty_target(databases: Databases, folder: Path) -> str:
    """Return the URL of an empty database, or of an SQLite file that does not exist."""
    if isinstance(databases, PostgresDatabases):
        return await databases.create_empty()
    return f"sqlite://{folder / 'restored.sqlite3'}"


async def rows_of(url: str, *statements: str) -> list[list[tuple[object, ...]]]:
    """Return the rows of statements on a database, read without the ORM."""
    if not Database(url).is_postgres:
        with closing(sqlite3.connect(url.removeprefix("sqlite://"))) as connection:
            return [connection.execute(one).fetchall() for one in statements]
    connected = await asyncpg.connect(url)
    try:
        return [[tuple(row) for row in await connected.fetch(one)] for one in statements]
    finally:
        await connected.close()
