"""The example clients in Python and TypeScript, generated anew, against a server over sockets."""

import asyncio
import json
import shutil
from pathlib import Path

import pytest
from graphql import build_schema, parse, validate

from tests.graphql_client import LiveApi, serving
from tests.processes import ENOUGH_S, environment

ROOT = Path(__file__).resolve().parent.parent.parent
PYTHON, TYPESCRIPT = (ROOT / "examples" / name for name in ("python-client", "typescript-client"))
GENERATOR = ROOT / "build" / "python-client" / "installed"

needs_generator = pytest.mark.skipif(
    not GENERATOR.is_file(),
    reason="the Python code generator is not installed: examples/python-client/generate",
)
needs_packages = pytest.mark.skipif(
    shutil.which("node") is None or not (TYPESCRIPT / "node_modules" / "graphql-ws").is_dir(),
    reason="no Node.js, or examples/typescript-client has no packages: npm ci",
)

EXPECTED = [
    "Signed in as Tess Tester",
    "name: The name must not be blank. (BLANK)",
    "companyNumber: ",
    "Saved once: True",
    "Enriched: SUCCEEDED",
    "Employees: 6",
    "Customers: 1",
]


def test_both_clients_send_the_same_valid_operations() -> None:
    text = (PYTHON / "operations.graphql").read_text()
    assert (TYPESCRIPT / "src" / "operations.graphql").read_text() == text
    sdl = (ROOT / "schema" / "schema.graphql").read_text()
    assert validate(build_schema(sdl), parse(text)) == []


def test_the_lock_file_holds_no_download_addresses() -> None:
    packages = json.loads((TYPESCRIPT / "package-lock.json").read_text())["packages"]
    assert [name for name, package in packages.items() if "resolved" in package] == []


async def output_of(client: Path, address: str, token: str) -> list[str]:
    """Generate a client from the schema and run it; return the lines that it prints."""
    ran = await asyncio.create_subprocess_exec(
        client / "run",
        env=environment(API=f"http://{address}", TOKEN=token),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(ENOUGH_S):
        output, problems = await ran.communicate()
    assert ran.returncode == 0, output.decode() + problems.decode()
    return output.decode().splitlines()


async def assert_works(live: LiveApi, client: Path) -> None:
    async with serving(live.app) as address:
        lines = await output_of(client, address, live.token)
    assert len(lines) == len(EXPECTED), lines
    for line, start in zip(lines, EXPECTED, strict=True):
        assert line.lower().startswith(start.lower()), lines
    data = await live.data("{ customers(first: 2) { nodes { name companyNumber } } }")
    assert data["customers"]["nodes"] == [
        {"name": "Sandbox Beta Limited", "companyNumber": "90000001"}
    ]


@needs_generator
async def test_the_python_client_saves_follows_and_lists(live: LiveApi) -> None:
    await assert_works(live, PYTHON)


@needs_packages
async def test_the_typescript_client_saves_follows_and_lists(live: LiveApi) -> None:
    await assert_works(live, TYPESCRIPT)
