"""The upper bound: a server with only the measured operations, on asyncpg and orjson."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from benchmarks.peers.written_rows import BARE, WHOLE, new_rows

AT_ONCE = 4
"""The most concurrent reads; more would only wait for connections."""

WHOLE_CUSTOMER = """SELECT c.id, c.account_number, c.name, c.company_number, c.version,
  c.created_at, k.id, k.name, k.code FROM customer c
  JOIN customer_class k ON k.id = c.customer_class_id"""
ONE = WHOLE_CUSTOMER + " WHERE c.id = $1 AND c.erased_at IS NULL"
PAGE = (
    WHOLE_CUSTOMER
    + """ WHERE c.customer_class_id = ANY ($1) AND c.erased_at IS NULL
  ORDER BY c.name_key, c.id LIMIT 50"""
)
COUNT = "SELECT count(*) FROM customer WHERE customer_class_id = ANY ($1) AND erased_at IS NULL"
HISTORY = """SELECT customer_id, id, reason, changed_by, changed_at FROM class_change
  WHERE customer_id = ANY ($1) ORDER BY changed_at, id"""
CLASSES = """SELECT id, name FROM customer_class WHERE retired_at IS NULL
  ORDER BY display_position, name_key, id LIMIT 20"""
FIRST_OF_CLASSES = """SELECT k.id, f.id, f.name, f.account_number
  FROM unnest($1::text[]) AS k(id) CROSS JOIN LATERAL (
    SELECT id, name, account_number FROM customer
    WHERE customer_class_id = k.id AND erased_at IS NULL ORDER BY name_key, id LIMIT 5) AS f"""
LARGE = """SELECT id, account_number, external_reference, name, company_number, created_at,
  last_modified_at, version FROM customer WHERE erased_at IS NULL ORDER BY name_key, id LIMIT 500"""
LARGE_HISTORY = """SELECT customer_id, id, reason, changed_by FROM class_change
  WHERE customer_id = ANY ($1) ORDER BY changed_at, id"""
CLASS = "SELECT id, name FROM customer_class WHERE id = $1 FOR SHARE"

Fetch = Callable[..., Awaitable[list[Any]]]


def customers_of(rows: list[Any], changes: list[Any]) -> list[dict[str, Any]]:
    """Return customers with their class and history."""
    histories: dict[str, list[dict[str, Any]]] = {row[0]: [] for row in rows}
    for owner, change_id, reason, by, at in changes:
        histories[owner].append(
            {"id": change_id, "reason": reason, "changedBy": by, "changedAt": at}
        )
    return [
        {
            "id": row[0],
            "accountNumber": row[1],
            "name": row[2],
            "companyNumber": row[3],
            "version": row[4],
            "createdAt": row[5],
            "customerClass": {"id": row[6], "name": row[7], "code": row[8]},
            "classHistory": histories[row[0]],
        }
        for row in rows
    ]


def large_customers_of(rows: list[Any], changes: list[Any]) -> list[dict[str, Any]]:
    """Return customers of many fields with their history."""
    histories: dict[str, list[dict[str, Any]]] = {row[0]: [] for row in rows}
    for owner, change_id, reason, by in changes:
        histories[owner].append({"id": change_id, "reason": reason, "changedBy": by})
    return [
        {
            "id": row[0],
            "accountNumber": row[1],
            "externalReference": row[2],
            "name": row[3],
            "companyNumber": row[4],
            "createdAt": row[5],
            "lastModifiedAt": row[6],
            "version": row[7],
            "classHistory": histories[row[0]],
        }
        for row in rows
    ]


def classes_of(classes: list[Any], rows: list[Any]) -> dict[str, Any]:
    """Return classes with their first customers."""
    members: dict[str, list[dict[str, Any]]] = {row[0]: [] for row in classes}
    for owner, customer_id, name, number in rows:
        members[owner].append({"id": customer_id, "name": name, "accountNumber": number})
    return {
        "customerClasses": {
            "nodes": [
                {"id": row[0], "name": row[1], "customers": {"nodes": members[row[0]]}}
                for row in classes
            ]
        }
    }


async def read(fetch: Fetch, operation: str, variables: dict[str, Any]) -> dict[str, Any]:
    """Return the data of a query."""
    if operation == "Q1":
        rows = await fetch(ONE, variables["id"])
        changes = await fetch(HISTORY, [variables["id"]])
        return {"customer": next(iter(customers_of(rows, changes)), None)}
    if operation in {"Q2", "Q3"}:
        wanted = [variables["classId"]]
        rows = await fetch(PAGE, wanted)
        page: dict[str, Any] = {
            "nodes": customers_of(rows, await fetch(HISTORY, [row[0] for row in rows]))
        }
        if operation == "Q3":
            page["totalCount"] = (await fetch(COUNT, wanted))[0][0]
        return {"customers": page}
    if operation == "Q4":
        classes = await fetch(CLASSES)
        return classes_of(classes, await fetch(FIRST_OF_CLASSES, [row[0] for row in classes]))
    rows = await fetch(LARGE)
    changes = await fetch(LARGE_HISTORY, [row[0] for row in rows])
    return {"customers": {"nodes": large_customers_of(rows, changes)}}


async def write(connection: Any, operation: str, wanted: dict[str, Any]) -> dict[str, Any]:
    """Store a customer: its bare row, or all the rows that the project writes with it."""
    if operation == "Q5":
        row = (await connection.fetch(CLASS.removesuffix(" FOR SHARE"), wanted["classId"]))[0]
        statement, values = new_rows(wanted, BARE)[0]
        await connection.execute(statement, *values)
    else:
        async with connection.transaction():
            row = (await connection.fetch(CLASS, wanted["classId"]))[0]
            for statement, values in new_rows(wanted, WHOLE):
                await connection.execute(statement, *values)
            await connection.execute("SELECT pg_notify($1, '')", "jobs")
    customer = {
        "name": wanted["name"],
        "companyNumber": wanted["companyNumber"],
        "version": 1,
        "customerClass": {"id": row[0], "name": row[1]},
    }
    return {"saveCustomer": {"customer": customer, "userErrors": []}}


def json_answer(data: dict[str, Any]) -> Response:
    """Return a response with `data` as JSON; orjson serialises datetimes."""
    return Response(orjson.dumps({"data": data}), media_type="application/json")


def create_app() -> Starlette:
    """Return the application."""
    pools: list[Any] = []
    admitted = asyncio.Semaphore(AT_ONCE)

    async def skip_reset(_: Any) -> None:
        """Skip asyncpg's reset query, because nothing changes the connection's settings."""

    async def as_json(connection: Any) -> None:
        await connection.set_type_codec(
            "jsonb", schema="pg_catalog", encoder=str, decoder=str, format="text"
        )

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        size = int(os.environ.get("DATABASE_POOL_SIZE", "12"))
        async with asyncpg.create_pool(
            os.environ["DATABASE_URL"], min_size=1, max_size=size, reset=skip_reset, init=as_json
        ) as pool:
            pools.append(pool)
            yield

    async def answer(request: Request) -> Response:
        body = orjson.loads(await request.body())
        operation, variables = body["operationName"], body["variables"]
        if operation.startswith("Q5"):
            # Writes are not limited, because concurrent commits share one disk flush.
            async with pools[0].acquire() as connection:
                return json_answer(await write(connection, operation, variables["input"]))
        async with admitted, pools[0].acquire() as connection:
            return json_answer(await read(connection.fetch, operation, variables))

    return Starlette(routes=[Route("/graphql", answer, methods=["POST"])], lifespan=lifespan)


if __name__ == "__main__":
    uvicorn.run(create_app(), port=int(os.environ["PORT"]), log_level="error", access_log=False)
