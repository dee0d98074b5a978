"""The whole application: health, readiness, no secrets in output, and clients that disconnect."""

import asyncio
import json
import random
from contextlib import suppress
from datetime import timedelta
from typing import Any

import aiohttp
import pytest
from pydantic import SecretStr

from models import AuditEntry, ClassChange, Customer, Heartbeat, Job, JobPause
from models.jobs.job import JOBS
from models.storage.sql import run
from models.tables.access import SHOWN_LENGTH, TOKENS
from models.tables.audit import ActorContext
from observability.version import version
from tests.captured_logs import captured_logs
from tests.clock import Clock
from tests.databases import Databases
from tests.graphql_client import Api, connected, running_api, running_live_api, serving

SAVE = """
  mutation($input: SaveCustomerInput!) {
    saveCustomer(input: $input) { customer { id } userErrors { code } }
  }
"""
CHECKED = {"name": "Acme", "classCode": "COMPANY_UK_LIMITED", "companyNumber": "101"}


READY = {"database": "ok", "schema": "ok", "writes": "ok"}


async def test_health_and_readiness_need_no_token(api: Api) -> None:
    response = await api.http.get("/healthz")
    assert (response.status_code, response.json()) == (
        200,
        {"status": "ok", "version": version()},
    )
    response = await api.http.get("/readyz")
    assert (response.status_code, response.json()) == (200, {"status": "ok", "checks": READY})
    assert (await api.http.post("/healthz")).status_code == 405
    assert (await api.http.get("/nothing")).status_code == 404


async def test_the_state_of_others_is_told_and_does_not_decide(api: Api) -> None:
    now = api.platform.shared_clock()
    await Heartbeat.create(worker="elsewhere", seen_at=now)
    response = await api.http.get("/readyz?all=1")
    assert (response.status_code, response.json()) == (
        200,
        {
            "status": "ok",
            "checks": READY,
            "information": {"worker": "ok", "companies_house": "ok", "mail": "ok", "jobs": "ok"},
        },
    )
    await Heartbeat.all().update(seen_at=now - timedelta(seconds=30))
    await api.platform.budget.block("UNAUTHORISED")
    for kind in ("import", "enrich"):
        await JobPause.create(kind=kind, paused_at=now)
    response = await api.http.get("/readyz?all=1")
    assert (response.status_code, response.json()["information"]) == (
        200,
        {
            "worker": "no heartbeat",
            "companies_house": "blocked: UNAUTHORISED",
            "mail": "ok",
            "jobs": "paused: enrich, import",
        },
    )


async def test_a_heartbeat_from_the_future_is_no_sign_of_life(api: Api) -> None:
    ahead = api.platform.shared_clock() + timedelta(hours=1)
    await Heartbeat.create(worker="elsewhere", seen_at=ahead)
    response = await api.http.get("/readyz?all=1")
    assert response.json()["information"]["worker"] == "no heartbeat"


async def test_without_a_worker_it_is_not_woken_by_jobs_of_other_processes(api: Api) -> None:
    ours = api.platform.database
    if not ours.is_postgres:
        pytest.skip("only PostgreSQL carries wake-ups between processes")
    async with asyncio.timeout(60):
        with ours.signals.watching(TOKENS) as woken:
            while not ours._is_listening:  # noqa: ASYNC110  # another connection does
                await asyncio.sleep(0)
            fired = ours.signals.fired(JOBS)
            woken.clear()
            for topic in (JOBS, TOKENS):  # as another process does, so no local signal is fired
                await run("SELECT pg_notify(?, '')", (topic,))
            await woken.wait()
    assert ours.signals.fired(JOBS) == fired


NAME = "Zanzibar Quux Confidential"
KEY = "key-5f3a9d-very-secret"
NUMBER = "ACC-QUUX-77"


@pytest.mark.parametrize("log_format", ["json", "readable"])
async def test_no_log_holds_a_token_a_key_a_name_or_a_signed_address(
    databases: Databases, clock: Clock, monkeypatch: pytest.MonkeyPatch, log_format: str
) -> None:
    with captured_logs(log_format) as written:
        async with (
            running_live_api(databases, clock, companies_house_api_key=SecretStr(KEY)) as live,
            serving(live.app) as address,
        ):
            for number in ("101", "401", "411", "504", "505", "414"):
                saved = await live.save_customer(
                    name=NAME, classCode="COMPANY_UK_LIMITED", companyNumber=number
                )
                clock.advance(timedelta(seconds=10))
            await live.save_customer(id=saved["id"], accountNumber=NUMBER)
            await _settle(live)
            async with connected(address) as socket:
                await socket.sign_in(live.token)
                await socket.ask(
                    "query($t: String) { customers(filter: { text: $t }) { totalCount } }", t=NAME
                )
                await socket.subscribe(f"{{ {NAME} }}")
                await socket.receive()
            await _fail_in_every_way(live, monkeypatch)
    logged = written.getvalue()
    for event in ("request", "job_done", "graphql_bug", "graphql_refused", "job_crashed"):
        assert event in logged
    assert "request_failed" in logged
    assert "Traceback" in logged or '"exc_type"' in logged
    for secret in (NAME, NAME.split()[1], live.token, live.token[SHOWN_LENGTH:], KEY, NUMBER):
        assert secret not in logged
    for secret in ("X-Amz-", "Signature", "Bearer", "Authorization", "Basic "):
        assert secret not in logged
    if log_format == "json":
        lines = [json.loads(line) for line in logged.splitlines()]
        assert {line["event"] for line in lines} >= {"request", "job_done"}
        assert all("request_id" in line for line in lines if line["event"] == "request")
        assert all("job_id" in line for line in lines if line["event"] == "job_done")


