"""The example front end in a real browser, beside a running API."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.browsers import playwright, visiting
from tests.clock import Clock
from tests.databases import Databases
from tests.examples.web_visits import (
    DESKTOP,
    PHONE,
    accessible,
    fill,
    form,
    needs_web,
    picture,
    press,
    see,
    serving_site,
    signed_in,
)
from tests.graphql_client import LiveApi, running_live_api
from tests.listening import ENOUGH_S
from tests.mails import Mail, mails_in

playwright()
pytestmark = [pytest.mark.browser, *needs_web]

LIMITED = "Company (UK Limited)"
SLOW = "00000417"
"""A company of the sandbox whose lookup takes some seconds, so that a page is seen before it."""

NAMES_OF = "fields => fields.map(field => field.name)"


@pytest.fixture
async def live(databases: Databases, clock: Clock) -> AsyncIterator[LiveApi]:
    async with running_live_api(databases, clock) as api:
        yield api


@pytest.fixture
async def address(live: LiveApi) -> AsyncIterator[str]:
    async with serving_site(live) as origin:
        yield origin


async def add_company(live: LiveApi, **values: Any) -> str:
    """Add a company with a contact who receives bills; return the customer's id."""
    given = {"name": "Acme PLC", "classCode": "COMPANY_UK_PLC", **values}
    customer: str = (await live.save_customer(**given))["id"]
    contact: dict[str, Any] = {"name": "Ann Sample", "email": "ann@acme.example"}
    await live.done("saveContact", "", customerId=customer, receivesBills=True, **contact)
    return customer


async def add_check(live: LiveApi) -> str:
    """Send a file of which two rows have faults, to be checked; return the id of the import."""
    headers = {"Authorization": f"Bearer {live.token}", "Content-Type": "text/csv"}
    content = "name,classCode\n,CHARITY\nAcme,NOTHING\nBell,CHARITY\n"
    sent = await live.http.post("/imports?dryRun=true", content=content, headers=headers)
    return str(sent.json()["importId"])


async def first_mail(live: LiveApi) -> Mail:
    """Wait for the worker to send a mail."""
    async with asyncio.timeout(ENOUGH_S):
        while True:
            for mail in mails_in(live.platform.settings.mailbox):
                return mail
            await asyncio.sleep(0.05)


async def test_a_company_is_saved_followed_and_its_suggestions_accepted(
    live: LiveApi, address: str
) -> None:
    """Each fault is shown at its field, and the page follows the lookup by itself."""
    async with signed_in(address, live.token) as page:
        assert page.url == f"{address}/"  # The token is no longer in the address.
        await page.get_by_role("link", name="Add a customer").click()
        await page.get_by_label("Class", exact=True).select_option(label=LIMITED)
        await fill(page, companyNumber="nonsense", profile__employees="-4")
        await fill(page, profile__netAssets__value="lots")
        await press(page, "Save")
        await page.locator("[name=name][aria-invalid=true]").wait_for()
        faulty = await page.locator("[aria-invalid=true]").evaluate_all(NAMES_OF)
        assert faulty == ["name", "companyNumber", "profile.employees", "profile.netAssets.value"]
        await picture(page, "faults")
        await page.get_by_role("alert").get_by_role("button").first.click()
        assert await page.locator(":focus").get_attribute("name") == "name"
        await fill(page, name="Sandbox Slow Limited", companyNumber=SLOW, profile__employees="4")
        await fill(page, profile__netAssets__value="", profile__incorporatedOn="2001-02-03")
        await press(page, "Save")
        await page.get_by_text("This page changes by itself").wait_for()
        await see(page, "Suggestions")
        await picture(page, "customer")
        await press(page, "Accept the chosen")
        await page.get_by_role("heading", name="Suggestions").wait_for(state="detached")
    (customer,) = (await live.data("{ customers { nodes { id } } }"))["customers"]["nodes"]
    found = await live.customer(
        customer["id"], "profile { employees { value } incorporatedOn { value } }"
    )
    assert found["profile"] == {
        "employees": {"value": 8},
        "incorporatedOn": {"value": "2012-03-14"},
    }


async def test_a_value_of_the_wrong_type_is_shown_at_its_field(live: LiveApi, address: str) -> None:
    """Text in place of a number is told beside the other faults."""
    async with signed_in(address, live.token) as page:
        await page.get_by_role("link", name="Add a customer").click()
        await fill(page, profile__employees="many")
        await press(page, "Save")
        await page.locator("[name='profile.employees'][aria-invalid=true]").wait_for()
        assert await page.locator("[name=name][aria-invalid=true]").count() == 1


async def test_a_contact_confirms_by_mail_and_the_page_changes_by_itself(
    live: LiveApi, address: str
) -> None:
    customer = await add_company(live)
    async with signed_in(address, live.token) as page:
        await page.goto(f"{address}/#/customers/{customer}/contacts")
        await press(page, "Ask to verify: Ann Sample")
        mail_page = await page.context.new_page()
        await mail_page.goto(address + (await first_mail(live)).path())
        await press(mail_page, "Confirm this address")
        await mail_page.close()
        await page.get_by_text("Email verified", exact=True).wait_for()
        await picture(page, "contacts")


