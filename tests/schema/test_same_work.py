"""Searching for others' values and for values that do not exist needs equal work (R95, R99).

Response times could reveal to a partner that a number exists elsewhere. As the work, tests count
the instructions of SQLite's virtual machine, and on PostgreSQL the rows of each plan node, but no
times. Ids are not tested, because their 74 random bits cannot be guessed.
"""

import logging
import re
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import asyncpg
import pytest
from graphql import build_schema
from tortoise.connection import get_connection

from models import Customer
from models.storage.database import Database
from tests.clock import Clock
from tests.databases import Databases
from tests.factories import add_customer
from tests.graphql_client import Api, api_on, the_schema
from tests.partner_supplies import supplies_for
from tests.partner_world import TwoPartners, texts, two_partners
from tests.plans import without_autovacuum
from tests.schema_walk import Probe, Walk
from tests.statement_log import logging_statements

ID = re.compile(r"[a-z]{3}_[0-9a-z]{26}")
VALUE = re.compile(r"'[^']*'")
EXPLAIN = "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) "
Work = Any

NUMBERS = {
    "an account number": "customer(accountNumber: $text) { id }",
    "a company number": "customers(filter: { companyNumber: $text }) { nodes { id } totalCount }",
    "a reference": "customers(filter: { externalReference: $text }) { nodes { id } totalCount }",
    "both": "customers(filter: { companyNumber: $text, externalReference: $text }) { totalCount }",
    "one of a class": """customers(filter: { companyNumber: $text, classCodes: ["CHARITY"] }) {
      nodes { id } totalCount }""",
    "a text": "customers(filter: { text: $text }) { nodes { id } totalCount }",
}
TRIED = {"Query.customer": 5, "Query.customers": 3}
"""The minimum number of probes of the walk that try something other than an id."""


