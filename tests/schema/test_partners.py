"""Partners can reach only their own customers, by any path in the schema (R95, R99).

All that can be asked is asked, as the printed schema has it: a field or an argument that is added
is asked too, or the walk says what it lacks. See `tests/schema_walk.py`.
"""

import re
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import asyncpg
import httpx
import pytest
from graphql import build_schema
from starlette.routing import Route

import models
from models.rules.export import ExportFormat, ExportKind
from settings import Settings
from tests.clock import Clock
from tests.completeness import assert_complete
from tests.databases import Databases
from tests.event_rows import publish_enriched
from tests.graphql_client import (
    Api,
    connected,
    counted_statements,
    running_api,
    serving,
    the_schema,
    wait_for_subscriptions,
)
from tests.partner_supplies import HIDDEN, LATER, supplies_for
from tests.partner_world import (
    TwoPartners,
    contents_of,
    secrets_of,
    texts,
    two_partners,
    unknown_id,
)
from tests.schema_walk import Probe, Walk

NEW = re.compile(
    r"\b[a-z]{3}_[0-9a-z]{26}\b|\bCU-\w{5}-\w{5}\b|\b[0-9a-f]{64}\b|ccl_[\w-]+|whsec_[\w+/=]+"
)
"""Values that are new in each response: ids, account numbers, hashes and secrets."""

POSITION = re.compile(r"\bMS[45][\w-]{30,}")
"""A cursor of the event feed: `1.`, and then a digit or a letter, in base64."""

SHOWN = {
    "AuditEntry",
    "ClassChange",
    "ConsentEntry",
    "ConsentTestimony",
    "Contact",
    "Customer",
    "CustomerImport",
    "CustomerTemplate",
    "DeprecatedUse",
    "EnrichmentRun",
    "Event",
    "ImportFault",
    "PreferenceEntry",
    "ProfileChange",
    "Suggestion",
    "AccessToken",
    "ApiUsage",
    "User",
    "UserGroup",
    "WebhookAttempt",
    "WebhookDelivery",
    "WebhookEndpoint",
}
"""Models whose rows the API shows."""


@dataclass
class Asking:
    """A caller who sends all probes, and the texts that responses must not contain."""

    api: Api
    world: TwoPartners
    walk: Walk
    token: str
    secrets: dict[str, set[str]]
    known: frozenset[str]

    async def ask(self, probe: Probe, variables: dict[str, Any]) -> tuple[httpx.Response, int]:
        """Send a probe; return the response and the number of SQL statements."""
        headers = {"X-Request-Id": "request-of-the-partner"}
        with counted_statements() as seen:
            response = await self.api.post(
                probe.document, variables, token=self.token, headers=headers
            )
        assert response.status_code == 200, (probe.name, response.text)
        assert "INTERNAL_ERROR" not in response.text, (probe.name, response.text)
        assert "INVALID_OPERATION" not in response.text, (probe.name, response.text)
        return response, len(seen)

    async def control(self, probe: Probe) -> tuple[str, int]:
        """Send a probe's control request; return its plain response and statement count."""
        response, statements = await self.ask(probe, probe.other or {})
        return self.plain(response.text, probe), statements

    def leaks(self, answer: str, given: Any = None) -> dict[str, list[str]]:
        """Return, by model, texts in a response that occur only in rows out of scope."""
        said = " ".join(texts(given or {}))
        found = {
            name: [text for text in secrets if text in answer and text not in said]
            for name, secrets in self.secrets.items()
        }
        return {name: leaked for name, leaked in found.items() if leaked}

    def plain(self, answer: str, probe: Probe) -> str:
        """Return a response without the tried values and values that are new each time."""
        tried = set(texts(probe.variables)) ^ set(texts(probe.other))
        for text in sorted(tried, key=len, reverse=True):
            answer = answer.replace(text, "…")
        return NEW.sub(lambda one: one[0] if one[0] in self.known else "new", answer)


async def asking(api: Api, *, is_bound: bool = True) -> Asking:
    world = await two_partners(api.platform.database, api.clock)
    contents, _ = await contents_of(world)
    token = world.ours.token if is_bound else api.token
    await api.data("{ viewer { id } }", token=token)  # stores the token's last use
    return Asking(
        api,
        world,
        Walk(build_schema(the_schema().sdl()), await supplies_for(world)),
        token,
        secrets_of(world, contents),
        frozenset(texts(contents)),
    )


