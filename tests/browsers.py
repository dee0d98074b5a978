"""A real Chromium for tests of pages, where one is installed."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
BROWSER = next((path for name in NAMES if (path := shutil.which(name))), None)
needs_browser = pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed")

REPORT_VIOLATIONS = """
document.addEventListener('securitypolicyviolation', event =>
  console.error(`${event.violatedDirective} ${event.blockedURI}`));
"""


def playwright() -> Any:
    """Return playwright's module; skip the tests of the calling module if it is not installed."""
    return pytest.importorskip(
        "playwright.async_api", reason="playwright is not installed: pip install -e '.[browser]'"
    )


@dataclass
class Visit:
    """A page of the browser, with the messages of its console and the requests that it sent."""

    page: Any
    complaints: list[str] = field(default_factory=list)
    """Lines of the console, which include violations of content security policies."""
    requested: list[Any] = field(default_factory=list)


@asynccontextmanager
async def visiting(**settings: Any) -> AsyncIterator[Visit]:
    """Open an empty page in a new browser; `settings` are those of playwright's contexts."""
    async with playwright().async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        context = await browser.new_context(**settings)
        visit = Visit(await context.new_page())
        visit.page.on("console", lambda message: visit.complaints.append(message.text))
        visit.page.on("pageerror", lambda error: visit.complaints.append(str(error)))
        visit.page.on("request", lambda request: visit.requested.append(request))  # noqa: PLW0108  # playwright sets attributes
        await visit.page.add_init_script(REPORT_VIOLATIONS)
        yield visit
        await browser.close()