class _Sent(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.statements: list[tuple[str, Sequence[Any]]] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.args:
            text, values = record.args
            self.statements.append((str(text), values))  # type: ignore[arg-type]  # as it is logged


class Measured:
    """Measures the work of requests in the database."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._steps = 0

    async def work(self, document: str, variables: Any, token: str) -> Work:
        """Send a request repeatedly, so that caches are filled; return its work."""
        steps = []
        for _ in range(3):
            before = self._steps
            with self._sent() as sent:
                response = await self._api.post(document, variables, token=token)
            steps.append(self._steps - before)
        assert "INTERNAL_ERROR" not in response.text
        if not self._api.platform.database.is_postgres:
            return min(steps)  # some requests also fill a cache
        return await explained(self._api.platform.database, sent.statements)

    async def begin(self) -> None:
        """Start to count SQLite's instructions."""
        database = self._api.platform.database
        if database._reader is not None:
            # SQLite is checked for changes once per iteration of the event loop, in any request.
            epochs = database._sqlite_epochs
            assert epochs is not None
            version = epochs.data_version()
            epochs.data_version = lambda: version  # type: ignore[method-assign]
            database._reader.set_progress_handler(self._step, 1)
            connection: Any = get_connection("default")
            await connection._connection.set_progress_handler(self._step, 1)

    def _step(self) -> None:
        self._steps += 1

    @contextmanager
    def _sent(self) -> Iterator[_Sent]:
        handler = _Sent()
        with logging_statements(handler):
            yield handler


async def explained(
    database: Database, statements: Sequence[tuple[str, Sequence[Any]]]
) -> list[str]:
    """Return the executed plans of statements, with their row counts."""
    connection = await asyncpg.connect(database.dsn)
    try:
        # Small tables would be scanned, although large ones use an index.
        await connection.execute("SET enable_seqscan = off")
        await connection.execute("SET plan_cache_mode = force_custom_plan")
        plans = []
        for text, values in statements:
            if text.startswith("SELECT"):
                rows = await connection.fetch(EXPLAIN + text, *(values or ()))
                # Heap fetches depend on vacuum, not on the statement.
                steps = (row[0] for row in rows if "Heap Fetches" not in row[0])
                plans.append(VALUE.sub("…", "\n".join(steps)))  # a value may span two lines
        return plans
    finally:
        await connection.close()


@pytest.fixture
async def api(databases: Databases, clock: Clock) -> AsyncIterator[Api]:
    """Yield the application on a new database, for which PostgreSQL gathers no statistics.

    By statistics, it plans frequent values otherwise than unknown ones.
    """
    url = await databases.create()
    if not url.startswith("sqlite"):
        connection = await asyncpg.connect(url)
        await without_autovacuum(connection)
        await connection.close()
    async with api_on(url, clock) as started:
        yield started
    await databases.drop(url)


@pytest.fixture
async def world(api: Api) -> TwoPartners:
    """Fill the database with the data of two partners, one of whom has more."""
    world = await two_partners(api.platform.database, api.clock)
    await add_customer(api.platform.database, world.act, account_number="zzz", name="Last")
    return world


async def share_numbers(world: TwoPartners) -> None:
    """Give all customers out of scope the same company number and external reference."""
    await Customer.filter(id__in=[one.id for one in world.theirs.customers]).update(
        external_reference="theirs", company_number="07654321"
    )


@pytest.mark.parametrize("what", NUMBERS)
async def test_a_number_of_somebody_elses_costs_what_an_unknown_one_costs(
    api: Api, world: TwoPartners, what: str
) -> None:
    await share_numbers(world)
    document = f"query($text: String) {{ {NUMBERS[what]} }}"
    theirs = [str(one.account_number) for one in world.theirs.customers]
    pairs = {
        "an account number": [(one, f"{one[:-1]}x") for one in theirs],
        "a reference": [("theirs", "thairs")],
        "a text": [("theirs", "thairs"), ("07654321", "07654322")],
    }.get(what, [("07654321", "07654322")])
    measured = Measured(api)
    await measured.begin()
    for foreign, unknown in pairs:
        told = [
            await measured.work(document, {"text": text}, world.ours.token)
            for text in (foreign, unknown)
        ]
        assert told[0] == told[1], foreign
        assert told[0]


async def test_nothing_that_can_be_guessed_costs_more_where_it_exists(
    api: Api, world: TwoPartners
) -> None:
    """For every query argument that identifies something other than by id."""
    walk = Walk(build_schema(the_schema().sdl()), await supplies_for(world))
    measured = Measured(api)
    await measured.begin()
    tried: list[str] = []
    for probe in walk.probes("query"):
        if probe.other is None or names_an_id(probe):
            continue
        told = [
            await measured.work(probe.document, variables, world.ours.token)
            for variables in (probe.variables, probe.other)
        ]
        assert told[0] == told[1], probe.name
        tried.append(probe.name.partition("(")[0])
    assert {name: tried.count(name) >= most for name, most in TRIED.items()} == dict.fromkeys(
        TRIED, True
    )


def names_an_id(probe: Probe) -> bool:
    """Return whether a probe tries an id."""
    differing = set(texts(probe.variables)) ^ set(texts(probe.other))
    is_cursor = "(after" in probe.name or "(before" in probe.name  # an id is nested in it
    return is_cursor or any(ID.search(text) for text in differing)


async def test_a_partner_finds_its_own_by_number(api: Api, world: TwoPartners) -> None:
    """And the platform finds those of all resellers."""
    await share_numbers(world)
    own = world.ours.customers[1]
    await Customer.filter(id=own.id).update(company_number="07654321", external_reference="mine")
    document = """query($number: String, $reference: String, $account: String) {
      byNumber: customers(filter: { companyNumber: $number }) { nodes { id } totalCount }
      byReference: customers(filter: { externalReference: $reference }) { nodes { id } }
      byAccount: customer(accountNumber: $account) { id } }"""
    asked = {"number": "07654321", "reference": "mine", "account": own.account_number}
    found = {"id": own.id}
    assert await api.data(document, token=world.ours.token, **asked) == {
        "byNumber": {"nodes": [found], "totalCount": 1},
        "byReference": {"nodes": [found]},
        "byAccount": found,
    }
    assert (await api.data(document, **asked))["byNumber"]["totalCount"] > 1
    theirs = world.theirs.customers[0].account_number
    for number in (theirs, "", "~", "\U0010ffff"):
        data = await api.data(document, token=world.ours.token, account=number)
        assert data["byAccount"] is None
