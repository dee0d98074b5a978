"""A server process does not import modules that only other processes need."""

import asyncio
import os
import re
import sys
from asyncio.subprocess import PIPE
from importlib.metadata import PackageNotFoundError, requires
from importlib.util import find_spec
from pathlib import Path

from tests.databases import Databases

ROOT = Path(__file__).resolve().parent.parent

START = """
import asyncio, sys
import manage
from app import create_app
from settings import Settings

async def start():
    app = create_app(Settings(), with_worker=False)
    async with app.router.lifespan_context(app):
        print(*sys.modules)

asyncio.run(start())
"""
"""A program that starts an API without a worker, like `serve --no-worker`."""

NEEDLESS = {
    "aiohttp": "asks Companies House and identity providers",
    "stamina": "asks Companies House again",
    "lxml": "reads accounts",
    "aiosmtplib": "sends mails",
    "prometheus_client": "writes metrics, which are off",
    "opentelemetry": "exports traces, which are off",
    "joserfc": "checks tokens of identity providers",
    "enrichment.sandbox": "stands in for Companies House",
}
SQLITE = {"sqlite3": "opens databases of SQLite's", "aiosqlite": "does so in a thread"}

NAME = re.compile(r"[\w.-]+")


async def test_a_server_without_a_worker_loads_nothing_that_it_does_not_need(
    databases: Databases,
) -> None:
    url = await databases.borrow()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        START,
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "DATABASE_URL": url,
            "COMPANIES_HOUSE_URL": "http://127.0.0.1:9",
        },
        stdout=PIPE,
    )
    out, _ = await process.communicate()
    await databases.give_back(url)
    loaded = set(out.decode().split())
    assert {"app", "asyncpg", "strawberry"} <= loaded
    needless = NEEDLESS if url.startswith("sqlite") else NEEDLESS | SQLITE
    assert all(find_spec(name) for name in needless)
    assert {name: does for name, does in needless.items() if name in loaded} == {}


def test_nothing_that_is_installed_with_us_brings_rich() -> None:
    """Structlog imports rich if it is installed, which costs 4 MB and has no use here."""
    assert "rich" not in brought_by("customer-classes")


def brought_by(distribution: str) -> set[str]:
    """Return the distributions that a distribution requires, without extras."""
    seen: set[str] = set()
    ahead = {distribution}
    while ahead:
        name = ahead.pop()
        seen.add(name)
        ahead |= _required_by(name) - seen
    return seen


def _required_by(distribution: str) -> set[str]:
    try:
        lines = requires(distribution) or []
    except PackageNotFoundError:  # a requirement for another system
        return set()
    names = (NAME.match(line) for line in lines if "extra ==" not in line)
    return {name[0].lower().replace("_", "-") for name in names if name}
