"""The confirmation pages in a real browser of phone size without scripts, if installed."""

from collections.abc import AsyncIterator

import pytest

from models import Contact
from tests.browsers import needs_browser, playwright, visiting
from tests.graphql_client import Api, serving
from tests.web.confirmation_pages import ask

playwright()
pytestmark = [pytest.mark.browser, needs_browser]

PHONE = {"width": 360, "height": 740}


@pytest.fixture
async def address(api: Api) -> AsyncIterator[str]:
    async with serving(api.app) as place:
        yield f"http://{place}"


async def test_a_phone_without_scripts_shows_the_page_and_its_button_confirms(
    api: Api, address: str
) -> None:
    """R60: and the browser reports no violation of the page's content security policy."""
    long_name = "Llanfairpwllgwyngyllgogerychwyrndrobwllllantysiliogogogoch"
    path = (await ask(api, customer=long_name, email=f"{'ann.' * 15}x@acme.example")).path()
    async with visiting(viewport=PHONE, is_mobile=True, java_script_enabled=False) as visit:
        page = visit.page
        await page.goto(address + path)
        assert await page.title() == "Is this your email address?"
        button = page.get_by_role("button", name="Confirm this address")
        box = await button.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= PHONE["width"]
        assert box["height"] >= 44  # large enough for a thumb
        assert box["y"] + box["height"] <= PHONE["height"]
        name = await page.get_by_text(long_name).bounding_box()
        assert name["x"] + name["width"] <= PHONE["width"]
        assert (await Contact.get()).email_verified_at is None
        await button.dblclick()
        await page.wait_for_selector("main[data-state=DONE]")
        assert (await Contact.get()).email_verified_at == api.clock()
        await page.reload()
        assert "onfirmed" in await page.inner_text("h1")
        await page.goto(address + path)
        assert await page.inner_text("h1") == "Already confirmed"
    assert visit.complaints == []
