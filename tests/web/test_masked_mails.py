"""Callers who may not see names cannot read them in mails or on confirmation pages."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.clock import Clock
from tests.databases import Databases
from tests.graphql_client import Api, running_api
from tests.mails import Mail, Page, mails_in
from tests.marked_world import MASKING, masked_token

OWN = "reader@elsewhere.example"


@pytest_asyncio.fixture
async def api(databases: Databases) -> AsyncIterator[Api]:
    """Yield an application where reading personal data needs its scope."""
    async with running_api(databases, Clock(), **MASKING) as started:
        yield started


async def mail_to_own_address(api: Api, class_code: str, token: str) -> Mail:
    """Set a contact's email address to the caller's own, request verification; return the mail."""
    customer = await api.save_customer(name="Quillon Verity", classCode=class_code)
    made = await api.done(
        "saveContact",
        "contact { id }",
        customerId=customer["id"],
        name="Hettie Barnabas",
        email="hettie@a.example",
    )
    contact = made["contact"]["id"]
    await api.done("saveContact", "", id=contact, email=OWN, token=token)
    await api.done("requestEmailVerification", "", contactId=contact, token=token)
    await api.work()
    (mail,) = mails_in(api.platform.settings.mailbox)
    assert OWN in str(mail.message["To"])
    return mail


async def texts(api: Api, mail: Mail) -> list[str]:
    """Return the texts of the mail and of the pages behind its link."""
    pages = [await api.http.get(mail.path()), await api.http.post(mail.path())]
    assert [Page(page.text).state for page in pages] == ["OPEN", "DONE"]
    return [bytes(mail.message).decode(), mail.text, mail.html, *(page.text for page in pages)]


@pytest.mark.parametrize(
    ("class_code", "is_customer_named"), [("RESIDENTIAL", False), ("CHARITY", True)]
)
async def test_a_mail_repeats_no_name_that_its_requester_may_not_see(
    api: Api, class_code: str, is_customer_named: bool
) -> None:
    """R93: names of organisations are included, because the API shows them too."""
    said = await texts(api, await mail_to_own_address(api, class_code, await masked_token(api)))
    for text in said:
        assert "Hettie" not in text
        assert "Barnabas" not in text
    assert [("Quillon Verity" in text) for text in said[1:]] == [is_customer_named] * 4
    assert ("A customer of ours has this email address for you" in said[1]) is not is_customer_named
    assert "Hello," in said[1]


async def test_a_mail_that_staff_asks_for_names_the_contact_and_the_customer(api: Api) -> None:
    """R60."""
    mail = await mail_to_own_address(api, "RESIDENTIAL", api.token)
    for text in (await texts(api, mail))[1:]:
        assert "Hettie Barnabas" in text
        assert "Quillon Verity" in text
