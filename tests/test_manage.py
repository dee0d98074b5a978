"""The operator's commands, each run in a separate process on its own database."""

import asyncio
import json
import re
import signal
import sqlite3
import time
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from hashlib import sha256
from pathlib import Path
from typing import Any

import aiohttp
import click
import pytest

from commands.running import read_settings
from enrichment.sandbox.catalogue import CATALOGUE
from models.tables.access import TOKENS, AccessToken, Scope, new_token
from tests.access_world import add_user, sign_in
from tests.clock import Clock
from tests.databases import Databases
from tests.graphql_client import (
    API_KEY,
    NOWHERE,
    connected,
    counted_statements,
    running_api,
    the_schema,
)
from tests.mails import mails_in
from tests.processes import ENOUGH_S, ask, line_with, run, start, stop

MIGRATIONS = sorted(path.stem for path in Path("models/migrations").glob("[0-9]*.py"))
TOKEN = re.compile(r"Token (ccl_[\w-]{43})")


@asynccontextmanager
async def running(*arguments: str, **settings: str) -> AsyncIterator[Process]:
    """Run a command during the block."""
    process = await start(*arguments, **settings)
    try:
        yield process
    finally:
        await stop(process)


@pytest.fixture
async def empty_url(databases: Databases) -> AsyncIterator[str]:
    """Yield the URL of a database without tables."""
    url = await databases.create_empty()
    yield url
    await databases.drop(url)


@pytest.fixture
async def migrated_url(databases: Databases) -> AsyncIterator[str]:
    """Yield the URL of a migrated database."""
    url = await databases.borrow()
    yield url
    await databases.give_back(url)


@pytest.fixture
def sqlite_databases(request: pytest.FixtureRequest) -> Databases:
    """Return `databases`, which as an argument would mark the test for PostgreSQL too."""
    databases: Databases = request.getfixturevalue("databases")
    return databases


@pytest.fixture
async def sqlite_url(sqlite_databases: Databases) -> str:
    """Return the URL of a migrated SQLite file."""
    return await sqlite_databases.create()


async def ask_data(url: str, token: str, document: str) -> Any:
    """Send a query to a running server; return the data of the response."""
    return json.loads((await ask(url, token, document))[1])["data"]


async def test_a_database_is_migrated_once_and_tokens_are_issued_on_it(empty_url: str) -> None:
    status, out, err = await run("migrate", DATABASE_URL=empty_url)
    assert (status, err) == (0, "")
    applied = [f"applied {name}" for name in MIGRATIONS]
    assert out.splitlines() == [*applied, "The database is up to date."]
    again, everything, some, wrong = await asyncio.gather(
        run("migrate", DATABASE_URL=empty_url),
        run("token", "issue", "--scopes", "all", DATABASE_URL=empty_url),
        run(
            "token",
            "issue",
            "--scopes",
            "customers:read, enrichment:run",
            "--name",
            "Pat",
            DATABASE_URL=empty_url,
        ),
        run("token", "issue", "--scopes", "customers:fly", DATABASE_URL=empty_url),
    )
    assert again == (0, "The database is up to date.\n", "")
    for status, out, err in (everything, some):
        assert (status, err) == (0, "")
        assert TOKEN.fullmatch(out.strip())
    assert (wrong[0], wrong[1]) == (2, "")
    assert "Use one or more of these, separated by commas: " in wrong[2]
    status, out, _ = await run("token", "list", DATABASE_URL=empty_url)
    assert (status, len(out.splitlines())) == (0, 2)
    assert some[1].strip().removeprefix("Token ") not in out
    (pat,) = [line for line in out.splitlines() if "Pat" in line]
    token_id = pat.split()[0]
    assert await run("token", "revoke", token_id, DATABASE_URL=empty_url) == (
        0,
        f"Revoked {token_id}\n",
        "",
    )


async def ordered(url: str, *arguments: str) -> str:
    """Run a command that must succeed; return its output."""
    status, out, err = await run(*arguments, DATABASE_URL=url)
    assert (status, err) == (0, "")
    return out.strip()