@pytest.fixture
async def api(databases: Databases, clock: Clock) -> AsyncIterator[Api]:
    """Yield the application without the limits that such large requests would exceed."""
    limits = (name for name in Settings.model_fields if name.startswith("max_"))
    wide: dict[str, Any] = {
        **dict.fromkeys(limits, 10_000),
        "max_depth": 200,
        "max_value_depth": 100,
    }
    wide |= {"max_field_directives": 100, "max_request_bytes": 10**6, "max_cost": 10**9}
    async with running_api(databases, clock, cost_budget=0, **wide) as started:
        yield started


@pytest.fixture
async def partners(api: Api) -> Asking:
    """Return the partner as a caller."""
    return await asking(api)


def without_positions(text: str) -> str:
    """Blank the cursors of the event feed.

    They are positions among all events. They are enciphered, so that they do not say how many
    others had; that one moved says that somebody had any.
    """
    return POSITION.sub("position", text)


async def test_nothing_that_can_be_asked_tells_of_others(partners: Asking) -> None:
    """Responses have no text of others, and equal those for unknown ids or without others' data."""
    answers: list[tuple[Probe, str]] = []
    for operation in ("query", "mutation"):
        for probe in partners.walk.probes(operation):
            if operation == "mutation" and probe.other is None:
                continue  # see the next test
            response, statements = await partners.ask(probe, probe.variables)
            assert partners.leaks(response.text, probe.variables) == {}, probe.name
            if operation == "query":
                answers.append((probe, response.text))
            if probe.other is None:
                continue
            told = partners.plain(response.text, probe), statements
            control = await partners.control(probe)
            if told != control:  # after a change of tokens, the token is read once more
                response, statements = await partners.ask(probe, probe.variables)
                told = partners.plain(response.text, probe), statements
                control = await partners.control(probe)
            assert told == control, probe.name
    assert len(answers) > 200
    await wipe(partners.world)
    for probe, answer in answers:
        if POSITION.search(str(probe.variables)):
            continue  # the wipe also moves the beginning of the event feed
        response, _ = await partners.ask(probe, probe.variables)
        assert without_positions(response.text) == without_positions(answer), probe.name


async def test_a_partner_is_answered_all_of_its_own(partners: Asking) -> None:
    """Each field of each type returns the partner's data, except fields not for partners."""
    answered: set[str] = set()
    refused: set[str] = set()
    for operation in ("query", "mutation"):
        for probe in partners.walk.probes(operation):
            if probe.other is None:
                response, _ = await partners.ask(probe, probe.variables)
                assert partners.leaks(response.text, probe.variables) == {}, probe.name
                body = response.json()
                answered |= set(_fields_of(body.get("data")))
                refused |= {probe.name} if body.get("errors") else set()
    assert_complete(
        "OF_THE_PLATFORM in tests/schema/test_partners.py",
        OF_THE_PLATFORM | {OF_THE_REGISTER},
        (name for name in refused if "(" not in name),
        "what partners may not do; or let the operation answer them, by FOR_PARTNERS in"
        " models/rules/permission.py or by values in tests/partner_supplies.py",
    )
    unanswered = partners.walk.fields() - answered
    others = {one for one in unanswered if one.partition(".")[0] not in ROOTS | UNANSWERED}
    assert_complete(
        "HIDDEN in tests/partner_supplies.py",
        HIDDEN,
        others,
        "fields that partners are refused; or types that nothing answers with to UNANSWERED in"
        " tests/schema/test_partners.py, or a row that fills the field to tests/partner_world.py",
    )