async def _settle(live: Api) -> None:
    """Wait until each job has had an attempt, with any result."""
    async with asyncio.timeout(60):
        while await Job.filter(state="RUNNING").exists() or await Job.filter(attempts=0).exists():
            await _pass_time(live)


async def _pass_time(live: Api) -> None:
    """Wait briefly; if no job is running, advance the clock, so that no lease expires."""
    if not await Job.filter(state="RUNNING").exists():
        live.clock.advance(timedelta(seconds=10))
        live.platform.database.signals.fire(JOBS)
    await asyncio.sleep(0.02)


async def _fail_in_every_way(live: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: Any, **__: Any) -> None:
        held = [NAME, live.token, KEY, NUMBER]
        raise RuntimeError(f"{len(held)} things went wrong")

    def crash(*_: Any) -> None:
        held = [NAME, live.token, KEY, NUMBER]
        raise RuntimeError(f"{len(held)} things went wrong in a job")

    await live.answer(f"{{ {NAME} }}")
    await live.answer(f'{{ customer(id: "{NAME}", accountNumber: "{NUMBER}") {{ id }} }}')
    await live.answer("query($n: Int) { customers(first: $n) { totalCount } }", n=NAME)
    await live.answer(SAVE, input={"name": NAME, "classCode": "CHARITY", "accountNumber": NUMBER})
    await live.post("{ viewer { id } }", token=f"{live.token}x")
    with monkeypatch.context() as patch:
        patch.setattr("resolvers.customer.page", fail)
        await live.answer(
            "query($t: String) { customers(filter: { text: $t }) { totalCount } }", t=NAME
        )
    with monkeypatch.context() as patch:
        patch.setattr("resolvers.outcome.read_by_id", fail)
        await live.answer(SAVE, input={"name": NAME, "classCode": "CHARITY"})
    with monkeypatch.context() as patch:
        patch.setattr("models.tables.access.Principals.of", fail)
        await live.post("{ viewer { id } }")
    with monkeypatch.context() as patch:
        patch.setattr("enrichment.lookup_attempt.latest_accounts", crash)
        crashing = await live.save_customer(
            name=NAME, classCode="COMPANY_UK_LIMITED", companyNumber="90000001"
        )
        async with asyncio.timeout(60):
            reason = None
            while reason != "INTERNAL_ERROR":
                await _pass_time(live)
                found = await live.customer(crashing["id"], "enrichment { reason }")
                reason = found["enrichment"]["reason"]


async def consistent(api: Api, most: int) -> None:
    """Assert that the server still works, and that each save was complete or not stored."""
    async with asyncio.timeout(60):
        await api.save_customer(name="After all that")
        await api.data("{ customers { totalCount nodes { classHistory { reason } } } }")
    customers = await Customer.all().count()
    assert 1 <= customers <= most + 1
    assert await ClassChange.all().count() == customers
    assert await AuditEntry.filter(operation="customer.created").count() == customers
    assert await Job.all().count() == customers - 1


async def test_callers_that_are_cancelled_leave_the_server_healthy(
    databases: Databases, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cancelled task in a transaction must not keep its connection.

    The pool is as small as allowed, so that lost connections would soon exhaust it.
    """
    chance = random.Random(7)  # noqa: S311  # repeatable on purpose
    begun = asyncio.Event()

    def note(*given: Any, **named: Any) -> ActorContext:
        begun.set()
        return ActorContext(*given, **named)

    monkeypatch.setattr("schema.base.context.ActorContext", note)
    async with running_api(databases, clock, database_pool_size=6) as api:
        for _ in range(150):
            begun.clear()
            task = asyncio.create_task(api.post(SAVE, {"input": CHECKED}))
            await begun.wait()
            # From here on the transaction is running; it has a dozen statements.
            for _ in range(chance.randrange(120)):
                await asyncio.sleep(0)
            await asyncio.sleep(chance.choice((0, 0, 0.001, 0.002, 0.004)))
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await consistent(api, 150)


async def test_clients_that_hang_up_leave_the_server_healthy(api: Api) -> None:
    chance = random.Random(8)  # noqa: S311  # repeatable on purpose
    async with serving(api.app) as address:
        for number in range(60):
            wait = chance.random() / 100
            if number % 2:
                await _hang_up_socket(address, api.token, wait)
            else:
                await _hang_up_request(address, api.token, wait)
        await consistent(api, 60)


async def _hang_up_socket(address: str, token: str, wait: float) -> None:
    async with connected(address) as socket:
        await socket.sign_in(token)
        operation = await socket.subscribe(SAVE, input=CHECKED)
        await asyncio.sleep(wait)
        if wait < 0.005:
            await socket.send(type="complete", id=operation)


async def _hang_up_request(address: str, token: str, wait: float) -> None:
    host, _, port = address.partition(":")
    body = json.dumps({"query": SAVE, "variables": {"input": CHECKED}}).encode()
    head = (
        f"POST /graphql HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode()
    _, writer = await asyncio.open_connection(host, int(port))
    cut = len(body) if wait > 0.003 else len(body) // 2
    writer.write(head + body[:cut])
    await writer.drain()
    await asyncio.sleep(wait)
    writer.transport.abort()
    with suppress(OSError, aiohttp.ClientError):
        await writer.wait_closed()