async def test_an_operator_adds_users_groups_and_tokens_and_takes_them_away(
    migrated_url: str,
) -> None:
    """R93: without needing permissions; refusals state the reason."""
    url = migrated_url
    user = (
        await ordered(url, "user", "add", "--name", "Uma", "--permissions", "access:read")
    ).split()[1]
    given = ("group", "add", "--name", "Clerks", "--permissions", "customers:write")
    group = (await ordered(url, *given)).split()[1]
    assert await ordered(url, "group", "join", group, user) == f"{user} is in {group}"
    listed, groups = await asyncio.gather(
        ordered(url, "user", "list"), ordered(url, "group", "list")
    )
    assert listed == f"{user}  Uma  active: access:read, customers:read, customers:write"
    assert groups == f"{group}  Clerks  1 member: customers:write"
    issue = ("token", "issue", "--user", user, "--scopes")
    first = await ordered(url, *issue, "customers:read", "--name", "phone")
    assert TOKEN.fullmatch(first)
    beyond, nobody, stranger = await asyncio.gather(
        run(*issue, "consent:read", DATABASE_URL=url),
        run("user", "disable", "usr_none", DATABASE_URL=url),
        run("token", "issue", "--scopes", "all", "--reseller", "cus_none", DATABASE_URL=url),
    )
    assert beyond == (
        1,
        "",
        "The user “Uma” does not have consent:read, so a token of theirs cannot have it either.\n",
    )
    assert nobody == (1, "", "There is no user with this id.\n")
    assert stranger == (1, "", "There is no customer with this id.\n")
    token_id = (await ordered(url, "token", "list")).split()[0]
    second = await ordered(url, "token", "rotate", token_id, "--overlap-hours", "0")
    assert TOKEN.fullmatch(second)
    assert second != first
    old, new = (await ordered(url, "token", "list")).splitlines()
    assert old.endswith("phone  revoked or expired, of Uma, never used")
    assert new.endswith("phone  valid, of Uma, never used")
    await ordered(url, "user", "disable", user)
    assert (
        (await ordered(url, "token", "list"))
        .splitlines()[1]
        .endswith("phone  revoked or expired, of Uma (disabled), never used")
    )
    await ordered(url, "user", "enable", user)
    revoked = await ordered(url, "group", "revoke", group, "--permissions", "customers:write")
    assert revoked == f"Revoked; {group} has nothing"
    granted = await ordered(url, "user", "grant", user, "--permissions", "audit:read")
    assert granted == f"Granted; {user} has access:read, audit:read"
    await ordered(url, "group", "leave", group, user)
    await ordered(url, "group", "delete", group)
    assert await ordered(url, "group", "list") == ""
    assert (await ordered(url, "user", "list")) == f"{user}  Uma  active: access:read, audit:read"


async def test_an_operator_rotates_a_token_of_a_user_who_has_as_many_as_one_may(
    databases: Databases,
) -> None:
    async with running_api(databases, Clock()) as api:
        uma = await add_user(api, "Uma", Scope.CUSTOMERS_READ)
        tokens = [new_token("old", frozenset(Scope), api.clock())[0] for _ in range(100)]
        for token in tokens:
            token.user_id = uma
        await AccessToken.bulk_create(tokens)
        rotated = await ordered(api.platform.database.url, "token", "rotate", tokens[0].id)
        assert TOKEN.fullmatch(rotated)
        assert await AccessToken.filter(user_id=uma, revoked_at=None).count() == 101


async def test_a_server_feels_at_once_what_a_command_takes_away(
    databases: Databases, clock: Clock
) -> None:
    """R95: the command runs in a separate process with its own connection."""
    async with running_api(databases, clock) as api:
        user = await add_user(api, "Uma", Scope.CUSTOMERS_READ)
        token = await sign_in(api, user, Scope.CUSTOMERS_READ)
        database = api.platform.database
        query = "{ customers { totalCount } }"
        for _ in range(2):  # the first request stores the token's last use
            assert await api.data(query, token=token) == {"customers": {"totalCount": 0}}
        with counted_statements() as statements:
            await api.data("{ viewer { id } }", token=token)
        assert statements == []  # it is cached
        with database.signals.watching(TOKENS) as told:
            given = ("user", "revoke", user, "--permissions", "customers:read")
            await ordered(database.url, *given)
            if database.is_postgres:
                await asyncio.wait_for(told.wait(), ENOUGH_S)
        assert (await api.error(query, token=token))["extensions"]["code"] == "FORBIDDEN"
        with database.signals.watching(TOKENS) as told:
            await ordered(database.url, "user", "disable", user)
            if database.is_postgres:
                await asyncio.wait_for(told.wait(), ENOUGH_S)
        assert (await api.post(query, token=token)).status_code == 401


