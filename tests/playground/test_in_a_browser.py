"""The built playground in a real browser: it works offline, and keeps the token to its tab."""

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.browsers import Visit, needs_browser, playwright, visiting
from tests.clock import Clock
from tests.databases import Databases
from tests.graphql_client import LiveApi, serving
from tests.sample_customers import sampled_api

BUILT = Path(__file__).resolve().parent.parent.parent / "build" / "playground" / "index.html"

playwright()
pytestmark = [
    pytest.mark.browser,
    needs_browser,
    pytest.mark.skipif(not BUILT.is_file(), reason="the playground is not built: make playground"),
]

FIRST_TAB = "Save and enrich"


@pytest.fixture
async def sampled(databases: Databases, clock: Clock) -> AsyncIterator[LiveApi]:
    async with sampled_api(databases, clock, playground=True) as live:
        yield live


@pytest.fixture
async def address(sampled: LiveApi) -> AsyncIterator[str]:
    async with serving(sampled.app) as place:
        yield f"http://{place}"


async def open_tab(page: Any, name: str) -> None:
    await page.get_by_role("tab", name=name).click()


async def run(page: Any, operation: str) -> None:
    """Run an operation of the open tab by the button, which asks which one.

    Until the document has been read the button has no menu, and runs what comes first.
    """
    await page.locator("button[aria-haspopup=menu].graphiql-execute-button").click()
    await page.get_by_role("menuitem", name=operation, exact=True).click()


async def see_answer(page: Any, text: str) -> None:
    await page.locator("section[aria-label='Result Window']").get_by_text(text).first.wait_for()


async def stored_in(page: Any, storage: str) -> str:
    stored: str = await page.evaluate(f"JSON.stringify({storage})")
    return stored


def asked_elsewhere(visit: Visit, address: str) -> list[str]:
    """Return the addresses of other origins that were asked."""
    urls = [request.url for request in visit.requested]
    return [url for url in urls if not url.startswith((address, "data:", "blob:"))]


async def test_the_printed_link_opens_a_playground_that_needs_no_other_origin(
    sampled: LiveApi, address: str
) -> None:
    """Queries, subscriptions, docs and explorer work within the content security policy."""
    async with visiting() as visit:
        page = visit.page
        await page.goto(f"{address}/playground/#token={sampled.token}")
        await page.get_by_role("tab", name=FIRST_TAB).wait_for()
        assert page.url == f"{address}/playground/"
        await run(page, "Save")
        await see_answer(page, '"PENDING"')
        await open_tab(page, "Follow a lookup")
        await run(page, "Follow")
        await see_answer(page, '"SUCCEEDED"')
        await page.get_by_role("button", name="Stop").click()
        # A tab keeps the name of its topic, whatever was run in it.
        tabs = await page.get_by_role("tab").all_inner_texts()
        assert tabs[:2] == ["Save and enrich", "Follow a lookup"]
        await open_tab(page, "Imports")
        await page.get_by_text(f'"{address}/imports?dryRun=true"').wait_for()
        await page.get_by_role("button", name="Show Documentation Explorer").click()
        await page.get_by_role("link", name="Mutation", exact=True).click()
        await page.get_by_role("link", name="saveCustomer", exact=True).wait_for()
        await page.get_by_role("button", name="Show GraphiQL Explorer").click()
        await page.get_by_text("customerEnriched").first.wait_for()
        asked = [request for request in visit.requested if request.url == f"{address}/graphql"]
        sent = {await request.header_value("authorization") for request in asked}
        assert sent == {f"Bearer {sampled.token}"}
        bodies = [request.post_data for request in asked]
        assert sum("IntrospectionQuery" in body for body in bodies) == 1
        statuses = {(await request.response()).status for request in asked}
        assert statuses == {200}
    assert asked_elsewhere(visit, address) == []
    assert visit.complaints == []


