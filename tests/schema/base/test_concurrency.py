"""Callers take turns for slots: simulated on a virtual clock, and in the whole application."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import orjson
import pytest

from schema.base.concurrency import ConcurrencyLimiter, ConcurrencyLimits, QueueFull, Slot
from schema.base.loop_share import SLICE_S, LoopShare
from schema.base.request_slot import Limiters, RequestSlot
from settings import Settings
from tests.clock import Clock
from tests.databases import Databases
from tests.graphql_client import connected, running_api, serving
from tests.listening import wire

PLENTY = 100_000


def limits(
    running: int = 4,
    caller_running: int = 4,
    waiting: int = PLENTY,
    caller_waiting: int = PLENTY,
) -> ConcurrencyLimits:
    return ConcurrencyLimits(running, waiting, caller_running, caller_waiting)


class VirtualTime:
    """A virtual clock, and the sleeps that wait for it."""

    def __init__(self) -> None:
        self.now = 0.0
        self._ahead: list[tuple[float, int, asyncio.Future[None]]] = []
        self._count = 0

    def __call__(self) -> float:
        """Return the current virtual time in seconds."""
        return self.now

    async def sleep(self, seconds: float) -> None:
        """Wait until the virtual clock has advanced by `seconds`."""
        future = asyncio.get_running_loop().create_future()
        self._count += 1
        self._ahead.append((self.now + seconds, self._count, future))
        await future

    async def run(self, until: float) -> None:
        """Advance the clock from one sleep's end to the next, up to `until`."""
        while True:
            for _ in range(20):
                await asyncio.sleep(0)
            self._ahead = [one for one in self._ahead if not one[2].done()]
            if not self._ahead or min(self._ahead)[0] > until:
                self.now = until
                return
            at, _, future = min(self._ahead)
            self.now = at
            future.set_result(None)


class World:
    """Simulated callers, each with senders that send one request after the other."""

    def __init__(self, limiter_limits: ConcurrencyLimits) -> None:
        self.time = VirtualTime()
        self.limiter = ConcurrencyLimiter(limiter_limits, self.time)
        self.used: Counter[str] = Counter()
        self.waited: dict[str, list[float]] = {}
        self.refused: Counter[str] = Counter()
        self._tasks: list[asyncio.Task[None]] = []

    def add(self, caller: str, senders: int, takes: float, pause: float = 0.0) -> None:
        """Add a caller's senders: each request takes `takes` seconds, with a pause after each."""
        self._tasks += [
            asyncio.create_task(self._send(caller, takes, pause)) for _ in range(senders)
        ]

    async def _send(self, caller: str, takes: float, pause: float) -> None:
        while True:
            came = self.time()
            try:
                slot = await self.limiter.acquire(caller)
            except QueueFull as full:
                self.refused[caller] += 1
                await self.time.sleep(full.retry_after)
                continue
            self.waited.setdefault(caller, []).append(self.time() - came)
            try:
                await self.time.sleep(takes)
                self.used[caller] += takes  # type: ignore[assignment]  # seconds
            finally:
                slot.release()
            if pause:
                await self.time.sleep(pause)

    async def run(self, seconds: float) -> None:
        """Run the simulation for some seconds, and stop all senders."""
        await self.time.run(seconds)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def jain(shares: list[float]) -> float:
    """Return Jain's fairness index of shares: 1 if all are equal, 1/n if one caller has all."""
    return sum(shares) ** 2 / (len(shares) * sum(share * share for share in shares))


async def test_callers_share_alike_however_many_senders_they_have() -> None:
    world = World(limits())
    for place, senders in enumerate((64, 16, 8, 8, 4, 4, 200)):
        world.add(f"caller {place}", senders, takes=0.01)
    await world.run(20)
    assert len(world.used) == 7
    assert jain([float(one) for one in world.used.values()]) >= 0.99


