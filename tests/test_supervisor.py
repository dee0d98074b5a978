"""`serve --processes`: real processes that are killed, replaced and stopped under load."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import ExitStack, suppress

import pytest

from commands.sockets import shared_sockets
from tests.databases import Databases
from tests.keep_alive_clients import Load, clients
from tests.listening import ENOUGH_S
from tests.processes import run
from tests.scraping import scrape
from tests.services import Service, lives, service


@pytest.fixture
async def url(databases: Databases) -> AsyncIterator[str]:
    made = await databases.create()
    yield made
    await databases.give_back(made)


async def gone(pids: list[int]) -> None:
    """Wait until processes have ended."""
    async with asyncio.timeout(ENOUGH_S):
        while any(lives(pid) for pid in pids):  # noqa: ASYNC110  # they are no children of ours
            await asyncio.sleep(0.01)


async def answers_of_new_clients(served: Service, count: int) -> Load:
    """Let new clients get one answer each."""
    load = Load(served.address, served.token, is_over=False)

    async def one() -> None:
        async with clients(served.address, served.token, 1) as sent:
            await sent.answers(1)
        load.answered += sent.answered
        load.failures += sent.failures

    await asyncio.gather(*(one() for _ in range(count)))
    return load


async def test_a_killed_process_comes_back_while_the_others_serve(url: str) -> None:
    async with service(DATABASE_URL=url) as served:
        victim, other = served.pids
        async with clients(served.address, served.token) as load:
            await load.answers(20)
            os.kill(victim, signal.SIGKILL)
            (died,) = await served.logged("process_died")
            await load.answers(20)
            await served.logged("started", 3, role="serve")
            await load.answers(20)
        assert (died["pid"], died["reason"], died["restart_in_s"]) == (victim, "SIGKILL", 0)
        assert load.statuses == {200}
        # Only what the killed process was answering, or had kept open, is lost.
        assert len(load.failures) <= 6
        assert "TimeoutError" not in load.failures
        assert lives(other)
        assert len(set(served.pids)) == 3


async def test_connections_to_a_process_that_is_stuck_are_served_by_another(url: str) -> None:
    async with service(DATABASE_URL=url) as served:
        stuck, _ = served.pids
        os.kill(stuck, signal.SIGSTOP)
        # The kernel gives about half of them to the socket of the process that is stuck.
        load = await answers_of_new_clients(served, 16)
        os.kill(stuck, signal.SIGCONT)
        assert load.failures == []
        assert load.answered >= 16
        assert served.lines_of("process_died") == []


async def test_all_processes_are_replaced_on_sighup_without_a_failed_request(url: str) -> None:
    async with service("--worker", DATABASE_URL=url, KEEP_ALIVE_S="600") as served:
        before = served.pids
        (worker,) = [line["pid"] for line in served.lines_of("started", role="worker")]
        async with clients(served.address, served.token) as load:
            await load.answers(20)
            served.process.send_signal(signal.SIGHUP)
            await served.logged("reloaded")
            await load.answers(20)
        after = served.pids[2:]
        assert load.failures == []
        assert load.statuses == {200}
        assert load.announced > 0
        assert len(after) == 2
        assert not {worker, *before} & set(after)
        await gone([worker, *before])
        stopped = served.lines_of("stopped", role="serve")
        assert [line["reason"] for line in stopped] == ["retired", "retired"]
        assert served.lines_of("process_died") == []
        # There were never two workers: the second one started after the first one had stopped.
        events = [line["event"] for line in served.lines if line.get("role") == "worker"]
        assert events == ["started", "stopped", "started"]
        assert await served.end(signal.SIGTERM) == -signal.SIGTERM


@pytest.mark.parametrize("drain_s", ["0", "1"])
async def test_on_sigterm_all_processes_drain_and_then_end(url: str, drain_s: str) -> None:
    async with service(DATABASE_URL=url, DRAIN_S=drain_s) as served:
        pids = served.pids
        async with clients(served.address, served.token) as load:
            await load.answers(20)
            served.process.send_signal(signal.SIGTERM)
            if drain_s != "0":
                await served.logged("draining", 2)
                await load.answers(5)
                assert load.failures == []
            assert await served.ended() == -signal.SIGTERM
        assert load.statuses == {200}
        assert "TimeoutError" not in load.failures
        assert not any(lives(pid) for pid in pids)
        stopped = served.lines_of("stopped")
        assert sorted(line["role"] for line in stopped) == ["serve", "serve", "supervisor"]
        assert {line["reason"] for line in stopped} == {"SIGTERM"}
        assert served.lines_of("process_died") == []


def ports_in_a_row(count: int) -> int:
    """Return the first of some free ports that follow each other."""
    while True:
        with ExitStack() as stack:
            (first,) = shared_sockets("127.0.0.1", 0, 1)
            stack.enter_context(first)
            port: int = first.getsockname()[1]
            with suppress(OSError, OverflowError):
                for number in range(port + 1, port + count):
                    stack.enter_context(shared_sockets("127.0.0.1", number, 1)[0])
                return port


async def test_each_process_has_a_port_for_its_metrics_and_keeps_it_on_sighup(url: str) -> None:
    first = ports_in_a_row(3)
    async with service("--worker", DATABASE_URL=url, METRICS_PORT=str(first)) as served:
        async with clients(served.address, served.token) as load:
            await load.answers(20)
        pages = [await scrape(f"127.0.0.1:{first + place}") for place in range(3)]
        counts = [page.of("http_requests_total", route="/graphql", status="200") for page in pages]
        assert sum(counts) == load.answered
        assert counts[2] == 0  # the worker's
        served.process.send_signal(signal.SIGHUP)
        await served.logged("reloaded")
        await gone(served.pids[:2])
        for place in range(3):
            page = await scrape(f"127.0.0.1:{first + place}")
            assert page.of("http_requests_total", route="/graphql", status="200") == 0


@pytest.mark.parametrize("metrics_port", ["9100", "9099", "65535"])
async def test_a_port_of_metrics_that_is_taken_by_the_api_is_refused(
    url: str, metrics_port: str
) -> None:
    status, out, err = await run(
        *("serve", "--processes", "2", "--no-worker"),
        PORT="9100",
        METRICS_PORT=metrics_port,
        DATABASE_URL=url,
    )
    assert (status, out) == (2, "")
    assert "METRICS_PORT" in err


async def test_without_its_supervisor_no_process_goes_on(url: str) -> None:
    async with service("--worker", DATABASE_URL=url) as served:
        pids = [line["pid"] for line in served.lines_of("started") if line["role"] != "supervisor"]
        served.process.send_signal(signal.SIGKILL)
        await gone(pids)
        assert await served.ended() == -signal.SIGKILL
        stopped = served.lines_of("stopped")
        assert sorted(line["role"] for line in stopped) == ["serve", "serve", "worker"]


async def test_a_port_of_another_service_is_refused(url: str) -> None:
    """Sharing a port must not mean that two services share it."""
    (taken,) = shared_sockets("127.0.0.1", 0, 1)
    port = taken.getsockname()[1]
    with taken:
        status, out, err = await run(
            "serve", "--processes", "2", PORT=str(port), DATABASE_URL=url, LOG_FORMAT="json"
        )
    assert (status, out) == (3, "")
    assert '"reason":"start_failed"' in err
    assert "Address already in use" in err


async def test_a_service_that_cannot_start_ends(url: str) -> None:
    """The first start fails as that of one process does; nothing is tried again."""
    wrong = (
        "sqlite:///proc/nowhere/x.sqlite3"
        if url.startswith("sqlite")
        else "postgres://nobody@127.0.0.1:9/x"
    )
    status, out, err = await run(
        "serve", "--processes", "2", PORT="0", DATABASE_URL=wrong, LOG_FORMAT="json"
    )
    assert status not in {0, None}
    assert out == ""
    assert '"event":"process_died"' not in err


async def test_development_serves_with_one_process() -> None:
    status, _, err = await run("serve", "--development", "--processes", "2")
    assert status == 2
    assert "--development serves with one process." in err