async def test_the_token_stays_in_its_tab_and_out_of_the_history(
    sampled: LiveApi, address: str
) -> None:
    """Also a token in the headers editor, which the history would store with each request."""
    other = await sampled.token_for(name="Pat Partner")
    async with visiting() as visit:
        page = visit.page
        await page.goto(f"{address}/playground/#token={sampled.token}")
        await page.get_by_role("tab", name=FIRST_TAB).wait_for()
        await page.get_by_role("button", name="Headers").click()
        await page.locator("section.graphiql-editor-tool .monaco-editor").last.click()
        await page.keyboard.insert_text(f'{{"Authorization": "Bearer {other}"}}')
        await run(page, "Find")
        await see_answer(page, '"FORBIDDEN"')
        await page.get_by_role("button", name="Show History").click()
        await page.get_by_role("button", name="Save").or_(page.get_by_text("Find")).first.wait_for()
        kept = await stored_in(page, "localStorage")
        assert "Find" in kept
        assert "ccl_" not in kept
        assert sampled.token in await stored_in(page, "sessionStorage")
        await page.reload()
        # The first tab's name may or may not have been stored yet, so wait for the second.
        await page.get_by_role("tab", name="Follow a lookup").wait_for()
        assert "ccl_" not in await stored_in(page, "localStorage")


async def test_without_a_token_the_page_asks_for_one(sampled: LiveApi, address: str) -> None:
    async with visiting() as visit:
        page = visit.page
        await page.goto(f"{address}/")
        await page.get_by_role("link", name="Open the playground").click()
        asks = page.get_by_label("Access token")
        await asks.fill(f"ccl_{'A' * 43}")
        await page.keyboard.press("Enter")
        await page.get_by_text(re.compile("The API does not accept this token")).wait_for()
        await asks.fill(f" {sampled.token} ")
        await page.get_by_role("button", name="Open the playground").click()
        await page.get_by_role("tab", name=FIRST_TAB).wait_for()
        await page.get_by_role("button", name="Sign out").click()
        await asks.wait_for()
        assert await stored_in(page, "sessionStorage") == "{}"


async def test_signing_out_forgets_what_was_typed_and_run(sampled: LiveApi, address: str) -> None:
    """Also what the editor stores with a delay, which is written after the page was left."""
    async with visiting() as visit:
        page = visit.page
        await page.goto(f"{address}/playground/#token={sampled.token}")
        await page.get_by_role("tab", name=FIRST_TAB).wait_for()
        await run(page, "Find")
        await see_answer(page, '"customers"')
        assert "Find" in await stored_in(page, "localStorage")
        await page.locator("section.graphiql-editor-tool .monaco-editor").first.click()
        await page.keyboard.insert_text("Jane Doe")
        await page.get_by_role("button", name="Sign out").click()
        await page.get_by_label("Access token").wait_for()
        await page.wait_for_timeout(1_000)  # the editor's delay is half a second
        held = await page.evaluate("Object.keys(localStorage)")
        named = {"query", "variables", "tabState", "queries", "favorites"}
        assert [key for key in held if key.removeprefix("graphiql:") in named] == []


async def test_a_link_opened_where_the_page_is_open_replaces_the_token(
    sampled: LiveApi, address: str
) -> None:
    other = await sampled.token_for(name="Pat Partner")
    async with visiting() as visit:
        page = visit.page
        for token in (sampled.token, other):
            await page.goto(f"{address}/playground/#token={token}")
            await page.wait_for_url(f"{address}/playground/")
            await page.get_by_role("tab", name=FIRST_TAB).wait_for()
            assert await stored_in(page, "sessionStorage") == json.dumps(
                {"customer-classes:token": token}, separators=(",", ":")
            )


async def test_the_first_screen_marks_no_fault(sampled: LiveApi, address: str) -> None:
    """A required input field with a default value may be left out of the variables."""
    async with visiting() as visit:
        page = visit.page
        await page.goto(f"{address}/playground/#token={sampled.token}")
        await page.get_by_role("tab", name=FIRST_TAB).wait_for()
        variables = page.locator("section.graphiql-editor-tool .monaco-editor").first
        faults = variables.locator(".squiggly-error, .squiggly-warning")
        # Faults are marked when the schema of the variables has arrived: make one, and undo it.
        await variables.click()
        await page.keyboard.press("Control+Home")
        await page.keyboard.press("ArrowRight")
        await page.keyboard.insert_text('"other": 1,')
        await faults.first.wait_for(state="attached")
        for _ in '"other": 1,':
            await page.keyboard.press("Backspace")
        await faults.first.wait_for(state="detached")


async def test_the_editor_follows_the_colours_of_the_system(sampled: LiveApi, address: str) -> None:
    async with visiting(color_scheme="light") as visit:
        page = visit.page
        await page.goto(f"{address}/playground/#token={sampled.token}")
        await page.get_by_role("tab", name=FIRST_TAB).wait_for()
        await page.locator(".monaco-editor.vs").first.wait_for()
        await page.emulate_media(color_scheme="dark")
        await page.locator(".monaco-editor.vs-dark").first.wait_for()