async def test_an_operator_sees_how_long_the_queue_of_lookups_is(
    databases: Databases, clock: Clock
) -> None:
    async with running_api(databases, clock) as api:
        for number in ("101", "102"):
            await api.save_customer(classCode="COMPANY_UK_LIMITED", companyNumber=number)
        await api.platform.budget.block("UNAUTHORISED")
        given = {"COMPANIES_HOUSE_API_KEY": API_KEY, "COMPANIES_HOUSE_URL": NOWHERE}
        status, out, _ = await run("backlog", DATABASE_URL=api.platform.database.url, **given)
    lines = out.splitlines()
    assert (status, lines[:6]) == (
        0,
        [
            "waiting   2 (2 SAVED)",
            "running   0",
            "retrying  0",
            "oldest    2026-10-01T09:30:00+00:00",
            "ended     0 in the last 15 minutes",
            "done      unknown",
        ],
    )
    assert lines[6] == "allowance 600 calls in 300 s, 0 possible now"
    assert lines[7].startswith("blocked   UNAUTHORISED since 20")


async def test_the_schema_is_printed_as_it_is_committed() -> None:
    assert await run("schema") == (0, the_schema().as_str() + "\n", "")


async def test_documents_are_registered_if_all_of_them_are_valid(tmp_path: Path) -> None:
    folder, file = tmp_path / "documents", tmp_path / "trusted.json"
    folder.mkdir()
    (folder / "a.graphql").write_text("{ viewer { name } }")
    document_id = f"sha256:{sha256(b'{ viewer { name } }').hexdigest()}"
    assert await run("documents", str(folder), "--to", str(file)) == (0, f"{document_id} ok\n", "")
    assert json.loads(file.read_text()) == {document_id: "{ viewer { name } }"}
    file.unlink()
    (folder / "b.graphql").write_text("{ viewr { name } }")
    (folder / "c.graphql").write_text("fragment F on Viewer { id }")
    status, out, err = await run("documents", str(folder), "--to", str(file))
    assert (status, err, file.exists()) == (
        1,
        "No document was registered, because some documents are invalid.\n",
        False,
    )
    assert [line.partition(" ")[2] for line in out.splitlines()] == [
        "ok",
        "Cannot query field 'viewr' on type 'Query'. Did you mean 'viewer' or 'user'?",
        "The document contains no operation.",
    ]
    status, out, err = await run("serve", TRUSTED_DOCUMENTS=str(tmp_path / "nothing.json"))
    assert (status, "TRUSTED_DOCUMENTS can't be read" in err) == (2, True)


