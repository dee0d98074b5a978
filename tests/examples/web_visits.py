"""Visits of the example front end in a real browser, beside a running API.

With SCREENSHOTS set to a folder, the tests write the pictures of the docs into it.
"""

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.browsers import needs_browser, visiting
from tests.graphql_client import Api, serving

WEB = Path(__file__).resolve().parent.parent.parent / "examples" / "web"
BUILT = WEB / "dist"
AXE = WEB / "node_modules" / "axe-core" / "axe.min.js"

needs_web = [
    needs_browser,
    pytest.mark.skipif(
        not (BUILT / "index.html").is_file() or not AXE.is_file(),
        reason="examples/web is not built: npm ci && npm run build",
    ),
]
"""The marks of a module of tests; it calls `playwright()` too."""

DESKTOP = {"width": 1100, "height": 760}
PHONE = {"width": 360, "height": 740}
POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:;"
    b" base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
VIOLATIONS = """async () => (await axe.run()).violations.map(
  one => `${one.id}: ${one.nodes.map(node => node.html).join(' ')}`)"""
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


class Site:
    """Serves the built page and the API under one origin, as a proxy would."""

    def __init__(self, api: ASGIApp) -> None:
        self._api = api
        self._files = StaticFiles(directory=BUILT, html=True)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_file = scope["type"] == "http" and (
            scope["path"] == "/" or scope["path"].startswith("/assets/")
        )
        if not is_file:
            await self._api(scope, receive, send)
            return

        async def send_guarded(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"].append((b"content-security-policy", POLICY))
            await send(message)

        await self._files(scope, receive, send_guarded)


@asynccontextmanager
async def serving_site(api: Api) -> AsyncIterator[str]:
    """Serve the built page and a running API; yield their origin."""
    async with serving(Site(api.app)) as place:
        yield f"http://{place}"


@asynccontextmanager
async def signed_in(
    address: str, token: str, complaints: Sequence[str] = (), **settings: Any
) -> AsyncIterator[Any]:
    """Open the list of customers; afterwards assert what the console has complained of."""
    given = {"viewport": DESKTOP, "locale": "en-GB", "timezone_id": "Europe/London", **settings}
    async with visiting(**given) as visit:
        await visit.page.goto(f"{address}/#token={token}")
        await see(visit.page, "Customers")
        yield visit.page
    assert visit.complaints == list(complaints)


async def see(page: Any, heading: str) -> None:
    await page.get_by_role("heading", name=heading, exact=True).wait_for()


async def press(page: Any, button: str) -> None:
    await page.get_by_role("button", name=button, exact=True).click()


def form(page: Any, name: str) -> Any:
    return page.get_by_role("form", name=name, exact=True)


async def fill(page: Any, **values: str) -> None:
    """Fill in fields by their names; `__` stands for a dot."""
    for name, value in values.items():
        await page.locator(f"[name='{name.replace('__', '.')}']").fill(value)


async def picture(page: Any, name: str, *, whole: bool = True) -> None:
    folder = os.environ.get("SCREENSHOTS")
    if folder:
        await page.screenshot(path=Path(folder) / f"{name}.png", full_page=whole)


async def accessible(page: Any) -> None:
    """Assert that axe finds no violation, and that the page is not wider than the screen."""
    await page.evaluate(AXE.read_text())
    assert await page.evaluate(VIOLATIONS) == []
    assert await page.evaluate(OVERFLOW) <= 0
