"""Calls of bulk mutations at once: each result is that of some order, and nobody waits for ever."""

import asyncio
from collections import Counter
from typing import Any

from models import Customer
from models.storage.sql import is_postgres, run
from tests.bulk_rows import bulk, customer, told
from tests.graphql_client import Api, Json

MANY = 12


async def deadlocks() -> int:
    """Return how many deadlocks PostgreSQL has counted in this database; 0 on SQLite."""
    if not is_postgres():
        return 0
    text = (
        "SELECT pg_stat_get_db_deadlocks(oid) FROM pg_database WHERE datname = current_database()"
    )
    ((count,),) = await run(text, ())
    return int(count)


async def test_calls_that_change_the_same_customers_in_different_order(api: Api) -> None:
    made = await bulk(api, "saveCustomers", [customer(number, 1) for number in range(MANY)])
    ids = [one["customer"]["id"] for one in made["results"]]
    before = await deadlocks()

    def rows(name: str, order: list[int]) -> list[Json]:
        return [
            {"id": ids[number], "name": f"{name} {number}"}
            if number % 2
            else customer(number, onConflict="UPDATE", name=f"{name} {number}")
            for number in order
        ]

    forwards, backwards = list(range(MANY)), list(reversed(range(MANY)))
    calls: list[Any] = []
    for name in ("A", "B", "C", "D"):
        order = forwards if name in "AC" else backwards
        calls.append(bulk(api, "saveCustomers", rows(name, order)))
    for payload in await asyncio.gather(*calls):
        assert (payload["savedCount"], told(payload)) == (MANY, [])
    names = [one.name for one in await Customer.filter(id__in=ids)]
    assert len({name.split()[0] for name in names}) == 1  # a whole call came last
    assert {one.version for one in await Customer.filter(id__in=ids)} == {5}
    assert await deadlocks() == before


async def test_calls_that_create_the_same_customers_create_them_once(api: Api) -> None:
    for conflict, saved in (("REFUSE", MANY), ("UPDATE", 2 * MANY)):
        rows = [customer(1000 * saved + number, 1, onConflict=conflict) for number in range(MANY)]
        for row in rows:
            row["contacts"][0]["onConflict"] = conflict
        both = await asyncio.gather(
            bulk(api, "saveCustomers", rows, rowPolicy="REFUSE_FAILED_ROWS"),
            bulk(api, "saveCustomers", list(reversed(rows)), rowPolicy="REFUSE_FAILED_ROWS"),
        )
        assert sum(one["savedCount"] for one in both) == saved
        codes = {code for one in both for code, _ in told(one)}
        assert codes == ({"ALREADY_EXISTS"} if conflict == "REFUSE" else set())
        references = [row["externalReference"] for row in rows]
        found = await Customer.filter(external_reference__in=references)
        assert Counter(one.external_reference for one in found) == Counter(references)


async def test_a_number_that_is_taken_meanwhile_is_told(api: Api) -> None:
    """Account numbers are not locked: a call that meets one runs again, and sees it."""
    rows = [customer(number, accountNumber=f"N-{number}") for number in range(MANY)]
    others = [customer(100 + number, accountNumber=f"n-{number}") for number in range(MANY)]
    first, second = await asyncio.gather(
        bulk(api, "saveCustomers", rows, rowPolicy="REFUSE_FAILED_ROWS"),
        bulk(api, "saveCustomers", others, rowPolicy="REFUSE_FAILED_ROWS"),
    )
    assert sorted([first["savedCount"], second["savedCount"]]) == [0, MANY]
    assert {code for one in (first, second) for code, _ in told(one)} == {"ALREADY_EXISTS"}


async def test_reads_and_single_saves_go_on_during_a_call(api: Api) -> None:
    calls = asyncio.gather(
        *(bulk(api, "saveCustomers", [customer(100 * call + number, 1) for number in range(50)])
          for call in range(2))
    )  # fmt: skip
    reads = 0
    while not calls.done():
        await api.data("{ customers(first: 5) { nodes { name } } }")
        reads += 1
    assert [told(one) for one in await calls] == [[], []]
    await api.save_customer(name="Single")
    assert reads > 2
    assert await Customer.all().count() == 101