async def test_consent_is_recorded_withdrawn_and_its_evidence_downloaded(
    live: LiveApi, address: str
) -> None:
    customer = await add_company(live)
    async with signed_in(address, live.token) as page:
        await page.goto(f"{address}/#/customers/{customer}/consent")
        given = {"givenBy": "Ann Sample", "documentName": "Terms", "documentVersion": "3.2"}
        await fill(page, **given, evidenceReference="ticket 7")
        await press(page, "Record the consent")
        await page.get_by_role("alert").wait_for()  # Nobody has affirmed what the document covers.
        await page.get_by_label("The document covers").check()
        await press(page, "Record the consent")
        await page.get_by_text("Consent given", exact=True).wait_for()
        await page.get_by_text("1 entry, verified").wait_for()
        await picture(page, "consent")
        async with page.expect_download() as download:
            await press(page, "Download the evidence (CSV)")
        evidence = await asyncio.to_thread(Path(await (await download.value).path()).read_text)
        assert "Ann Sample" in evidence
        await form(page, "Withdraw consent").get_by_label("Asked by").fill("Ann Sample")
        await press(page, "Withdraw the consent")
        await page.get_by_text("No consent", exact=True).wait_for()
        await page.get_by_text("2 entries, verified").wait_for()
        await page.get_by_text("Ledger intact").wait_for()


async def test_a_customer_moves_to_another_class_for_a_reason(live: LiveApi, address: str) -> None:
    customer = await add_company(live)
    async with signed_in(address, live.token) as page:
        await page.goto(f"{address}/#/customers/{customer}")
        await page.get_by_label("New class").select_option(label="Charity")
        await press(page, "Change the class")
        await page.get_by_role("button", name="Reason: please fill this in.").wait_for()
        await fill(page, reason="x" * 1001)
        await press(page, "Change the class")
        await page.get_by_role("button", name="Reason: use at most 1,000 characters.").wait_for()
        await fill(page, reason="Registered as a charity")
        await press(page, "Change the class")
        await page.get_by_text("· Charity").wait_for()
    found = await live.customer(customer, "customerClass { name }")
    assert found["customerClass"] == {"name": "Charity"}


async def test_a_request_for_non_itemised_bills_is_recorded_and_withdrawn(
    live: LiveApi, address: str
) -> None:
    customer = await add_company(live)
    async with signed_in(address, live.token) as page:
        await page.goto(f"{address}/#/customers/{customer}/consent")
        request = form(page, "Non-itemised bills")
        await request.get_by_label("Asked by").fill("Ann Sample")
        await press(page, "Record the request")
        await page.get_by_text("Requested since").wait_for()
        await request.get_by_label("Asked by").fill("Ann Sample")
        await press(page, "Withdraw the request")
        await page.get_by_text("Not requested", exact=True).wait_for()
        await page.get_by_text("2 entries, verified").wait_for()


async def test_an_entry_of_the_ledger_is_corrected_and_the_old_one_stays(
    live: LiveApi, address: str
) -> None:
    customer = await add_company(live)
    asked = {"askedBy": "Ann Sample", "method": "TELEPHONE"}
    await live.done("requestNonItemisedBills", "", customerId=customer, **asked)
    async with signed_in(address, live.token) as page:
        await page.goto(f"{address}/#/customers/{customer}/consent")
        correction = form(page, "Correct an entry")
        await correction.get_by_label("Right evidence").fill("ticket 8")
        await correction.get_by_label("Reason of the correction").fill("Wrong ticket")
        await press(page, "Correct the entry")
        await page.get_by_text("2 entries, verified").wait_for()
        assert await correction.get_by_role("option").all_inner_texts() == [
            "2: Non itemised request"
        ]
        await correction.get_by_label("Reason of the correction").fill("Another customer's")
        await correction.get_by_label("The entry should not have been made").check()
        await press(page, "Correct the entry")
        await page.get_by_text("Not requested", exact=True).wait_for()
        await page.get_by_text("3 entries, verified").wait_for()


async def test_a_preview_shows_what_if_beside_what_is_on_record(
    live: LiveApi, address: str
) -> None:
    customer = await add_company(live)
    async with signed_in(address, live.token, color_scheme="dark") as page:
        await page.goto(f"{address}/#/customers/{customer}/delivery")
        await page.get_by_label("Consent is given").select_option("yes")
        await press(page, "Show")
        assumed = page.get_by_role("region", name="What if")
        recorded = page.get_by_role("region", name="On record now")
        await assumed.get_by_text("Itemised", exact=True).wait_for()
        assert await recorded.get_by_text("Short", exact=True).count() == 1
        assert await assumed.get_by_text("changed", exact=True).count() == 3
        await recorded.scroll_into_view_if_needed()
        await picture(page, "delivery-dark")
        await page.get_by_label("At", exact=True).fill("2026-10-02T09:00")
        await press(page, "Show")
        await page.get_by_role("region", name="On record then").wait_for()


