"""Metrics of real processes: a server and a worker that are started by `manage.py`."""

import asyncio
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from tests.listening import ENOUGH_S
from tests.processes import ask, line_with, run, start, stop
from tests.scraping import scrape


@asynccontextmanager
async def running(*arguments: str, **settings: str) -> AsyncIterator[Process]:
    process = await start(*arguments, **settings)
    try:
        yield process
    finally:
        await stop(process)


async def test_a_server_and_a_worker_are_scraped_beside_their_ports(tmp_path: Path) -> None:
    settings = {
        "DATABASE_URL": f"sqlite://{tmp_path}/metrics.sqlite3",
        "MAILBOX": f"{tmp_path}/mailbox",
        "METRICS_PORT": "0",
    }
    async with running("serve", "--development", "--no-worker", PORT="0", **settings) as server:
        url = await line_with(server, "GraphQL ")
        token = await line_with(server, "Token ")
        page = await line_with(server, "Metrics http://")
        before = await scrape(page, path="")
        assert (await ask(url, token, "query Ours { viewer { name } }"))[0] == 200
        assert (await ask(url, "ccl_wrong", "{ viewer { name } }"))[0] == 401
        add = """mutation { saveCustomer(input: { name: "Acme", classCode: "CHARITY" }) {
          customer { id } userErrors { code } } }"""
        assert (await ask(url, token, add))[0] == 200
        found = await scrape(page, path="")
        assert found.since(before, "operations_total") == {
            ("platform", "viewer", "ok", "query"): 1,
            ("anonymous", "none", "refused", "none"): 1,
            ("platform", "saveCustomer", "ok", "mutation"): 1,
        }
        assert found.since(before, "http_requests_total") == {
            ("/graphql", "200"): 2,
            ("/graphql", "401"): 1,
        }
        assert "process_resident_memory_bytes" in found.text
        assert "Ours" not in found.text
        async with (
            aiohttp.ClientSession() as session,
            session.get(url.replace("/graphql", "/metrics")) as response,
        ):
            assert response.status == 404
        worker_settings = {**settings, "PUBLIC_URL": "http://billing.example"}
        async with running("worker", **worker_settings) as worker:
            page = await line_with(worker, "Metrics http://")
            async with asyncio.timeout(ENOUGH_S):
                # Counts of the tables are cached, so the first page may be of before the heartbeat.
                while (seen := await scrape(page, path="")).of("workers_alive") < 1:  # noqa: ASYNC110
                    await asyncio.sleep(0.2)
            assert seen.of("tables_readable") == 1
            assert seen.of("database_statement_seconds_count", work="background") > 0
            assert seen.of("database_statement_seconds_count", work="request") == 0


async def test_a_worker_serves_metrics_beside_its_probes_if_the_ports_are_the_same(
    tmp_path: Path, unused_tcp_port: int
) -> None:
    settings = {"DATABASE_URL": f"sqlite://{tmp_path}/metrics.sqlite3"}
    assert (await run("migrate", **settings))[0] == 0
    port = str(unused_tcp_port)
    async with running(
        "worker", "--kinds", "import", "--health-port", port, METRICS_PORT=port, **settings
    ) as worker:
        address = (await line_with(worker, "Health http://")).removesuffix("/healthz")
        assert address == f"127.0.0.1:{port}"
        assert (await scrape(address)).of("tables_readable") == 1
    other = {"METRICS_PORT": "0", **settings}
    async with running("worker", "--kinds", "import", "--health-port", port, **other) as worker:
        page = await line_with(worker, "Metrics http://")
        address = (await line_with(worker, "Health http://")).removesuffix("/healthz")
        assert (await scrape(page, path="")).of("tables_readable") == 1
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://{address}/metrics") as response,
        ):
            assert response.status == 404


async def test_a_port_in_use_is_a_clear_error(tmp_path: Path) -> None:
    settings = {"DATABASE_URL": f"sqlite://{tmp_path}/metrics.sqlite3"}
    assert (await run("migrate", **settings))[0] == 0
    taken = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    async with taken:
        port = str(taken.sockets[0].getsockname()[1])
        status, _, err = await run("worker", "--kinds", "import", METRICS_PORT=port, **settings)
        assert status == 1
        assert "OSError: Address already in use" in err
        status, _, err = await run("serve", PORT="0", METRICS_PORT=port, **settings)
        assert status != 0
        assert "start_failed" in err
        assert "Traceback" not in err