OF_THE_REGISTER = "Query.companySearch"
ROOTS = {"Query", "Mutation", "Subscription"}
OF_THE_PLATFORM = {
    *("Mutation.retryJobs", "Mutation.discardJobs", "Mutation.pauseJobs", "Mutation.resumeJobs"),
    "Query.job",
    "Query.jobs",
    *("jobs.edges", "jobs.edges.node", "jobs.nodes", "jobs.pageInfo"),
    "Mutation.saveCustomerClass",
    "Mutation.retireCustomerClass",
    "Mutation.reactivateCustomerClass",
    "Mutation.deleteCustomerClass",
    "Mutation.saveCustomerTemplate",
    "Mutation.deleteCustomerTemplate",
    "Mutation.savePlatformDefaults",
    "Mutation.eraseActorNames",
}
UNANSWERED = {
    *(
        f"{name[9].upper()}{name[10:]}Payload"
        for name in OF_THE_PLATFORM
        if name.startswith("Mutation.")
    ),
    *("Job", "JobConnection", "JobEdge"),  # of the platform
    "Permissibility",  # about all customers of a class
    "Blocker",
    "RegisterAllowance",  # shared by all callers
    "CompanyCandidate",  # from the register, which these tests do not call
    "LedgerBreak",  # of a ledger that was tampered with
    "PreviousName",  # of a company that had another name
}
"""Types that no response in this data contains, or that are not for partners."""


def _fields_of(value: Any) -> Iterator[str]:
    """Yield the fields in a response, each as `Type.field`."""
    if isinstance(value, list):
        for part in value:
            yield from _fields_of(part)
    if isinstance(value, dict):
        for alias, part in value.items():
            name, _, kind = alias.rpartition("Of")
            if kind and "__typename" in value and kind == value["__typename"]:
                yield f"{kind}.{name}"
            yield from _fields_of(part)


@pytest.mark.parametrize("field", sorted(HIDDEN))
async def test_what_tells_of_all_customers_of_a_class_is_refused(
    partners: Asking, field: str
) -> None:
    name = field.partition(".")[2]
    below = "{ totalCount }" if name == "auditTrail" else "{ customersEverCount }"
    document = f'{{ customerClass(code: "CHARITY") {{ {name} {below} }} }}'
    error = await partners.api.error(document, token=partners.token)
    assert error["extensions"]["code"] == "FORBIDDEN"
    assert error["message"] == "Partners (callers bound to a reseller) may not use this field."


async def test_nothing_of_others_is_changed(partners: Asking) -> None:
    """Each mutation is really executed, with an id or text of others somewhere in its input."""
    world, walk = partners.world, partners.walk
    supplies = await supplies_for(world)
    walk = Walk(
        build_schema(the_schema().sdl()),
        type(supplies)(
            {**supplies.own, "dryRun": False},
            supplies.tried,
            supplies.bases,
            supplies.together,
            supplies.hidden,
        ),
    )
    before, foreign = await contents_of(world)
    acts = [probe for probe in walk.probes("mutation") if probe.other is not None]
    for probe in acts:
        await partners.ask(probe, probe.variables)
    after, still = await contents_of(world)
    assert len(acts) > 300
    assert still == foreign
    assert before["Customer"] != after["Customer"]  # it did change its own customers
    assert after["CustomerClass"] == before["CustomerClass"]


REPORT = "groupBy=RESELLER&groupBy=CLASS&groupBy=COMPANY_STATUS"


async def test_no_export_tells_of_others(partners: Asking) -> None:
    """R99: also the rows that are streamed after the route has returned."""
    world = partners.world
    period = f"fromAt=2026-01-01T00:00:00Z&untilAt={LATER.replace('+', '%2B')}"
    theirs = [customer.id for customer in world.theirs.customers]
    asked = {
        "/exports/delivery-exposure.csv": [period],
        "/exports/consent-evidence.csv": [f"customerId={one}" for one in theirs],
        "/exports/customer-report.csv": [REPORT],
        **{f"/exports/{kind}.{format_}": [""] for kind in ExportKind for format_ in ExportFormat},
    }
    routes = [one for one in partners.api.app.routes if isinstance(one, Route)]
    assert {one.path for one in routes if one.path.startswith("/exports/")} == asked.keys()
    for path, queries in asked.items():
        for query in queries:
            told = await export(partners, f"{path}?{query}")
            assert partners.leaks(told.text) == {}
            if query not in (period, REPORT, ""):
                unknown = await export(partners, f"{path}?customerId={unknown_id('cus')}")
                assert (told.status_code, told.text) == (404, unknown.text)
    own = await export(partners, f"/exports/delivery-exposure.csv?{period}")
    assert own.text.count("Ourword person") >= 1
    own = await export(partners, f"/exports/customer-report.csv?{REPORT}")
    assert own.text.count("Ourword reseller") >= 1
    for name in ("customers.csv", "contacts.jsonl", "consent-entries.csv", "events.jsonl"):
        own = await export(partners, f"/exports/{name}")
        assert own.status_code == 200
        assert own.text.count(world.ours.ids["cus"]) >= 1


