"""Helpers for tests of the confirmation pages, to which links in mails lead."""

import base64
import hashlib
import re
from typing import Any

import httpx

from tests.graphql_client import Api
from tests.mails import Mail, Page, mails_in

HARMLESS = {
    "content-type": "text/html; charset=utf-8",
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "x-robots-tag": "noindex, nofollow",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


STYLE = re.compile(r"<style>(.*)</style>", re.DOTALL)


UNKNOWN = "x" * 43


def guarded(response: httpx.Response) -> Page:
    """Assert the headers and elements that every page must have; return the parsed page."""
    assert {name: response.headers[name] for name in HARMLESS} == HARMLESS
    style = STYLE.search(response.text)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert response.headers["content-security-policy"] == (
        f"default-src 'none'; style-src 'sha256-{digest}'; form-action 'self';"
        " base-uri 'none'; frame-ancestors 'none'"
    )
    assert "set-cookie" not in response.headers
    page = Page(response.text)
    assert page.language == "en"
    assert '<meta name="viewport" content="width=device-width, initial-scale=1">' in response.text
    assert {"script", "img", "link", "iframe"}.isdisjoint(page.tags)
    assert page.tags.count("h1") == 1
    return page


async def ask(api: Api, **values: Any) -> Mail:
    """Add a contact, request verification of its email address, and return the mail."""
    customer = await api.save_customer(name=values.pop("customer", "Acme"))
    given = {"customerId": customer["id"], "name": "Ann", "email": "ann@acme.example", **values}
    made = await api.done("saveContact", "contact { id }", **given)
    await api.done("requestEmailVerification", "", contactId=made["contact"]["id"])
    await api.work()
    return mails_in(api.platform.settings.mailbox)[-1]