async def test_accounts_are_read_a_line_for_each_document(tmp_path: Path) -> None:
    (alpha,) = [company for company in CATALOGUE if company.number == "00000101"]
    (broken,) = [company for company in CATALOGUE if company.number == "00000501"]
    files = []
    for company in (alpha, broken):
        filing = company.newest_accounts
        assert filing is not None
        (make,) = filing.documents.values()
        files.append(tmp_path / f"{company.number}.xhtml")
        files[-1].write_bytes(make())
    missing = tmp_path / "missing.xhtml"
    clean, mixed = await asyncio.gather(
        run("read-accounts", str(files[0])),
        run("read-accounts", *(str(file) for file in (*files, missing))),
    )
    status, out, err = clean
    assert (status, err) == (0, "")
    record = json.loads(out)
    assert record["file"] == str(files[0])
    assert record["company_number"] == "00000101"
    status, out, err = mixed
    assert (status, err) == (1, "")
    first, garbage, absent = [json.loads(line) for line in out.splitlines()]
    assert first == record
    assert set(garbage) == {"file", "error", "message"}
    assert (absent["file"], absent["error"]) == (str(missing), "NO_FILE")


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
async def test_a_sandbox_prints_its_companies_and_stops_when_told(how: signal.Signals) -> None:
    process = await start("sandbox")
    try:
        assert process.stdout is not None
        async with asyncio.timeout(ENOUGH_S):
            first = (await process.stdout.readline()).decode()
        assert first.startswith("00000101  SANDBOX ALPHA TRADING LIMITED: ")
        url = await line_with(process, "Sandbox ")
        async with (
            aiohttp.ClientSession() as session,
            session.get(
                f"{url}/company/00000101",
                headers={"Authorization": aiohttp.encode_basic_auth("any", "")},
            ) as response,
        ):
            assert response.status == 200
            assert (await response.json())["company_name"] == "SANDBOX ALPHA TRADING LIMITED"
        assert await stop(process, how) == 0
    finally:
        await stop(process, signal.SIGKILL)


async def test_a_newcomer_gets_a_link_a_token_and_a_first_query_that_works(
    empty_url: str,
) -> None:
    async with running(
        "serve", "--development", DATABASE_URL=empty_url, PORT="0", LOG_FORMAT="json"
    ) as process:
        url = await line_with(process, "GraphQL ")
        token = await line_with(process, "Token ")
        mailbox = await line_with(process, "Mails ")
        query = await line_with(process, "First query: ")
        assert process.stdout is not None
        async with asyncio.timeout(ENOUGH_S):
            assert await process.stdout.readline() == b"\n"
            name, link = (await process.stdout.readline()).decode().strip().rsplit(" ", 1)
        here = url.removesuffix("graphql")
        assert (name, link) in {
            ("Playground", f"{here}playground/#token={token}"),
            ("Start page", here),  # if the playground is not built
        }
        async with aiohttp.ClientSession() as session, session.get(link) as response:
            assert response.status == 200
        assert mailbox.endswith("/var/mailbox")
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/graphql", url)
        status, answer = await ask(url, token, query)
        assert (status, json.loads(answer)["data"]["saveCustomer"]["userErrors"]) == (200, [])
        customer = json.loads(answer)["data"]["saveCustomer"]["customer"]
        assert customer.pop("id").startswith("cus_")
        assert customer == {"enrichment": {"status": "PENDING"}}
        listed = '{ customers(filter: { text: "%s" }) { nodes { enrichment { status } } } }'
        ended = {"customers": {"nodes": [{"enrichment": {"status": "SUCCEEDED"}}]}}
        async with asyncio.timeout(ENOUGH_S):
            while await ask_data(url, token, listed % "Sandbox Beta") != ended:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        counted = await ask_data(url, token, "{ customers { totalCount } }")
        assert counted == {"customers": {"totalCount": 8}}
        async with connected(url.removeprefix("http://").removesuffix("/graphql")) as socket:
            await socket.sign_in(token)
            assert (await socket.ask("{ viewer { name } }"))["data"]["viewer"] == {
                "name": "Development"
            }
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(ENOUGH_S):
            _, err = await process.communicate()
        logged = [json.loads(line) for line in err.decode().splitlines()]
        assert {line["event"] for line in logged} >= {"request", "job_done"}
        assert [line for line in logged if line["level"] in {"warning", "error"}] == []
        assert token not in err.decode()
        assert process.returncode == -signal.SIGTERM  # after a regular shutdown


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])  # noqa: S104  # that is what it is about
async def test_links_in_mails_lead_to_the_port_that_was_found(tmp_path: Path, host: str) -> None:
    """Also if the server listens on all interfaces."""
    settings = {
        "DATABASE_URL": f"sqlite://{tmp_path}/links.sqlite3",
        "PORT": "0",
        "HOST": host,
        "MAILBOX": f"{tmp_path}/mailbox",
    }
    async with running("serve", "--development", **settings) as process:
        url = await line_with(process, "GraphQL ")
        token = await line_with(process, "Token ")
        port = url.removesuffix("/graphql").rpartition(":")[2]
        url = f"http://127.0.0.1:{port}/graphql"
        save = """mutation { saveCustomer(input: { name: "Acme", classCode: "CHARITY" }) {
          customer { id } } }"""
        customer = (await ask_data(url, token, save))["saveCustomer"]["customer"]
        add = """mutation { saveContact(input: { customerId: "%s", name: "Ann",
          email: "ann@acme.example" }) { contact { id } } }"""
        contact = (await ask_data(url, token, add % customer["id"]))["saveContact"]["contact"]
        verify = """mutation { requestEmailVerification(input: { contactId: "%s" }) {
          userErrors { code } } }"""
        asked = await ask_data(url, token, verify % contact["id"])
        assert asked == {"requestEmailVerification": {"userErrors": []}}
        async with asyncio.timeout(ENOUGH_S):
            while not (mails := mails_in(tmp_path / "mailbox")):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        (link, *_) = mails[0].links
        name = "127.0.0.1" if host == "127.0.0.1" else "localhost"
        assert link.startswith(f"http://{name}:{port}/confirm/")
        async with aiohttp.ClientSession() as session, session.get(link) as response:
            assert response.status == 200


