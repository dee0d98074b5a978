"""Reports, events, imports and webhooks of the example front end, in a real browser."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from standardwebhooks.webhooks import Webhook

from models import Event
from models.tables.access import Scope
from tests.browsers import playwright
from tests.clock import Clock
from tests.databases import Databases
from tests.examples.web_visits import (
    accessible,
    fill,
    needs_web,
    picture,
    press,
    see,
    serving_site,
    signed_in,
)
from tests.graphql_client import Api, LiveApi, running_api, running_live_api
from tests.webhook_receiver import receiving

playwright()
pytestmark = [pytest.mark.browser, *needs_web]

NOTHING = "\u2013"
"""Stands in a cell without a value."""

IMPORT = "name,classCode,contact1.name,contact1.email"
CONFLICT = "Failed to load resource: the server responded with a status of 409 (Conflict)"
CONSENT = {
    "basis": "WRITTEN_OPT_IN",
    "method": "PAPER",
    "givenBy": "Ann Sample",
    "evidenceReference": "ticket 7",
}


@pytest.fixture
async def live(databases: Databases, clock: Clock) -> AsyncIterator[LiveApi]:
    clock.now = datetime.now(UTC)  # as the worker's, which deletes old events
    async with running_live_api(databases, clock, webhook_private_targets=True) as api:
        yield api


@pytest.fixture
async def address(live: LiveApi) -> AsyncIterator[str]:
    async with serving_site(live) as origin:
        yield origin


async def rows_of(page: Any, table: str) -> list[list[str]]:
    """Return the texts of the rows of a table, without its head."""
    rows = page.get_by_role("region", name=table, exact=True).get_by_role("row")
    texts = await rows.evaluate_all("rows => rows.map(row => [...row.cells].map(c => c.innerText))")
    return [[one.replace("\u00a0", " ") for one in row] for row in texts[1:]]


async def downloaded(page: Any, button: str) -> str:
    async with page.expect_download() as download:
        await press(page, button)
    path = Path(await (await download.value).path())
    return await asyncio.to_thread(path.read_text, encoding="utf-8-sig")


async def test_a_report_counts_customers_in_groups_and_by_month(
    live: LiveApi, address: str
) -> None:
    for number in range(3):
        await live.save_customer(name=f"Charity {number}")
    await live.save_customer(name="Acme", classCode="COMPANY_UK_PLC", consent=CONSENT)
    async with signed_in(address, live.token) as page:
        await page.get_by_role("link", name="Reports").click()
        await see(page, "Customers by class")
        assert await rows_of(page, "Customers by class, in figures") == [
            ["Company (UK PLC)", "1", "0", NOTHING],
            ["Charity", "3", "0", NOTHING],
        ]
        await page.get_by_label("Then by", exact=True).select_option(label="Consent")
        await page.get_by_label("By month", exact=True).select_option(label="Consent given")
        await press(page, "Show")
        await see(page, "Customers by class, consent")
        assert await rows_of(page, "Customers by class, consent, in figures") == [
            ["Company (UK PLC)", "Consent given", "1", "0", NOTHING],
            ["Charity", "No consent", "3", "0", NOTHING],
        ]
        await page.get_by_role("img", name="Consent given by month.").wait_for()
        months = await rows_of(page, "Months in figures")
        assert len(months) == 12
        assert months[-1][1:] == ["4", "4", "0", "1", "0"]
        assert months[-2][1:] == ["0", "0", "0", "0", "0"]
        await picture(page, "reports", whole=False)
        await accessible(page)
        lines = (await downloaded(page, "Download the report (CSV)")).splitlines()
        assert [line.count(",Charity,") for line in lines] == [0, 0, 1]


class Cut:
    """Stands between a page and its WebSocket: cuts it, and lets it connect again when told."""

    def __init__(self) -> None:
        self.subscribed: list[dict[str, Any]] = []
        """The variables of the subscriptions that were sent."""
        self.is_open = asyncio.Event()
        self.is_open.set()
        self._sockets: list[Any] = []

    async def pass_on(self, page_side: Any) -> None:
        await self.is_open.wait()
        self._sockets.append(page_side)
        server = page_side.connect_to_server()

        def send(message: Any) -> None:
            said = json.loads(message)
            if said["type"] == "subscribe":
                self.subscribed.append(said["payload"]["variables"])
            server.send(message)

        page_side.on_message(send)

    async def cut(self) -> None:
        self.is_open.clear()
        await self._sockets.pop().close(code=1012, reason="The server restarts.")


async def newest_cursor(live: LiveApi) -> str:
    cursor: str = (await live.data("{ events(first: 0) { newestCursor } }"))["events"][
        "newestCursor"
    ]
    return cursor


async def test_the_feed_is_followed_and_goes_on_after_a_break(live: LiveApi, address: str) -> None:
    """The subscription begins where the list ends, and goes on after the event that it had last."""
    await live.save_customer(name="Acme")
    cut, listed = Cut(), await newest_cursor(live)
    async with signed_in(address, live.token) as page:
        await page.route_web_socket("**/graphql", cut.pass_on)
        await page.reload()
        await page.get_by_role("link", name="Events").click()
        await page.get_by_text("0 new events since").wait_for()
        assert [row[:2] for row in await rows_of(page, "Events")] == [["Customer created", "Acme"]]
        await live.save_customer(name="Bell")
        await page.get_by_text("1 new event since").wait_for()
        seen = await newest_cursor(live)
        await cut.cut()
        await live.save_customer(name="Carr")
        cut.is_open.set()
        await page.get_by_text("2 new events since").wait_for()
        assert [one["after"] for one in cut.subscribed] == [listed, seen]
        assert [row[:2] for row in await rows_of(page, "Events")] == [
            ["Customer created new", "Carr"],
            ["Customer created new", "Bell"],
            ["Customer created", "Acme"],
        ]
        await picture(page, "events", whole=False)
        await accessible(page)
        await page.get_by_label("Type", exact=True).select_option(label="Contact: all")
        await press(page, "Show")
        await page.get_by_text("No such events on this page.").wait_for()
        await page.get_by_label("Type", exact=True).select_option(label="Customer created")
        await press(page, "Show")
        await page.get_by_role("link", name="Bell").click()
        await see(page, "Bell")


async def test_a_feed_whose_place_is_no_longer_stored_says_so_and_goes_on(
    live: LiveApi, address: str
) -> None:
    """While the page was away, the event after the last that it had was deleted."""
    await live.save_customer(name="Acme")
    cut = Cut()
    async with signed_in(address, live.token) as page:
        await page.route_web_socket("**/graphql", cut.pass_on)
        await page.goto(f"{address}/#/events")
        await page.reload()
        await page.get_by_text("0 new events since").wait_for()
        await live.save_customer(name="Bell")
        await page.get_by_text("1 new event since").wait_for()
        await cut.cut()
        for name in ("Carr", "Dale"):
            await live.save_customer(name=name)
        await newest_cursor(live)  # numbers the events
        await Event.filter(number__lte=3).delete()
        cut.is_open.set()
        await page.get_by_role("alert").get_by_text("no longer stored").wait_for()
        await accessible(page)
        await press(page, "Go on from the newest event")
        await page.get_by_text("0 new events since").wait_for()
        assert [row[:2] for row in await rows_of(page, "Events")] == [["Customer created", "Dale"]]


def file_of(*rows: str, name: str = "customers.csv") -> dict[str, Any]:
    text = "\r\n".join([IMPORT, *rows, ""])
    return {"name": name, "mimeType": "text/csv", "buffer": text.encode()}


async def test_a_file_is_checked_then_imported_and_its_refused_rows_come_back(
    live: LiveApi, address: str
) -> None:
    good = [f"Customer {number},CHARITY,," for number in range(450)]
    bad = ["Acme,CHARITY,Ann Sample,nonsense", ",NOTHING,,"]
    async with signed_in(address, live.token) as page:
        await page.get_by_role("link", name="Import").click()
        await see(page, "Import customers")
        await press(page, "Check the file")
        await page.locator("[name=file][aria-invalid=true]").wait_for()
        send = page.get_by_role("button", name="Import the file")
        assert await send.get_attribute("aria-disabled") == "true"
        await page.get_by_label("File", exact=True).set_input_files(file_of(*good, *bad))
        await press(page, "Check the file")
        await page.get_by_text("450 rows can be stored, 2 refused.").wait_for()
        assert sorted(row[:3] for row in await rows_of(page, "Faults")) == [
            ["452", "contact1.email", "INVALID_EMAIL"],
            ["453", "classCode", "NOT_FOUND"],
            ["453", "name", "REQUIRED"],
        ]
        assert (await live.data("{ customers { totalCount } }"))["customers"]["totalCount"] == 0
        await picture(page, "import")
        await accessible(page)
        await send.click()
        await page.get_by_text("450 rows stored, 2 refused.").wait_for()
        assert await page.get_by_role("progressbar").evaluate("bar => bar.value / bar.max") == 1
        assert await send.get_attribute("aria-disabled") == "true"  # Nothing is imported twice.
        lines = (await downloaded(page, "Download the refused rows")).splitlines()
        assert [line.partition(",")[0] for line in lines] == ["name", "Acme", ""]
        rows = await rows_of(page, "Imports")
        assert [row[1:5] for row in rows] == [
            ["Import", "Done", "450", "2"],
            ["Check", "Done", NOTHING, "2"],
        ]
    assert (await live.data("{ customers { totalCount } }"))["customers"]["totalCount"] == 450


async def test_an_import_moves_by_itself_until_it_is_cancelled_or_ends(
    databases: Databases, clock: Clock
) -> None:
    """No worker runs, so an import waits until the test runs it."""
    async with (
        running_api(databases, clock) as api,
        serving_site(api) as address,
        signed_in(address, api.token, [CONFLICT]) as page,
    ):
        await page.goto(f"{address}/#/imports")
        await page.get_by_label("File", exact=True).set_input_files(file_of("Acme,CHARITY,,"))
        await press(page, "Check the file")
        await page.get_by_text("Waiting", exact=True).first.wait_for()
        await page.get_by_text("The check has not ended yet.").wait_for()
        await press(page, "Check the file")
        await page.get_by_role("alert").get_by_text("is still running").wait_for()
        await press(page, "Cancel")
        await page.get_by_text("Cancelled", exact=True).first.wait_for()
        await press(page, "Check the file")
        await page.get_by_text("Waiting", exact=True).first.wait_for()
        await api.work()
        await page.get_by_text("1 row can be stored.").wait_for()
        assert [row[2] for row in await rows_of(page, "Imports")] == ["Done", "Cancelled"]


async def test_an_endpoint_shows_its_secret_once_and_a_delivery_is_sent_again(
    live: LiveApi, address: str
) -> None:
    async def busy(_: web.Request) -> web.Response:
        return web.Response(status=503, text="Closed until nine")

    async with receiving() as receiver, signed_in(address, live.token) as page:
        await page.get_by_role("link", name="Webhooks").click()
        await page.get_by_text("There is no endpoint yet.").wait_for()
        await press(page, "Add the endpoint")
        await page.locator("[name=url][aria-invalid=true]").wait_for()
        await page.get_by_label("What it is for").fill("Our CRM")
        await fill(page, url=receiver.url)
        await page.get_by_label("Events", exact=True).select_option(label="Customer: all")
        await press(page, "Add the endpoint")
        secret = await page.get_by_role("alert").locator("code").inner_text()
        await accessible(page)
        await press(page, "I have stored it")
        assert secret not in await page.content()
        receiver.answers.append(busy)
        await live.save_customer(name="Acme")
        await page.reload()
        refused = page.get_by_role("row").filter(has_text="503 · Refused")
        await refused.get_by_text("Closed until nine").wait_for()
        again = refused.get_by_role("button", name="Send again")
        assert await again.get_attribute("aria-disabled") == "true"
        await accessible(page)
        # What waits is sent at once after a test that the endpoint accepts.
        await press(page, f"Send a test to {receiver.url}")
        row = page.get_by_role("row").filter(has_text="Customer created")
        await row.get_by_text("Delivered").wait_for()
        await row.get_by_role("button", name="Send again").click()
        await page.get_by_text("again", exact=True).wait_for()
        await page.get_by_text("0 waiting").wait_for()
        await picture(page, "webhooks")
        assert [one[1] for one in await rows_of(page, "What was sent")] == ["Delivered"] * 3
    for one in receiver.taken:
        at = datetime.fromtimestamp(int(one.headers["webhook-timestamp"]), UTC)
        signature = Webhook(secret).sign(one.id, at, one.body.decode())
        assert one.headers["webhook-signature"] == signature
    created = [one.id for one in receiver.taken if one.data["type"] == "customer.created"]
    assert len(created) == 3
    assert len(set(created)) == 1
    assert [one.data["type"] for one in receiver.taken].count("ping") == 1


async def test_a_page_is_offered_only_with_its_permission(api: Api) -> None:
    """Who opens the address of another page is told which permission it needs."""
    token = await api.token_for(Scope.CUSTOMERS_READ)
    async with serving_site(api) as address, signed_in(address, token) as page:
        await page.get_by_role("link", name="Reports").wait_for()
        links = page.get_by_role("navigation", name="Main").get_by_role("link")
        assert await links.all_inner_texts() == ["Customers", "Classes", "Reports", "Events"]
        await page.goto(f"{address}/#/webhooks")
        await page.get_by_text("needs the permission “Webhooks read”").wait_for()
