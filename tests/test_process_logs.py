"""Every line that real processes write to standard error is JSON, in all situations."""

import asyncio
import json
import signal
import socket
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.databases import Databases
from tests.pgbouncer import pgbouncer
from tests.processes import ENOUGH_S, ask, line_with, run, start, stop

PASSWORD = "hunter2"
JSON = {"LOG_FORMAT": "json"}


def parsed(err: str) -> list[dict[str, Any]]:
    """Parse every line; asserts the fields that each line must have."""
    lines = [json.loads(line) for line in err.splitlines()]
    assert all({"timestamp", "level", "event"} <= line.keys() for line in lines)
    return lines


def line_of(lines: list[dict[str, Any]], event: str) -> dict[str, Any]:
    (found,) = [line for line in lines if line["event"] == event]
    return found


async def ended(process: Process, how: signal.Signals = signal.SIGTERM) -> list[dict[str, Any]]:
    """Stop a process; return its parsed log lines."""
    process.send_signal(how)
    async with asyncio.timeout(ENOUGH_S):
        _, err = await process.communicate()
    assert PASSWORD not in err.decode()
    return parsed(err.decode())


@pytest.fixture
async def url(databases: Databases) -> AsyncIterator[str]:
    made = await databases.borrow()
    yield made
    await databases.give_back(made)


@pytest.mark.parametrize(
    ("arguments", "settings", "status"),
    [
        (("serve",), {"PORT": "x", "SMTP_URL": f"smtp://u:{PASSWORD}@h/x"}, 2),
        (("serve",), {"SMTP_URL": f"http://u:{PASSWORD}@h"}, 2),
        (("serve", "--nope"), {}, 2),
        (("worker", "more"), {}, 2),
        (("nothing",), {}, 2),
        (("worker",), {"DATABASE_DIRECT_URL": f"mysql://u:{PASSWORD}@h"}, 2),
        (("token", "list"), {"DATABASE_URL": f"postgres://u:{PASSWORD}@127.0.0.1:9/x"}, 1),
        (("migrate",), {"DATABASE_URL": f"postgres://u:{PASSWORD}@127.0.0.1:9/x"}, 1),
        (("migrate",), {"DATABASE_URL": "sqlite:///proc/nowhere/x.sqlite3"}, 1),
    ],
)
async def test_a_command_that_cannot_be_done_says_so_in_json(
    arguments: tuple[str, ...], settings: dict[str, str], status: int
) -> None:
    ended_with, out, err = await run(*arguments, **JSON, **settings)
    assert (ended_with, out) == (status, "")
    (line,) = parsed(err)
    assert line["event"] == ("command_refused" if status == 2 else "command_failed")
    assert line["level"] == "error"
    assert PASSWORD not in err


@pytest.mark.parametrize(
    ("arguments", "status", "event", "problem"),
    [
        (
            ("token", "issue", "--scopes", "all", "--reseller", "nope"),
            1,
            "command_refused",
            "There is no customer with this id.",
        ),
        (("user", "disable", "nope"), 1, "command_refused", "There is no user with this id."),
        (
            ("budget", "reset", "--points", "--key", "nope"),
            0,
            "budgets_unspent",
            "The other budgets had no spent points, so they were not reset.",
        ),
        (("documents", "{folder}"), 1, "command_refused", "Some documents are invalid."),
        (
            ("documents", "{folder}", "--to", "{folder}/x.json"),
            1,
            "command_refused",
            "No document was registered, because some documents are invalid.",
        ),
    ],
)
async def test_what_a_command_did_not_do_is_said_in_json_or_to_a_person(
    url: str, tmp_path: Path, arguments: tuple[str, ...], status: int, event: str, problem: str
) -> None:
    (tmp_path / "wrong.graphql").write_text("{ nonsense }")
    filled = [one.format(folder=tmp_path) for one in arguments]
    as_json = await run(*filled, DATABASE_URL=url, **JSON)
    (line,) = parsed(as_json[2])
    assert (as_json[0], line["event"], line["level"]) == (status, event, "error")
    assert line["problem"] == problem
    plain = await run(*filled, DATABASE_URL=url)
    assert (plain[0], plain[2]) == (status, f"{problem}\n")
    assert not (tmp_path / "x.json").exists()