async def test_a_worker_that_does_not_know_the_port_sends_no_mails(sqlite_url: str) -> None:
    settings = {"DATABASE_URL": sqlite_url, "PORT": "0"}
    status, _, err = await run("worker", **settings)
    assert (status, "Set PUBLIC_URL" in err) == (1, True)
    async with running("worker", "--kinds", "enrich", **settings) as process:
        assert await line_with(process, "Worker ")
    async with running("worker", PUBLIC_URL="http://billing.example", **settings) as process:
        assert await line_with(process, "Worker ")


async def test_a_worker_answers_the_probes_of_its_container(sqlite_url: str) -> None:
    settings = {"DATABASE_URL": sqlite_url}
    async with running("worker", "--health-port", "0", **settings) as process:
        url = await line_with(process, "Health ")
        async with aiohttp.ClientSession() as session, asyncio.timeout(ENOUGH_S):
            for place in (url, url.replace("/healthz", "/readyz")):
                status = 0
                while status != 200:
                    async with session.get(place) as response:
                        status = response.status
                        told = (await response.json())["status"]
                    await asyncio.sleep(0.01)
                assert told == "ok"
        assert await stop(process) == 0


async def test_an_operator_resets_budgets_of_points(sqlite_url: str) -> None:
    settings = {"DATABASE_URL": sqlite_url}
    path = Path(sqlite_url.removeprefix("sqlite://"))
    with closing(sqlite3.connect(path)) as connection:
        rows = [(f"cost:usr_{n}", 9) for n in range(3)] + [("companies-house:x", 9)]
        connection.executemany("INSERT INTO rate_limit (key, free_at) VALUES (?, ?)", rows)
        connection.commit()
    assert await run("budget", "reset", "--points", "--key", "usr_1", **settings) == (
        0,
        "Reset 1 budget of points.\n",
        "",
    )
    status, out, _ = await run("budget", "reset", "--points", "--all", **settings)
    assert (status, out) == (0, "Reset 2 budgets of points.\n")
    for wrong in (["--all"], ["--points"], ["--points", "--all", "--key", "usr_1"]):
        assert (await run("budget", "reset", *wrong, **settings))[0] == 2
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT key FROM rate_limit").fetchall() == [
            ("companies-house:x",)
        ]


async def test_a_migration_that_is_blocked_says_so_in_one_line(tmp_path: Path) -> None:
    settings = {"DATABASE_URL": f"sqlite://{tmp_path}/blocked.sqlite3"}
    path = tmp_path / "blocked.sqlite3"
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("PRAGMA journal_mode = WAL")
        writer.execute("BEGIN IMMEDIATE")
        status, out, err = await run("migrate", MIGRATION_LOCK_TIMEOUT_S="0.2", **settings)
    assert (status, out) == (1, "")
    assert err.count("\n") == 1
    assert "waited 0.2 s for a lock and changed nothing" in err


