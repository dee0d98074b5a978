"""Metrics of the running application, scraped over a real socket, beside what clients did."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest

from models.storage.database import Database
from models.tables.access import Scope
from tests import database_faults
from tests.clock import Clock
from tests.databases import Databases
from tests.graphql_client import Api, LiveApi, connected, running_api, running_live_api, serving
from tests.partner_world import bound_token
from tests.scraping import Scrape, parsed, scrape
from tests.webhook_receiver import receiving
from tests.webhook_world import add_endpoint

VIEWER = "{ viewer { name } }"
SAVE = """mutation($n: String!) { saveCustomer(input: { name: $n, classCode: "CHARITY" }) {
  userErrors { code } } }"""

pytestmark = pytest.mark.storage


@pytest.fixture
async def api(databases: Databases, clock: Clock) -> AsyncIterator[Api]:
    async with running_api(databases, clock, metrics_port=0) as started:
        yield started


async def scraped(api: Api) -> Scrape:
    return await scrape(api.app.state.metrics.address)


async def post(address: str, token: str | None, document: str, **variables: object) -> int:
    """Send a document to a real socket; return the HTTP status."""
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    body = {"query": document, "variables": variables}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"http://{address}/graphql", json=body, headers=headers) as response,
    ):
        await response.read()
        return response.status


async def test_operations_count_by_type_field_outcome_and_caller(api: Api) -> None:
    customer = await api.save_customer()
    _, partner = await bound_token(customer["id"], api.clock(), Scope.CUSTOMERS_READ)
    before = await scraped(api)
    async with serving(api.app) as address:
        await post(address, api.token, VIEWER)
        await post(address, api.token, VIEWER)
        await post(address, partner, VIEWER)
        await post(address, partner, "{ customers { nodes { id } } }")
        await post(address, api.token, "{ a: viewer { name } b: viewer { name } }")
        await post(address, api.token, "{ viewer { name } customerClasses { nodes { id } } }")
        await post(address, api.token, SAVE, n="")
        await post(address, api.token, SAVE, n="Acme")
        assert await post(address, None, VIEWER) == 401
        assert await post(address, api.token, "{ nonsense }") == 200
        assert await post(address, api.token, "{ nonsense") == 200
        async with aiohttp.ClientSession() as session:
            for path in ("/healthz", "/wp-admin/setup.php", "/exports/x.csv"):
                await session.get(f"http://{address}{path}")
    after = await scraped(api)
    # The labels in alphabetical order: caller, field, outcome, type.
    assert after.since(before, "operations_total") == {
        ("platform", "viewer", "ok", "query"): 3,
        ("partner", "viewer", "ok", "query"): 1,
        ("partner", "customers", "ok", "query"): 1,
        ("platform", "several", "ok", "query"): 1,
        ("platform", "saveCustomer", "user_error", "mutation"): 1,
        ("platform", "saveCustomer", "ok", "mutation"): 1,
        ("anonymous", "none", "refused", "none"): 1,
        ("platform", "other", "refused", "query"): 1,
        ("platform", "none", "refused", "none"): 1,
    }
    assert after.since(before, "http_requests_total") == {
        ("/graphql", "200"): 10,
        ("/graphql", "401"): 1,
        ("/healthz", "200"): 1,
        ("other", "404"): 1,
        ("/exports", "404"): 1,
    }
    assert after.since(before, "operation_errors_total")[("UNAUTHENTICATED",)] == 1
    count = after.of("operation_duration_seconds_count", type="query", field="viewer")
    assert count - before.of("operation_duration_seconds_count", type="query", field="viewer") == 4
    assert after.of("cost_actual_points_total", type="query", caller="partner") > 0
    statements = after.of("database_statement_seconds_count", work="request")
    assert statements > before.of("database_statement_seconds_count", work="request")


async def test_a_fault_of_the_service_counts_as_failed(api: Api) -> None:
    async with serving(api.app) as address:
        async with database_faults.lost(api.platform.database):
            assert await post(address, api.token, SAVE, n="Acme") in {200, 503}
            lost = await scraped(api)
        after = await scraped(api)
    failed = {key: n for key, n in after.series("operations_total").items() if n}
    assert [dict(labels)["outcome"] for _, labels in failed] == ["failed"]
    assert after.of("operation_errors_total", code="UNAVAILABLE") == 1
    assert lost.of("requests_running", limiter="mutations") == 0


async def test_operations_of_websockets_count_when_they_end(api: Api) -> None:
    async with serving(api.app) as address, connected(address) as socket:
        await socket.sign_in(api.token)
        await socket.ask(VIEWER)
        operation = await socket.subscribe("subscription { events { node { id } } }")
        open_now = await scraped(api)
        await socket.send(type="complete", id=operation)
        await socket.ask(VIEWER)
    async with asyncio.timeout(60):
        while (after := await scraped(api)).of("websockets_open"):  # noqa: ASYNC110  # there is no signal for it
            await asyncio.sleep(0.01)
    assert open_now.of("websockets_open") == 1
    given = {"caller": "platform", "outcome": "ok"}
    assert after.of("operations_total", type="query", field="viewer", **given) == 2
    assert after.of("operations_total", type="subscription", field="events", **given) == 1
    labels = {"type": "subscription", "field": "events"}
    assert after.of("operation_duration_seconds_count", **labels) == 0
    assert after.of("http_requests_total", route="/graphql", status="101") == 1


async def test_hostile_names_do_not_add_series(api: Api) -> None:
    """Names of operations, aliases, fields and paths leave the page as long as it was."""

    async def send(number: int | str) -> None:
        await api.post(f"query Name{number} {{ alias{number}: viewer {{ name }} }}")
        await api.post(f"{{ field{number} }}")
        await api.http.get(f"/path{number}")
        await api.http.get(f"/exports/path{number}")

    await send("")
    before = await scraped(api)
    for number in range(100):
        await send(number)
    after = await scraped(api)
    assert after.series().keys() == before.series().keys()
    grown = after.since(before, "operations_total")
    assert grown == {
        ("platform", "viewer", "ok", "query"): 100,
        ("platform", "other", "refused", "query"): 100,
    }


async def test_a_worker_counts_its_lookups_mails_and_webhooks(
    databases: Databases, clock: Clock
) -> None:
    async with (
        running_live_api(databases, clock, metrics_port=0, webhook_private_targets=True) as api,
        receiving() as receiver,
    ):
        await add_endpoint(api, url=receiver.url)
        found = await api.save_customer(
            name="Sandbox", classCode="COMPANY_UK_LIMITED", companyNumber="90000001"
        )
        assert (await api.settled(found["id"]))["status"] == "SUCCEEDED"
        await _ask_for_a_mail(api, found["id"])
        async with asyncio.timeout(60):
            while not _is_all_done(after := await scraped(api)):  # noqa: ASYNC110  # see above
                await asyncio.sleep(0.05)
    assert after.of("lookups_total", status="SUCCEEDED", reason="none") == 1
    assert after.of("accounts_read_total", software="sandbox", outcome="READ") == 1
    requests = {
        dict(labels)["endpoint"]: n
        for (_, labels), n in after.series("register_req").items()
        if ("status", "200") in labels
    }
    assert requests.keys() >= {"company_profile", "filing_history", "document_metadata"}
    assert after.of("register_request_duration_seconds_count", endpoint="company_profile") == 1
    assert after.of("job_attempts_total", kind="enrich", outcome="done") == 1
    assert after.of("job_duration_seconds_count", kind="confirmation_mail") == 1
    assert after.of("webhook_delivery_lag_seconds_count") >= 1
    assert after.of("database_statement_seconds_count", work="background") > 10


def _is_all_done(found: Scrape) -> bool:
    mails = found.of("mails_total", kind="confirmation_mail", outcome="SENT")
    return mails == 1 and found.of("webhook_attempts_total", outcome="DELIVERED") >= 1


async def _ask_for_a_mail(api: LiveApi, customer_id: str) -> None:
    saved = await api.done(
        "saveContact", "contact { id }", customerId=customer_id, name="Ann", email="ann@a.example"
    )
    await api.done("requestEmailVerification", "", contactId=saved["contact"]["id"])


async def test_without_the_setting_nothing_is_counted_or_served(
    databases: Databases, clock: Clock
) -> None:
    async with running_api(databases, clock) as api:
        assert api.app.state.metrics is None
        assert (await api.http.get("/metrics")).status_code == 404


async def test_the_public_port_serves_metrics_only_if_the_setting_names_it(
    databases: Databases, clock: Clock
) -> None:
    async with running_api(databases, clock, metrics_port=0) as api:
        assert (await api.http.get("/metrics")).status_code == 404
    async with running_api(databases, clock, port=8000, metrics_port=8000) as api:
        assert api.app.state.metrics.address is None
        answer = await api.http.get("/metrics")
        assert answer.status_code == 200
        assert parsed(answer.text).of("tables_readable") == 1
        openmetrics = {"Accept": "application/openmetrics-text; version=1.0.0"}
        answer = await api.http.get("/metrics", headers=openmetrics)
        assert answer.text.endswith("# EOF\n")


async def test_pools_of_postgresql_are_told(api: Api) -> None:
    found = await scraped(api)
    database: Database = api.platform.database
    if not database.is_postgres:
        assert found.series("database_connections") == {}
        return
    sizes = [found.of("database_pool_size", pool=pool) for pool in ("write", "read")]
    assert sizes == [8, 4]
    idle = found.of("database_connections", pool="write", state="idle")
    assert 1 <= idle + found.of("database_connections", pool="write", state="used") <= 8
