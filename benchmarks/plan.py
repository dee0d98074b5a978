"""Measures how much CPU time plans save: the same operations with and without plans.

Run it from the checkout as `python -m benchmarks.plan`. Documents are parsed and validated once and
objects are in memory, so only execution is measured: the medians of interleaved rounds.
"""

import asyncio
import statistics
import time
from datetime import UTC, datetime
from enum import Enum
from typing import Any, cast

import strawberry
from graphql import DocumentNode, ExecutionResult, execute, parse
from strawberry.execution import optimized_is_awaitable
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from schema.engine.plan import PlannedExecution

ROUNDS = 15
FIELDS = "id name accountNumber status isActive version createdAt balance"


@strawberry.enum
class Status(Enum):
    OPEN = "open"
    CLOSED = "closed"


@strawberry.type
class Group:
    id: strawberry.ID
    name: str


@strawberry.interface
class Node:
    id: strawberry.ID


@strawberry.type
class Account(Node):
    name: str
    account_number: str
    status: Status
    is_active: bool
    version: int
    created_at: datetime
    balance: float | None
    group: Group

    @strawberry.field
    async def computed(self) -> str:
        return self.name


GROUPS = [Group(id=strawberry.ID(str(number)), name=f"group {number}") for number in range(20)]
ACCOUNTS = [
    Account(
        id=strawberry.ID(str(number)),
        name=f"account {number}",
        account_number=f"A-{number:06}",
        status=Status.CLOSED if number % 3 else Status.OPEN,
        is_active=bool(number % 2),
        version=number,
        created_at=datetime(2026, 1, 1, 12, tzinfo=UTC),
        balance=number / 3 if number % 5 else None,
        group=GROUPS[number % 20],
    )
    for number in range(500)
]


@strawberry.type
class Query:
    @strawberry.field
    async def accounts(self, first: int) -> list[Account]:
        return ACCOUNTS[:first]


CASES = {
    "1 object": (1, FIELDS),
    "50 objects": (50, FIELDS),
    "500 objects, each with another": (500, f"{FIELDS} group {{ id name }}"),
    "50 objects, each with a resolver": (50, f"{FIELDS} computed"),
}


async def run() -> None:
    schema = strawberry.Schema(Query)._schema
    kinds: dict[str, type[Any]] = {
        "off": StrawberryGraphQLCoreExecutionContext,
        "on": PlannedExecution,
    }

    async def once(document: DocumentNode, kind: str) -> ExecutionResult:
        is_awaitable: Any = optimized_is_awaitable
        executor = kinds[kind]
        result: Any = execute(schema, document, is_awaitable=is_awaitable, executor_class=executor)
        return cast("ExecutionResult", await result)

    print(f"{'':34}{'off, ms':>10}{'on, ms':>10}{'ratio':>8}{'first, ms':>11}")
    for title, (count, fields) in CASES.items():
        document = parse(f"{{ accounts(first: {count}) {{ {fields} }} }}")
        times: dict[str, list[float]] = {kind: [] for kind in kinds}
        repeats = 2500 // count
        started = time.process_time()
        await once(document, "on")
        first = time.process_time() - started
        for _ in range(ROUNDS):
            for kind in kinds:
                started = time.process_time()
                for _ in range(repeats):
                    await once(document, kind)
                times[kind].append((time.process_time() - started) / repeats * 1000)
        off, on = (statistics.median(times[kind]) for kind in kinds)
        print(f"{title:34}{off:10.3f}{on:10.3f}{off / on:8.1f}{first * 1000:11.3f}")


if __name__ == "__main__":
    asyncio.run(run())
