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
from tests.listening import ENOUGH_S
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
        await import_of(live, "name,classCode\r\nDale,CHARITY\r\n,CHARITY\r\n")
        await page.get_by_text("1 row can be stored, 1 refused.").wait_for()
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


async def import_of(live: LiveApi, content: str, *, is_dry_run: bool = True) -> None:
    """Send a file, and wait for the end of its import."""
    headers = {"Authorization": f"Bearer {live.token}", "Content-Type": "text/csv"}
    parameters = {"dryRun": "true" if is_dry_run else "false"}
    sent = await live.http.post("/imports", content=content, headers=headers, params=parameters)
    query = "query($id: ID!) { importJob(id: $id) { finishedAt } }"
    async with asyncio.timeout(ENOUGH_S):
        while True:
            found = await live.data(query, id=sent.json()["importId"])
            if found["importJob"]["finishedAt"]:
                return
            await asyncio.sleep(0.05)


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


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("customers.csv", b"", "The file is empty."),
        ("customers.csv", b"\xef\xbb\xbf\r\n \r\n", "The file is empty."),
        ("customers.csv", f"{IMPORT}\r\n".encode(), "Add a line for each customer"),
        ("customers.csv", b"\xff\xd8\xff\xe0\x00\x10JFIF\x00", "may be a photo"),
        ("customers.jsonl", b"%PDF-1.7 ...", "may be a photo, a PDF"),
        ("customers.csv", b"PK\x03\x04\x14\x00", "The file is a workbook"),
        ("customers.csv", "name,classCode\nAcme,CHARITY".encode("utf-16"), "in UTF-16"),
        ("customers.xlsx", b"PK\x03\x04\x14\x00", "whose name ends in .csv"),
    ],
)
async def test_a_useless_file_is_not_sent_but_told_in_plain_words(
    api: Api, name: str, content: bytes, told: str
) -> None:
    async with serving_site(api) as address, signed_in(address, api.token) as page:
        await page.goto(f"{address}/#/imports")
        chosen = {"name": name, "mimeType": "text/csv", "buffer": content}
        await page.get_by_label("File", exact=True).set_input_files(chosen)
        await press(page, "Check the file")
        await page.get_by_role("alert").get_by_text(told).wait_for()
        await accessible(page)
    assert (await api.data("{ imports { nodes { id } } }"))["imports"]["nodes"] == []


async def test_an_end_of_an_import_is_told_in_the_feed_and_leads_to_it(
    live: LiveApi, address: str
) -> None:
    content = "name,classCode\r\nDale,CHARITY\r\n,CHARITY\r\n"
    for is_dry_run in (True, False):
        await import_of(live, content, is_dry_run=is_dry_run)
    async with signed_in(address, live.token) as page:
        await page.goto(f"{address}/#/events?type=import")
        await page.get_by_role("link", name="Import", exact=True).nth(1).wait_for()
        assert [[row[1], row[3]] for row in await rows_of(page, "Events")] == [
            ["Import", "Done 1 row stored, 1 refused."],
            ["Check (dry run)", "Done 1 row can be stored, 1 refused."],
        ]
        await page.get_by_role("link", name="Check (dry run)").click()
        await see(page, "Check")


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("events?type=nonsense", "No type of events that you may read is called “nonsense”."),
        ("events?before=nonsense", "The cursor is not valid."),
        ("imports/imp_00000000000000000000000000", "Cannot find the import."),
        ("imports/nonsense", "Cannot find the import."),
    ],
)
async def test_a_wrong_address_is_told_in_words(api: Api, path: str, told: str) -> None:
    async with serving_site(api) as address, signed_in(address, api.token) as page:
        await page.goto(f"{address}/#/{path}")
        await page.get_by_role("alert").get_by_text(told).wait_for()
        await accessible(page)


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
        sent = await rows_of(page, "What was sent")
        assert [one[1:3] for one in sent] == [["Our CRM", "Delivered"]] * 3
    for one in receiver.taken:
        at = datetime.fromtimestamp(int(one.headers["webhook-timestamp"]), UTC)
        signature = Webhook(secret).sign(one.id, at, one.body.decode())
        assert one.headers["webhook-signature"] == signature
    created = [one.id for one in receiver.taken if one.data["type"] == "customer.created"]
    assert len(created) == 3
    assert len(set(created)) == 1
    assert [one.data["type"] for one in receiver.taken].count("ping") == 1


async def test_an_endpoint_gets_a_new_secret_is_switched_off_and_deleted(
    live: LiveApi, address: str
) -> None:
    """A deletion asks first, and says what is lost."""
    async with receiving() as receiver, signed_in(address, live.token) as page:
        url, receiver.always = receiver.url, 503
        added = "webhookEndpoint { id } secret"
        first = await live.done("saveWebhookEndpoint", added, url=url, description="Our CRM")
        await page.goto(f"{address}/#/webhooks")
        await press(page, f"Rotate the secret of {url}")
        await accessible(page)
        await press(page, "Rotate the secret")
        shown = page.get_by_role("alert")
        secret = await shown.locator("code").inner_text()
        assert secret.startswith("whsec_")
        assert secret != first["secret"]
        await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        await press(page, "Copy the secret")
        await shown.get_by_text("Copied.").wait_for()
        assert await page.evaluate("navigator.clipboard.readText()") == secret
        await accessible(page)
        await press(page, "I have stored it")
        assert secret not in await page.content()
        again = page.get_by_role("button", name=f"Rotate the secret of {url}")
        assert await again.get_attribute("aria-disabled") == "true"
        await press(page, f"Switch off {url}")
        await press(page, f"Switch on {url}")
        await page.get_by_role("button", name=f"Switch off {url}").wait_for()
        await live.save_customer(name="Acme")
        await page.get_by_text("1 waiting").wait_for()
        await press(page, f"Delete {url}")
        question = page.get_by_role("dialog")
        await question.get_by_text("1 delivery that waits will never be sent.").wait_for()
        await picture(page, "webhook-deletion", whole=False)
        await accessible(page)
        await press(page, "Cancel")
        await press(page, f"Delete {url}")
        await press(page, "Delete the endpoint")
        await page.get_by_text("There is no endpoint yet.").wait_for()
        row = page.get_by_role("row").filter(has_text="Customer created")
        await row.get_by_text("deleted", exact=True).wait_for()


async def test_a_page_is_offered_only_with_its_permission(api: Api) -> None:
    """Who opens the address of another page is told which permission it needs."""
    token = await api.token_for(Scope.CUSTOMERS_READ)
    async with serving_site(api) as address, signed_in(address, token) as page:
        await page.get_by_role("link", name="Reports").wait_for()
        links = page.get_by_role("navigation", name="Main").get_by_role("link")
        assert await links.all_inner_texts() == ["Customers", "Classes", "Reports", "Events"]
        await page.goto(f"{address}/#/webhooks")
        await page.get_by_text("needs the permission “Webhooks read”").wait_for()