async def test_a_server_holds_its_clients_to_the_limits_that_are_set(sqlite_url: str) -> None:
    """And it trusts no forwarded headers, even if uvicorn's own variable says so."""
    settings = {
        "DATABASE_URL": sqlite_url,
        "PORT": "0",
        "CLIENT_TIMEOUT_S": "0.5",
        "CORS_ORIGINS": "https://app.example https://other.example",
        "FORWARDED_ALLOW_IPS": "*",
    }
    async with running("serve", "--no-worker", **settings) as process:
        assert process.stdout is not None
        address = (await process.stdout.readline()).decode().split("//")[1].partition("/")[0]
        host, port = address.split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"GET /healthz HTTP/1.1\r\n")
        async with asyncio.timeout(ENOUGH_S):
            assert (await reader.readline()) == b"HTTP/1.1 408 Request Timeout\r\n"
        writer.close()
        headers = {"Origin": "https://other.example", "X-Forwarded-Proto": "https"}
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://{address}/healthz", headers=headers) as response,
        ):
            allowed = response.headers["Access-Control-Allow-Origin"]
            assert (response.status, allowed) == (200, "https://other.example")
            assert "Strict-Transport-Security" not in response.headers
            assert "Server" not in response.headers


@pytest.mark.parametrize(
    "wrong",
    [
        {"DATABASE_URL": "mysql://x"},
        {"PORT": "99999"},
        {"DATABASE_URL": "sqlite://x", "COMPANIES_HOUSE_DOCUMENT_URL": "http://x"},
        {"SMTP_URL": "http://user:s3cret@mail.example"},
        {"MAIL_FROM": "nobody in particular"},
        {"PUBLIC_URL": "ftp://billing.example"},
        {"CONFIRMATION_HOURS": "0"},
        {"OIDC_ISSUER": "https://id.example"},  # the user is missing
        {"OIDC_ISSUER": "http://id.example", "OIDC_AUDIENCE": "x"},
        {"OIDC_ISSUER": "https://id.example", "OIDC_AUDIENCE": "x", "OIDC_ALGORITHMS": "HS256"},
    ],
)
def test_settings_that_make_no_sense_are_refused(
    wrong: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in wrong.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(click.BadParameter) as refused:
        read_settings()
    assert "s3cret" not in refused.value.format_message()


async def test_a_command_does_not_start_with_settings_that_make_no_sense() -> None:
    status, out, err = await run("serve", SMTP_URL="http://user:s3cret@mail.example")
    assert (status, out) == (2, "")
    assert "Invalid value: SMTP_URL" in err
    assert "s3cret" not in err


async def test_a_worker_runs_the_kinds_that_it_is_told(sqlite_url: str) -> None:
    settings = {"DATABASE_URL": sqlite_url, "LOG_FORMAT": "json"}
    async with running("worker", "--kinds", "confirmation_mail", **settings) as process:
        assert await line_with(process, "Worker ")
    for wrong in ("enrich,unknown", "", ","):
        status, out, err = await run("worker", "--kinds", wrong, **settings)
        assert (status, out) == (2, "")
        kinds = "enrich, confirmation_mail, webhook_notice, import"
        assert f"Use one or more of these, separated by commas: {kinds}." in err


async def test_an_operator_resets_the_budget_of_the_register(sqlite_url: str) -> None:
    """For example a budget that a process with a wrong clock moved far into the future."""
    path = Path(sqlite_url.removeprefix("sqlite://"))
    settings = {"DATABASE_URL": sqlite_url}
    status, out, _ = await run("budget", "reset", "--register", **settings)
    assert (status, out) == (0, "The budget of requests to Companies House is reset.\n")
    with closing(sqlite3.connect(path)) as database:
        database.execute("UPDATE rate_limit SET free_at = free_at + 3600000000, faults = 9")
        database.commit()
        await run("budget", "reset", "--register", **settings)
        ((free_at, faults),) = database.execute("SELECT free_at, faults FROM rate_limit")
    assert free_at / 1_000_000 < time.time() + 60
    assert faults == 0
    status, out, err = await run("budget", "reset", **settings)
    assert (status, out) == (2, "")
    assert "Choose a budget: --register, --points or both." in err