async def test_a_retirement_lists_its_effects_before_it_is_offered(
    live: LiveApi, address: str
) -> None:
    """The button of a deletion that is not possible says why, also to a screen reader."""
    made = await live.save_class(name="Clubs")
    await live.save_customer(name="Chess Club", classId=made["id"])
    async with signed_in(address, live.token) as page:
        await page.get_by_role("link", name="Classes").click()
        delete = page.get_by_role("button", name="Delete Clubs")
        assert await delete.get_attribute("aria-disabled") == "true"
        reasons = await delete.get_attribute("aria-describedby")
        assert "1 customer" in await page.locator(f"[id='{reasons}']").inner_text()
        await picture(page, "classes", whole=False)
        await press(page, "Retire Clubs")
        await see(page, "Retire Clubs")
        retire = page.get_by_role("button", name="Retire the class")
        assert await retire.count() == 0
        await page.get_by_label("Replacement").select_option(label="Charity")
        await page.get_by_text("1 customer moves to the replacement.").wait_for()
        assert (
            await live.data("query($id: ID) { customerClass(id: $id) { status } }", **made)
        ) == {"customerClass": {"status": "ACTIVE"}}
        await fill(page, reason="Merged")
        await picture(page, "retire")
        await retire.click()
        await see(page, "Customer classes")
        await page.get_by_role("link", name="retired").click()
        await see(page, "Clubs")


async def test_pages_of_customers_go_both_ways_and_keep_the_filter(
    live: LiveApi, address: str
) -> None:
    for number in range(25):
        await live.save_customer(name=f"Pub {number:02}")
    await live.save_customer(name="Another")
    async with signed_in(address, live.token) as page:
        await fill(page, text="Pub")
        await press(page, "Show")
        await page.get_by_text("25 found").wait_for()
        await page.get_by_role("link", name="Next page").click()
        await page.get_by_role("link", name="Pub 24").wait_for()
        assert await page.get_by_role("row").count() == 1 + 5
        await page.get_by_role("link", name="Previous page").click()
        await page.get_by_role("link", name="Pub 00").wait_for()
        assert await page.get_by_role("row").count() == 1 + 20
        assert await page.get_by_role("link", name="Previous page").count() == 0


async def test_a_token_that_the_api_refuses_leads_back_to_the_sign_in(
    live: LiveApi, address: str
) -> None:
    async with visiting() as visit:
        page = visit.page
        await page.goto(f"{address}/#token=ccl_{'x' * 43}")
        await page.get_by_role("alert").get_by_text("does not accept this token").wait_for()
        await page.get_by_label("Access token").fill(live.token)
        await press(page, "Sign in")
        await see(page, "Customers")


async def test_the_keyboard_reaches_the_content_first(live: LiveApi, address: str) -> None:
    async with signed_in(address, live.token) as page:
        await page.keyboard.press("Tab")
        assert await page.locator(":focus").inner_text() == "Skip to content"
        await page.keyboard.press("Enter")
        assert await page.locator(":focus").get_attribute("id") == "main"
        await page.keyboard.press("Tab")
        assert await page.locator(":focus").inner_text() == "Add a customer"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
async def test_every_page_is_accessible(
    live: LiveApi, address: str, size: dict[str, int], scheme: str
) -> None:
    typed = {"employees": 4, "incorporatedOn": "2001-02-03"}
    customer = await add_company(live, companyNumber="00000102", profile=typed)
    await live.settled(customer)
    classes = await live.class_of("COMPANY_UK_PLC")
    endpoint: dict[str, Any] = {"url": "https://hooks.example.com/crm", "description": "CRM"}
    await live.done("saveWebhookEndpoint", "", **endpoint, isActive=False)
    pages = {
        "customers": "Customers",
        "customers/new": "Add a customer",
        f"customers/{customer}": "Suggestions",
        f"customers/{customer}/edit": "Edit Acme PLC",
        f"customers/{customer}/contacts": "Ann Sample",
        f"customers/{customer}/consent": "Ledger",
        f"customers/{customer}/delivery": "On record now",
        "classes": LIMITED,
        "classes/new": "Add a class",
        f"classes/{classes['id']}": "Edit Company (UK PLC)",
        f"classes/{classes['id']}/retire": "What will happen",
        "reports": "Customers by month",
        "events": "Events",
        f"imports/{await add_check(live)}": "Check",
        "webhooks": "CRM",
        "nowhere": "Not found",
    }
    settings: dict[str, Any] = {"viewport": size, "color_scheme": scheme, "bypass_csp": True}
    async with signed_in(address, live.token, **settings) as page:
        for path, heading in pages.items():
            await page.goto(f"{address}/#/{path}")
            await see(page, heading)
            await accessible(page)
            if size == PHONE and scheme == "light" and re.fullmatch(r"customers/cus_\w+", path):
                await picture(page, "phone", whole=False)
        await page.goto(f"{address}/#/customers/new")
        await press(page, "Save")
        await page.get_by_role("alert").wait_for()
        await accessible(page)