async def test_without_json_it_is_said_to_a_person() -> None:
    refused = await run("serve", PORT="x")
    assert refused[0] == 2
    assert "Error: Invalid value: PORT:" in refused[2]
    failed = await run("token", "list", DATABASE_URL=f"postgres://u:{PASSWORD}@127.0.0.1:9/x")
    assert failed == (1, "", "ConnectionRefusedError: Connection refused\n")


async def test_a_port_in_use_is_told_with_host_and_port(url: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        status, out, err = await run("serve", PORT=str(port), DATABASE_URL=url, **JSON)
    lines = parsed(err)
    assert (status, out) == (3, "")
    assert line_of(lines, "library_failed")["errno"] == "EADDRINUSE"
    stopped = line_of(lines, "stopped")
    assert (stopped["level"], stopped["reason"]) == ("error", "start_failed")
    assert (stopped["host"], stopped["port"]) == ("127.0.0.1", port)


async def test_a_worker_whose_health_port_is_taken_says_that_it_failed(url: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        status, _, err = await run("worker", "--health-port", port, DATABASE_URL=url, **JSON)
    lines = parsed(err)
    assert status == 1
    stopped = line_of(lines, "stopped")
    assert (stopped["level"], stopped["reason"]) == ("error", "failed")
    assert line_of(lines, "command_failed")["errno"] == "EADDRINUSE"


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
async def test_a_server_says_how_it_started_and_why_it_stopped(
    url: str, how: signal.Signals
) -> None:
    settings = {
        "SMTP_URL": f"smtp://user:{PASSWORD}@127.0.0.1:9",
        "COMPANIES_HOUSE_API_KEY": PASSWORD,
        "COMPANIES_HOUSE_URL": "http://127.0.0.1:9",
        "LOG_FORMAT": "json",
    }
    process = await start("serve", PORT="0", DATABASE_URL=url, **settings)
    try:
        address = await line_with(process, "GraphQL ")
        assert (await ask(address, "ccl_none", "{ viewer { id } }"))[0] == 401
        async with aiohttp.ClientSession() as session:
            for path, status in (("/nothing", 404), ("/healthz", 200)):
                async with session.get(address.replace("/graphql", path)) as response:
                    assert response.status == status
        lines = await ended(process, how)
    finally:
        await stop(process, signal.SIGKILL)
    started, stopped = line_of(lines, "started"), line_of(lines, "stopped")
    assert started["role"] == "serve"
    assert started["kinds"] == ["enrich", "confirmation_mail", "webhook_notice", "import"]
    assert started["version"].startswith("0.1.0")
    assert started["python"].startswith("3.")
    assert started["database"] == ("sqlite" if url.startswith("sqlite") else "postgresql")
    assert started["schema"] > "0012"
    assert 0 < started["start_s"] < ENOUGH_S
    assert address == f"http://{started['address']}/graphql"
    assert started["configuration"]["worker_slots"] == 4
    assert started["configuration"]["companies_house_api_key"] == "***"
    assert (stopped["reason"], stopped["requests"]) == (how.name, 3)
    assert stopped["uptime_s"] >= 0
    assert [line["status"] for line in lines if line["event"] == "request"] == [401, 404, 200]


async def test_a_readable_log_starts_without_the_configuration(url: str) -> None:
    process = await start("serve", PORT="0", DATABASE_URL=url, LOG_FORMAT="readable")
    try:
        await line_with(process, "GraphQL ")
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(ENOUGH_S):
            _, err = await process.communicate()
    finally:
        await stop(process, signal.SIGKILL)
    (started,) = [line for line in err.decode().splitlines() if " started " in line]
    assert "version=" in started
    assert "configuration=" not in started


async def test_a_worker_says_how_it_started_and_why_it_stopped(url: str) -> None:
    process = await start("worker", DATABASE_URL=url, **JSON)
    try:
        name = await line_with(process, "Worker ")
        lines = await ended(process)
    finally:
        await stop(process, signal.SIGKILL)
    started, stopped = line_of(lines, "started"), line_of(lines, "stopped")
    assert (started["role"], started["worker"]) == ("worker", name)
    assert started["kinds"] == [
        "confirmation_mail",
        "webhook_notice",
        "import",
    ]  # without a key no lookup can run
    assert (stopped["role"], stopped["reason"]) == ("worker", "SIGTERM")


async def test_a_start_warns_of_what_is_wrong_for_production(url: str) -> None:
    """One line per problem: its consequence, and the variable to set."""
    process = await start(
        "serve", PORT="0", DATABASE_URL=url, COMPANY_HOUSE_API_KEY=PASSWORD, **JSON
    )
    try:
        await line_with(process, "GraphQL ")
        lines = await ended(process)
    finally:
        await stop(process, signal.SIGKILL)
    told = [line for line in lines if line["event"] == "configuration_problem"]
    lite = ["SQLITE"] if url.startswith("sqlite") else []
    codes = [line["code"] for line in told if line["code"] != "TOO_FEW_FILES"]
    assert codes == [
        "NO_REGISTER_KEY",
        "NO_MAIL_SERVER",
        *lite,
        "NO_PUBLIC_URL",
        "UNKNOWN_VARIABLE",
    ]
    assert all(line["level"] == "warning" and line["variable"] for line in told)


async def test_without_a_key_customers_are_not_filled_with_made_up_data(url: str) -> None:
    """The lookup stays queued until a process has a key."""
    given = {"DATABASE_URL": url, "PORT": "0", **JSON}
    _, out, _ = await run("token", "issue", "--scopes", "all", **given)
    token = out.split()[1]
    process = await start("serve", **given)
    save = """mutation { saveCustomer(input: { name: "Sandbox Beta Limited",
      classCode: "COMPANY_UK_LIMITED", companyNumber: "90000001" }) { customer { id } } }"""
    read = "{ customers { nodes { enrichment { status attempts } } } }"
    search = '{ companySearch(query: "Beta") { title } }'
    try:
        address = await line_with(process, "GraphQL ")
        assert (await ask(address, token, save))[0] == 200
        await ask(address, token, search)
        _, answer = await ask(address, token, read)
        lines = await ended(process)
    finally:
        await stop(process, signal.SIGKILL)
    (node,) = json.loads(answer)["data"]["customers"]["nodes"]
    assert node["enrichment"] == {"status": "PENDING", "attempts": 0}
    assert not [line for line in lines if line["event"] in {"job_done", "job_put_back"}]
    settings = {**given, "COMPANIES_HOUSE_SANDBOX": "true"}
    process = await start("serve", **settings)
    try:
        address = await line_with(process, "GraphQL ")
        async with asyncio.timeout(ENOUGH_S):
            while "SUCCEEDED" not in (await ask(address, token, read))[1]:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        lines = await ended(process)
    finally:
        await stop(process, signal.SIGKILL)
    assert "SANDBOX" in [line.get("code") for line in lines]


@pytest.mark.parametrize("command", [("serve", "--no-worker"), ("worker",)])
async def test_behind_a_pooler_that_is_not_set_nothing_starts(
    url: str, command: tuple[str, ...]
) -> None:
    given = {"PUBLIC_URL": "https://example.org", **JSON}
    async with pgbouncer(url) as pooled:
        status, out, err = await run(*command, PORT="0", DATABASE_URL=pooled, **given)
    assert (status, out) == (1, "")
    lines = parsed(err)
    told = [line["variable"] for line in lines if line.get("code") == "SHARED_SESSIONS"]
    assert told == ["DATABASE_POOLER"]
    (refused,) = [line for line in lines if line["event"] == "command_refused"]
    assert "Set DATABASE_POOLER=transaction" in refused["problem"]


async def test_a_command_on_an_older_schema_is_refused_in_one_line(tmp_path: Path) -> None:
    given = {"DATABASE_URL": f"sqlite://{tmp_path}/x.sqlite3", **JSON}
    status, _, err = await run("user", "add", "--name", PASSWORD, **given)
    warned, failed = parsed(err)
    assert (status, warned["event"], failed["event"]) == (1, "schema_checked", "command_failed")
    assert (failed["database_fault"], failed["database_code"], "exception" in failed) == (
        "SCHEMA_MISMATCH",
        "0001_initial",
        False,
    )
    assert PASSWORD not in err