async def test_work_counts_and_not_requests() -> None:
    """A caller with slow requests gets as much time as others, with fewer requests."""
    world = World(limits())
    for caller, takes in (("long", 0.5), ("middle", 0.05), ("short", 0.005)):
        world.add(caller, 16, takes)
    await world.run(60)
    assert jain([float(one) for one in world.used.values()]) >= 0.95
    assert len(world.waited["short"]) > 50 * len(world.waited["long"])


async def test_one_with_many_senders_does_not_keep_another_waiting() -> None:
    """A caller can hold only some of the slots, so another gets one without waiting."""
    world = World(limits(running=6, caller_running=4))
    world.add("hostile", 600, takes=2.0)
    world.add("gentle", 1, takes=0.001, pause=0.05)
    await world.run(30)
    assert len(world.waited["gentle"]) > 500
    assert max(world.waited["gentle"]) == 0.0


async def test_several_with_many_senders_keep_another_waiting_for_one_slot_at_most() -> None:
    world = World(limits(running=6, caller_running=4))
    for caller in ("one", "two", "three"):
        world.add(caller, 64, takes=0.06)
    world.add("gentle", 1, takes=0.001, pause=0.03)
    await world.run(30)
    assert max(world.waited["gentle"]) <= 0.0601
    assert jain([float(world.used[one]) for one in ("one", "two", "three")]) >= 0.95


async def test_who_was_idle_has_saved_nothing_up() -> None:
    world = World(limits(running=1, caller_running=1))
    world.add("always", 4, takes=0.01)
    await world.time.run(10)
    world.add("late", 4, takes=0.01)
    before = world.used["always"]
    await world.run(20)
    assert jain([world.used["always"] - before, float(world.used["late"])]) >= 0.99