async def export(asking: Asking, address: str) -> httpx.Response:
    headers = {"Authorization": f"Bearer {asking.token}"}
    return await asking.api.http.get(address, headers=headers)


async def test_nothing_can_be_followed_that_is_others(partners: Asking) -> None:
    """R99, R100: neither by id, nor in subscriptions to the partner's own customers."""
    world, api = partners.world, partners.api
    ours, theirs = world.ours.ids["cus"], world.theirs.ids["cus"]
    probes = list(partners.walk.probes("subscription"))
    async with serving(api.app) as address, connected(address) as socket:
        await socket.sign_in(partners.token)
        for probe in probes:
            if probe.other is None or probe.name.startswith("Subscription.events"):
                continue  # the feed is silent about others, see below
            told = []
            for variables in (probe.variables, probe.other):
                operation = await socket.subscribe(probe.document, **variables)
                message = await socket.receive()
                assert message["id"] == operation
                told.append(message["payload"])
                if message["type"] == "next":
                    assert (await socket.receive())["type"] == "complete"
            assert told[0] == told[1], probe.name
        now = api.clock.advance(timedelta(days=1))
        follow = "subscription($id: ID!, $since: DateTime)"
        follow += " { customerEnriched(customerId: $id, since: $since) { id name } }"
        feed = "subscription($ids: [ID!]) { events(customerIds: $ids) { node { customerId } } }"
        all_events = await socket.subscribe(feed, ids=[theirs, ours])
        await wait_for_subscriptions(api)
        operation = await socket.subscribe(follow, id=ours, since=now.isoformat())
        for customer_id in (theirs, ours):
            await api.platform.database.transaction(
                lambda one=customer_id: publish_enriched(one, now)  # type: ignore[misc]
            )
        followed: dict[str, Any] = {}
        for _ in range(2):
            message = await socket.receive()
            followed[message["id"]] = message["payload"]["data"]
        assert followed[operation]["customerEnriched"]["id"] == ours
        assert followed[all_events]["events"]["node"]["customerId"] == ours


async def test_the_walk_finds_leaks_where_nobody_is_bound(api: Api) -> None:
    """So the walk would detect a leak."""
    free = await asking(api, is_bound=False)
    leaky: set[str] = set()
    differing = 0
    answers = []
    for probe in free.walk.probes("query"):
        response, _ = await free.ask(probe, probe.variables)
        leaky |= free.leaks(response.text, probe.variables).keys()
        answers.append((probe, response.text))
        if probe.other is not None:
            control, _ = await free.ask(probe, probe.other)
            differing += free.plain(response.text, probe) != free.plain(control.text, probe)
    assert leaky >= SHOWN
    assert differing > 20
    customer_id = free.world.theirs.ids["cus"]
    told = await export(free, f"/exports/consent-evidence.csv?customerId={customer_id}")
    assert free.leaks(told.text).keys() >= {"ConsentTestimony"}
    await wipe(free.world)
    changed = [p for p, answer in answers if (await free.ask(p, p.variables))[0].text != answer]
    assert len(changed) > 50


async def wipe(world: TwoPartners) -> None:
    """Delete all rows that the partner cannot reach, as if they had never existed."""
    _, foreign = await contents_of(world)
    keys = {
        model._meta.db_table: [
            row[model._meta.pk_attr]
            for row in foreign[name]
            if row.get("name") != "Tess Tester"  # the reseller whose token is used
        ]
        for name in foreign
        if (model := getattr(models, name))
    }
    database = world.database
    if database.is_postgres:
        connection = await asyncpg.connect(database.dsn)
        await connection.execute("SET session_replication_role = replica")
        for table, ids in keys.items():
            await connection.execute(f'DELETE FROM "{table}" WHERE id = ANY($1)', ids)
        await connection.close()
        return
    with closing(sqlite3.connect(database.url.removeprefix("sqlite://"))) as file:
        guards = "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name <> 'customer'"
        for (name,) in file.execute(guards).fetchall():
            file.execute(f"DROP TRIGGER {name}")
        for table, ids in keys.items():
            file.executemany(f"DELETE FROM {table} WHERE id = ?", [(one,) for one in ids])
        file.commit()
