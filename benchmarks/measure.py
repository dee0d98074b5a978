"""Runs a measurement: check, warm up, load in interleaved rounds, measure memory."""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import orjson

from benchmarks.compare import check_equal
from benchmarks.load import Load, Measured, Numbers
from benchmarks.operations import (
    COLD,
    OPERATIONS,
    Dialect,
    Operation,
    before_last_page,
    cursor_operations,
)
from benchmarks.seed import Data
from benchmarks.servers import SERVERS, Running, Server, missing_for, running

DOCUMENTS = 4_000
"""How many different documents to send to measure the memory that a server keeps for them."""

LONGER_TURNS = 3
"""The most attempts per turn, each four times longer than the one before.

A turn is repeated until each connection has had an answer.
"""


@dataclass(frozen=True, slots=True)
class Plan:
    """The options of the command line."""

    size: int
    seconds: float
    rounds: int
    warm_up: float
    concurrency: int
    log_level: str
    servers: tuple[str, ...]
    operations: tuple[str, ...]
    with_documents: bool

    def wants(self, operation: Operation) -> bool:
        """Return whether an operation is selected."""
        return not self.operations or operation.key in self.operations


@dataclass(slots=True)
class Outcome:
    """The results on one database."""

    database: str
    version: str
    titles: dict[str, str] = field(default_factory=dict)
    operations: dict[str, str] = field(default_factory=dict)
    rounds: dict[str, dict[str, list[Measured]]] = field(default_factory=dict)
    memory_mb: dict[str, dict[str, float]] = field(default_factory=dict)
    skipped: list[str] = field(default_factory=list)
    compared: int = 0

    def note(self, operation: Operation, server: str, measured: Measured) -> None:
        """Add the figures of a turn."""
        self.operations[operation.key] = operation.title
        self.rounds.setdefault(operation.key, {}).setdefault(server, []).append(measured)

    def as_dict(self) -> dict[str, Any]:
        """Return the results for JSON."""
        return {
            "database": self.database,
            "version": self.version,
            "servers": self.titles,
            "operations": self.operations,
            "rounds": {
                key: {name: [turn.as_dict() for turn in turns] for name, turns in servers.items()}
                for key, servers in self.rounds.items()
            },
            "memory_mb": self.memory_mb,
            "skipped": self.skipped,
            "answers_compared": self.compared,
        }


class Measurement:
    """A measurement on one seeded database."""

    def __init__(self, data: Data, plan: Plan) -> None:
        self._data = data
        self._plan = plan
        self._load = Load(plan.size, plan.concurrency, Numbers())

    async def run(self) -> Outcome:
        """Start the servers, measure, and stop them."""
        outcome = Outcome(self._data.key, await self._data.version())
        async with AsyncExitStack() as stack:
            alive = []
            for server in self._wanted(outcome):
                alive.append(
                    await stack.enter_async_context(
                        running(server, self._data, self._plan.log_level)
                    )
                )
                outcome.titles[server.key] = server.title
            await self._measure(alive, outcome)
        return outcome

    def _wanted(self, outcome: Outcome) -> list[Server]:
        chosen = []
        for server in SERVERS:
            if self._data.key not in server.databases or server.key not in self._plan.servers:
                continue
            if reason := missing_for(server):
                print(reason, flush=True)
                outcome.skipped.append(reason)
            else:
                chosen.append(server)
        return chosen

    async def _measure(self, alive: list[Running], outcome: Outcome) -> None:
        warm = [one for one in OPERATIONS if self._plan.wants(one)]
        cold = [one for one in COLD if self._plan.wants(one)]
        cursors = [one for one in await self._cursor_operations(alive) if self._plan.wants(one)]
        # Measure writes last: rows that one server stores appear in the pages of all servers.
        asked = sorted([*warm, *cursors, *cold], key=lambda operation: operation.writes)
        outcome.compared = await check_equal(self._load, alive, asked)
        await self._data.sweep()
        print(f"{outcome.compared} answers are equal", flush=True)
        for server in alive:
            outcome.memory_mb[server.key] = {"at start": await server.memory_mb()}
        await self._rounds(alive, [*warm, *cursors], outcome)
        for server in alive:
            outcome.memory_mb[server.key]["after the run"] = await server.memory_mb()
        await self._rounds(alive, cold, outcome)
        if self._plan.with_documents:
            await self._send_documents(alive, outcome)

    async def _rounds(
        self, alive: list[Running], operations: Sequence[Operation], outcome: Outcome
    ) -> None:
        for turn in range(self._plan.rounds):
            # Rotate the order, because caches are colder for the first server of a round.
            order = alive[turn % len(alive) :] + alive[: turn % len(alive)]
            for operation in operations:
                for server in order:
                    if server.supports(operation):
                        await self._turn(server, operation, outcome, turn)

    async def _turn(
        self, server: Running, operation: Operation, outcome: Outcome, turn: int
    ) -> None:
        if self._plan.warm_up:
            await self._load.put(server, operation, self._plan.warm_up)
        measured, seconds = None, self._plan.seconds
        for _ in range(LONGER_TURNS):
            measured = await self._load.put(server, operation, seconds)
            if measured is not None and measured.requests >= self._plan.concurrency:
                break
            seconds *= 4
        if operation.writes:
            await self._data.sweep()
        if measured is None:
            outcome.skipped.append(f"{server.server.title} answered nothing to {operation.key}.")
            return
        outcome.note(operation, server.key, measured)
        print(
            f"{self._data.key} {turn + 1}/{self._plan.rounds} {operation.key:8}"
            f" {server.key:13} {measured.per_second:9.1f}/s"
            f" p50 {measured.p50_ms:8.1f} p99 {measured.p99_ms:8.1f} ms",
            flush=True,
        )

    async def _cursor_operations(self, alive: Sequence[Running]) -> Sequence[Operation]:
        cursors: dict[Dialect, str] = {}
        for server in alive:
            if server.key not in {"ours", "postgraphile"}:
                continue
            query = before_last_page(server.server.dialect, self._plan.size)
            data = (await self._load.send(server, [orjson.dumps({"query": query}).decode()]))[0]
            cursors[server.server.dialect] = data["customers"]["pageInfo"]["startCursor"]
        return cursor_operations(cursors) if cursors else ()

    async def _send_documents(self, alive: Sequence[Running], outcome: Outcome) -> None:
        operation = COLD[1]
        for server in alive:
            if not server.supports(operation):
                continue
            bodies = operation.bodies(server.server.dialect, self._plan.size)
            for start in range(0, DOCUMENTS, len(bodies)):
                await self._load.send(server, bodies[: DOCUMENTS - start])
            await server.wait_until_idle()
            memory = outcome.memory_mb[server.key]
            memory[f"after {DOCUMENTS} documents"] = await server.memory_mb()