async def test_no_slot_is_lost_however_requests_are_cancelled() -> None:
    time = VirtualTime()
    limiter = ConcurrencyLimiter(limits(running=3, caller_running=2), time)
    most: Counter[str] = Counter()
    running: Counter[str] = Counter()

    async def request(caller: str, takes: float) -> None:
        slot = await limiter.acquire(caller)
        running[caller] += 1
        most[caller] = max(most[caller], running[caller])
        most["all"] = max(most["all"], running.total())
        try:
            await time.sleep(takes)
        finally:
            running[caller] -= 1
            slot.release()
            slot.release()  # the second call does nothing

    tasks = []
    for number in range(600):
        task = asyncio.create_task(request("abc"[number % 3], 0.01 + number % 7 / 100))
        tasks.append(task)
        if number % 4 == 0:  # cancelled before it begins, while it waits, or while it runs
            asyncio.get_running_loop().call_soon(tasks[number // 2].cancel)
        if number % 5 == 0:
            await time.run(time.now + 0.005)
    for task in tasks[::9]:
        task.cancel()
    await time.run(1_000)
    assert all(task.done() for task in tasks)
    assert most == {"a": 2, "b": 2, "c": 2, "all": 3}
    slots = [limiter.try_acquire(caller) for caller in "aabc"]
    assert [slot is not None for slot in slots] == [True, True, True, False]


async def test_who_is_cancelled_as_its_turn_comes_passes_it_on() -> None:
    limiter = ConcurrencyLimiter(limits(running=1))
    first = limiter.try_acquire("a")
    assert first is not None
    second, third = (asyncio.create_task(limiter.acquire("a")) for _ in range(2))
    await asyncio.sleep(0)
    first.release()
    second.cancel()  # the slot was granted, but the task has not run yet
    with pytest.raises(asyncio.CancelledError):
        await second
    assert (await third).is_held


async def test_who_is_cancelled_just_before_its_turn_is_passed_over() -> None:
    limiter = ConcurrencyLimiter(limits(running=1))
    first = limiter.try_acquire("a")
    assert first is not None
    second, third = (asyncio.create_task(limiter.acquire("a")) for _ in range(2))
    await asyncio.sleep(0)
    second.cancel()
    first.release()
    with pytest.raises(asyncio.CancelledError):
        await second
    assert (await third).is_held


async def test_a_caller_has_so_many_waiting_and_others_wait_all_the_same() -> None:
    limiter = ConcurrencyLimiter(limits(running=1, caller_waiting=2))
    held = limiter.try_acquire("hostile")
    assert held is not None
    waiting = [asyncio.create_task(limiter.acquire("hostile")) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(QueueFull) as refused:
        await limiter.acquire("hostile")
    assert (refused.value.limit, refused.value.is_own) == (2, True)
    assert 1 <= refused.value.retry_after <= 60
    gentle = asyncio.create_task(limiter.acquire("gentle"))
    exempt = asyncio.create_task(limiter.acquire("hostile", is_exempt=True))
    await asyncio.sleep(0)
    assert not gentle.done()
    held.release()
    await asyncio.sleep(0)
    assert gentle.done()  # before requests that had waited longer
    for task in (gentle, *waiting, exempt):
        (await task).release()


async def test_a_queue_that_is_full_of_one_caller_is_not_full_for_another() -> None:
    limiter = ConcurrencyLimiter(limits(running=1, waiting=3))
    held = limiter.try_acquire("hostile")
    assert held is not None
    crowd = [asyncio.create_task(limiter.acquire("hostile")) for _ in range(3)]
    await asyncio.sleep(0)
    gentle = asyncio.create_task(limiter.acquire("gentle"))
    await asyncio.sleep(0)
    with pytest.raises(QueueFull) as refused:
        await crowd[2]  # the newest request of the longest queue
    assert (refused.value.limit, refused.value.is_own) == (3, False)
    with pytest.raises(QueueFull):
        await limiter.acquire("hostile")
    held.release()
    for task in (gentle, crowd[0], crowd[1]):
        (await task).release()


async def test_the_wait_that_is_told_grows_with_the_queue_and_what_requests_take() -> None:
    world = World(limits(running=1, caller_waiting=40))
    world.add("slow", 41, takes=2.0)
    await world.time.run(50)
    with pytest.raises(QueueFull) as refused:
        await world.limiter.acquire("slow")
    assert refused.value.retry_after == 60  # 40 of 2 s each, but no longer than a minute
    await world.run(50)


async def test_callers_without_requests_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("schema.base.concurrency.MAX_IDLE_CALLERS", 10)
    limiter = ConcurrencyLimiter(limits())
    kept = limiter.try_acquire("kept")
    for number in range(1_000):
        slot = limiter.try_acquire(f"caller {number}")
        assert slot is not None
        slot.release()
    assert len(limiter._callers) <= 25
    assert kept is not None
    assert kept._caller is limiter._callers["kept"]


async def in_slot(limiter: ConcurrencyLimiter, caller: str, work: Callable[[], object]) -> Slot:
    slot = limiter.try_acquire(caller) or await limiter.acquire(caller)
    work()
    slot.release()
    return slot


async def test_a_caller_has_a_part_only_of_each_iteration_of_the_event_loop() -> None:
    """Otherwise requests that never wait would all run before those of other callers."""
    time = VirtualTime()
    limiter = ConcurrencyLimiter(limits(), time, LoopShare(time))
    happened: list[str] = []

    def work(name: str, takes: float) -> Callable[[], None]:
        def do() -> None:
            happened.append(name)
            time.now += takes

        return do

    crowd = [
        asyncio.create_task(in_slot(limiter, "hostile", work("hostile", SLICE_S * 1.5)))
        for _ in range(20)
    ]
    gentle = asyncio.create_task(in_slot(limiter, "gentle", work("gentle", 0.0001)))
    await gentle
    assert happened == ["hostile", "gentle"]
    iterations = 0
    while not all(task.done() for task in crowd):
        before = happened.count("hostile")
        await asyncio.sleep(0)
        iterations += 1
        assert happened.count("hostile") - before <= 1
    assert happened.count("hostile") == 20
    assert iterations < 100


async def test_short_requests_of_one_iteration_do_not_wait() -> None:
    time = VirtualTime()
    limiter = ConcurrencyLimiter(limits(), time, LoopShare(time))
    for _ in range(100):
        slot = limiter.try_acquire("caller")
        assert slot is not None
        time.now += SLICE_S / 200
        slot.release()


async def held_up(api: Any, monkeypatch: pytest.MonkeyPatch) -> tuple[Callable[[], None], Any]:
    """Start a query that blocks; return a function that lets it end, and its task."""
    runs, may_end = asyncio.Event(), asyncio.Event()

    async def take_long(*_: Any, **__: Any) -> tuple[list[Any], bool]:
        runs.set()
        await may_end.wait()
        return [], False

    monkeypatch.setattr("resolvers.customer.page", take_long)
    running = asyncio.create_task(api.post("{ customers { nodes { id } } }"))
    await runs.wait()
    return may_end.set, running


def noted(make: Callable[[Settings], Limiters], made: list[Limiters]) -> Any:
    """Wrap `make` so that the limiters it creates are appended to `made`."""

    def make_and_note(settings: Settings) -> Limiters:
        made.append(make(settings))
        return made[-1]

    return make_and_note


async def first_of(*others: Awaitable[Any]) -> tuple[Any, Any]:
    tasks = {asyncio.ensure_future(one) for one in others}
    (done,), (waiting,) = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    return done.result(), waiting


async def test_a_full_queue_is_503_with_a_code_and_when_to_come_back(
    databases: Databases, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running_api(databases, clock, running_requests=1, waiting_requests=1) as api:
        end, running = await held_up(api, monkeypatch)
        response, waiting = await first_of(*(api.post("{ viewer { name } }") for _ in range(2)))
        assert response.status_code == 503
        assert response.headers["retry-after"] == "1"
        assert [error["extensions"] for error in response.json()["errors"]] == [
            {"code": "OVERLOADED", "retryable": True, "retryAfterSeconds": 1, "limit": 1}
        ]
        end()
        assert (await waiting).json()["data"] == {"viewer": {"name": "Tess Tester"}}
        assert (await running).json()["data"] == {"customers": {"nodes": []}}
        told = (await api.answer("{ viewer { name } }"))["extensions"]["cost"]
        assert told["limit"] - told["remaining"] == 3  # refused requests paid nothing


async def test_a_caller_with_too_many_waiting_is_429_and_others_are_served(
    databases: Databases, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running_api(
        databases, clock, running_requests=2, caller_running_requests=1, caller_waiting_requests=1
    ) as api:
        other = await api.token_for(name="Another")
        end, running = await held_up(api, monkeypatch)
        response, waiting = await first_of(*(api.post("{ viewer { name } }") for _ in range(2)))
        assert (response.status_code, response.headers["retry-after"]) == (429, "1")
        (error,) = response.json()["errors"]
        assert error["message"].startswith("1 of your requests are already waiting")
        assert error["extensions"] == {
            "code": "RATE_LIMITED",
            "retryable": True,
            "retryAfterSeconds": 1,
            "limit": 1,
        }
        gentle = await api.post("{ viewer { name } }", token=other)
        assert gentle.json()["data"] == {"viewer": {"name": "Another"}}
        assert not waiting.done()
        end()
        assert (await waiting).status_code == (await running).status_code == 200


async def test_a_websocket_and_the_other_routes_wait_in_the_same_queue(
    databases: Databases, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Limiters] = []
    monkeypatch.setattr(Limiters, "of", noted(Limiters.of, made))
    async with (
        running_api(
            databases, clock, running_requests=1, caller_running_requests=1,
            caller_waiting_requests=1,
        ) as api,
        serving(api.app) as host,
        connected(host) as socket,
    ):  # fmt: skip
        await socket.sign_in(api.token)
        end, running = await held_up(api, monkeypatch)
        waiting = asyncio.create_task(api.post("{ viewer { name } }"))
        while not made[0].queries._waiting:  # noqa: ASYNC110  # it tells nobody
            await asyncio.sleep(0)
        operation = await socket.subscribe("{ viewer { name } }")
        message = await socket.receive()
        assert (message["type"], message["id"]) == ("error", operation)
        wanted = {"code": "RATE_LIMITED", "retryable": True, "retryAfterSeconds": 1, "limit": 1}
        assert message["payload"][0]["extensions"] == wanted
        headers = {"Authorization": f"Bearer {api.token}"}
        for path in ("/schema.graphql", "/exports/consent-evidence.csv?customerId=x"):
            response = await api.http.get(path, headers=headers)
            assert (response.status_code, response.headers["retry-after"]) == (429, "1")
            assert response.json()["errors"][0]["extensions"] == wanted
            plain = (await api.http.get(path, headers={**headers, "Accept": "text/html"})).text
            assert plain.startswith("1 of your requests")
            assert plain.endswith(" Try again in 1 s.\n")
        end()
        await asyncio.gather(running, waiting)
        assert (await socket.ask("{ viewer { name } }"))["data"]["viewer"]["name"] == "Tess Tester"


VIEWER = "{ viewer { name } }"
SAVE = 'mutation { saveCustomerClass(input: {name: "Late"}) { userErrors { code } } }'


@pytest.mark.parametrize(("name", "document"), [("queries", VIEWER), ("mutations", SAVE)])
async def test_a_request_whose_client_leaves_while_it_waits_is_withdrawn(
    databases: Databases, clock: Clock, monkeypatch: pytest.MonkeyPatch, name: str, document: str
) -> None:
    made: list[Limiters] = []
    monkeypatch.setattr(Limiters, "of", noted(Limiters.of, made))
    begun: list[RequestSlot] = []

    def note(slot: RequestSlot) -> None:
        begun.append(slot)

    monkeypatch.setattr(RequestSlot, "start_work", note)
    async with (
        running_api(databases, clock, running_requests=1, writing_requests=1) as api,
        serving(api.app) as address,
        wire(address) as stays,
        AsyncExitStack() as leaving,
    ):
        limiter: ConcurrencyLimiter = getattr(made[0], name)
        held = limiter.try_acquire("another")
        assert held is not None
        body = orjson.dumps({"query": document})
        request = (
            f"POST /graphql HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {api.token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        ).encode() + body
        left = [await leaving.enter_async_context(wire(address)) for _ in range(5)]
        for client in left:
            await client.send(request)
        await until(lambda: limiter._waiting == 5)
        await leaving.aclose()
        await stays.send(request)
        await until(lambda: limiter._waiting == 6)
        assert begun == []
        held.release()
        assert (await stays.head()).startswith("HTTP/1.1 200")
        assert len(begun) == 1
        assert (limiter._waiting, limiter._free) == (0, 1)


async def test_a_long_query_whose_client_has_hung_up_behind_it_is_not_begun(
    databases: Databases, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone: list[bool] = []
    monkeypatch.setattr(
        Limiters, "request", lambda self, caller, _: RequestSlot(self, caller, lambda: bool(gone))
    )
    async with running_api(databases, clock) as api:
        monkeypatch.setattr("schema.base.request_slot.asyncio.sleep", lambda _: abort_connection())

        async def abort_connection() -> None:
            gone.append(True)

        assert (await api.post(VIEWER)).json()["data"] == {"viewer": {"name": "Tess Tester"}}
        assert (await api.post(VIEWER.ljust(1_001))).status_code == 400
        assert gone == [True]


async def until(is_so: Callable[[], bool]) -> None:
    """Run other tasks until `is_so()` is true."""
    async with asyncio.timeout(60):
        while not is_so():  # noqa: ASYNC110  # it tells nobody
            await asyncio.sleep(0.001)
