"""The confirmation pages: text, status, headers, and logging."""

import logging
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urljoin

import pytest

from models import Confirmation, Contact
from models.rules.uk_time import uk_time
from tests.captured_logs import captured_logs
from tests.clock import Clock
from tests.databases import Databases
from tests.graphql_client import Api, running_api, stored
from tests.mails import Mail, mails_in
from tests.web.confirmation_pages import UNKNOWN, ask, guarded


async def test_an_open_link_shows_what_is_confirmed_and_to_whom_with_one_button(api: Api) -> None:
    """R60."""
    mail = await ask(api, customer="Acme Limited")
    response = await api.http.get(mail.path())
    assert response.status_code == 200
    page = guarded(response)
    assert page.forms == [{"method": "post"}]
    assert page.tags.count("button") == 1
    for said in ("Is this your email address?", "ann@acme.example", "Ann", "Acme Limited"):
        assert said in page.words
    done = await api.http.post(mail.path())
    assert done.status_code == 200
    assert "a" not in page.tags
    page = guarded(done)
    assert (page.state, page.forms) == ("DONE", [])
    assert "Your email address is confirmed." in page.words


async def test_names_on_a_page_are_never_taken_for_html(api: Api) -> None:
    name = '"><script>alert(1)</script>{{ 7*7 }}'
    mail = await ask(api, name=name, customer=name)
    response = await api.http.get(mail.path())
    assert name in guarded(response).words


@pytest.mark.parametrize("method", ["GET", "POST", "HEAD"])
@pytest.mark.parametrize(
    "token", [UNKNOWN, "x", "x" * 44, "x" * 42 + "!", "%00" * 43, "é" * 43, "x" * 5000]
)
async def test_a_wrong_link_is_not_found_and_says_so(api: Api, method: str, token: str) -> None:
    """R67."""
    mail = await ask(api)
    assert mail.links
    before = await stored()
    for page in ("confirm", "withdraw"):
        response = await api.http.request(method, f"/{page}/{token}")
        assert response.status_code == 404
        if method != "HEAD":
            shown = guarded(response)
            assert shown.state == "UNKNOWN"
            assert "We do not know this link" in shown.words
    assert await stored() == before


async def test_a_link_is_for_its_own_page_only(api: Api) -> None:
    """R67: a link to confirm cannot withdraw."""
    token = (await ask(api)).path().rsplit("/", 1)[1]
    before = await stored()
    assert (await api.http.post(f"/withdraw/{token}")).status_code == 404
    assert await stored() == before


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
async def test_other_methods_do_nothing(api: Api, method: str) -> None:
    mail = await ask(api)
    before = await stored()
    assert (await api.http.request(method, mail.path())).status_code == 405
    assert await stored() == before


async def test_a_page_that_fails_says_so_and_keeps_its_headers(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    mail = await ask(api)

    raised: Exception

    async def fail(*_: object, **__: object) -> None:
        raise raised

    before = await stored()
    with monkeypatch.context() as patch:
        patch.setattr("models.changes.confirmation_answer.ConfirmationToken.get_or_none", fail)
        for method in ("GET", "POST"):
            raised = RuntimeError("10.1.2.3:5432 says no")
            response = await api.http.request(method, mail.path())
            assert response.status_code == 500
            raised = ConnectionRefusedError("10.1.2.3:5432 says no")
            response = await api.http.request(method, mail.path())
            assert (response.status_code, response.headers["retry-after"]) == (503, "2")
            assert "10.1.2.3" not in response.text
            assert "went wrong on our side" in guarded(response).words
    assert await stored() == before
    assert (await api.http.post(mail.path())).status_code == 200


@pytest.mark.parametrize("log_format", ["json", "readable"])
async def test_no_log_holds_a_link_or_an_address(
    api: Api, monkeypatch: pytest.MonkeyPatch, log_format: str
) -> None:
    """R67: neither for existing pages, nor for unknown ones, nor for failures."""
    monkeypatch.setattr(logging.getLogger("httpx"), "disabled", True)  # the HTTP client's own log
    with captured_logs(log_format) as written:
        mail = await ask(api, name="Zanzibar Quux", email="zanzibar@quux.example")
        token = mail.path().rsplit("/", 1)[1]
        for path in (mail.path(), f"/withdraw/{token}", f"/Confirm/{token}/x", f"//{token}"):
            await api.http.get(path)
            await api.http.post(path)

        async def fail(*_: object, **__: object) -> None:
            raise RuntimeError(token)

        with monkeypatch.context() as patch:
            patch.setattr("models.changes.confirmation_answer.ConfirmationToken.get_or_none", fail)
            await api.http.post(mail.path())
        with monkeypatch.context() as patch:
            patch.setattr("notifications.file_transport.FileTransport.send", fail)
            await ask(api, name="Zanzibar Quux", email="zanzibar@quux.example")
    logged = written.getvalue()
    for said in ("page_failed", "job_crashed", "/confirm/"):
        assert said in logged
    for secret in (token, token[:16], token[-16:], "Zanzibar", "quux"):
        assert secret not in logged
    failed = await Confirmation.all().order_by("-id").limit(1)
    assert [one.mail_failure for one in failed] == ["INTERNAL_ERROR"]


async def ask_for_preference(api: Api, **later: Any) -> Mail:
    """Request a preference from a verified contact, change it, and return the mail."""
    mail = await ask(api, receivesBills=True)
    await api.http.post(mail.path())
    contact = await Contact.all().order_by("-id").first()
    assert contact is not None
    await api.done(
        "requestAttachmentPreference",
        "",
        contactId=contact.id,
        documents=["BILL", "CDR_ZIP"],
    )
    await api.work()
    if later:
        await api.done("saveContact", "", id=contact.id, **later)
    mails = mails_in(api.platform.settings.mailbox)
    return next(one for one in mails if any("/withdraw/" in link for link in one.links))


async def test_the_page_after_a_preference_was_confirmed_says_what_was_confirmed(api: Api) -> None:
    """R60: both the page after the button, and the link when opened again."""
    mail = await ask_for_preference(api)
    for response in (await api.http.post(mail.path()), await api.http.get(mail.path())):
        page = guarded(response)
        assert page.state == "DONE"
        for said in ("You will get these in full", "Itemised bills", "CDR ZIP"):
            assert said in page.words
        for said in ("ann@acme.example", "Ann", "Acme"):
            assert said in page.words
    withdrawn = guarded(await api.http.post(mail.path(1)))
    for said in ("no longer sent", "Itemised bills", "CDR ZIP", "ann@acme.example"):
        assert said in withdrawn.words


@pytest.fixture
async def named(databases: Databases, clock: Clock) -> AsyncIterator[Api]:
    """Start the API with an organisation's name and links in the settings."""
    async with running_api(
        databases,
        clock,
        organisation_name="Acme Telecom & Co",
        organisation_privacy_url="https://telecom.example/privacy",
        organisation_contact="help@telecom.example",
    ) as started:
        yield started


ABOUT = "Questions? Contact us: help@telecom.example Privacy notice"


async def test_pages_about_an_address_say_who_asks_what_and_what_happens_next(named: Api) -> None:
    mail = await ask(named)
    whom = "Email address ann@acme.example Contact Ann Account Acme"
    opened = await named.http.get(mail.path())
    assert guarded(opened).words == (
        "Is this your email address? Acme Telecom & Co Is this your email address?"
        f" Acme Telecom & Co asks you to confirm that this email address is yours. {whom}"
        " If you press the button, we record that it is yours. You need not do anything else."
        " Confirm this address Nothing has changed so far. If you do not want this, close the page."
        f" {ABOUT}"
    )
    assert '<a href="mailto:help@telecom.example">' in opened.text
    assert '<a href="https://telecom.example/privacy">' in opened.text
    title = "Thank you. Your email address is confirmed."
    done = guarded(await named.http.post(mail.path()))
    assert done.words == (
        f"{title} Acme Telecom & Co {title} Your email address is confirmed. You can close this"
        f" page. {whom} {ABOUT}"
    )


DOCUMENTS = (
    "Itemised bills, with the list of individual calls"
    " Call data records (CDR ZIP), without a password"
)


async def test_pages_about_documents_say_who_asks_and_offer_withdrawal(named: Api) -> None:
    mail = await ask_for_preference(named)
    whom = "Email address ann@acme.example Contact Ann Account Acme"
    opened = guarded(await named.http.get(mail.path()))
    assert opened.words == (
        "Email me full call details? Acme Telecom & Co Email me full call details?"
        f" Acme Telecom & Co asks whether you want these in full by email: {DOCUMENTS} {whom}"
        " They list individual calls. If you press the button, we email them to you in full from"
        " now on. You can withdraw at any time, on the next page or with the link in the mail."
        " Yes, email these to me Nothing has changed so far. If you do not want this, close the"
        f" page. {ABOUT}"
    )
    title = "Thank you. Your choice is saved."
    done = guarded(await named.http.post(mail.path()))
    offer = (
        "If you change your mind, you can stop these emails at any time: here, or with the link in"
        f" the mail. Stop emailing these to me {ABOUT}"
    )
    assert done.words == (
        f"{title} Acme Telecom & Co {title} You will get these in full by email: {DOCUMENTS}"
        f" {whom} {offer}"
    )
    again = guarded(await named.http.get(mail.path()))
    at = uk_time(named.clock())
    assert again.words == (
        f"Already confirmed Acme Telecom & Co Already confirmed You did this on {at}. There is"
        f" nothing left to do. You will get these in full by email: {DOCUMENTS} {whom} {offer}"
    )
    assert again.forms == done.forms


async def test_the_page_after_a_confirmation_leads_to_a_withdrawal(api: Api) -> None:
    """R63: its link withdraws only the preference that was just confirmed."""
    mail = await ask_for_preference(api)
    done = guarded(await api.http.post(mail.path()))
    (form,) = done.forms
    assert form["method"] == "get"
    path = urljoin(mail.path(), form["action"])
    assert path.startswith("/withdraw/")
    assert path != mail.path(1)
    before = await stored()
    opened = guarded(await api.http.get(f"{path}?"))
    assert opened.words == (
        "Stop emailing me full call details? Stop emailing me full call details? If you press the"
        f" button, we will no longer email you these in full: {DOCUMENTS} Email address"
        " ann@acme.example Contact Ann Account Acme Bills and call data still come in their reduced"
        " form, unless the whole account has agreed to more. Yes, stop emailing these to me Nothing"
        " has changed so far. If you do not want this, close the page."
    )
    assert await stored() == before
    withdrawn = guarded(await api.http.post(path))
    assert withdrawn.words.startswith("Thank you. Your choice is saved. ")
    assert "These are no longer sent to you in full" in withdrawn.words
    over = guarded(await api.http.get(mail.path()))
    assert (over.state, over.forms) == ("DONE_BUT_OVER", [])
    assert (await api.http.get(path.replace("withdraw", "confirm"))).status_code == 404


async def test_pressing_the_button_twice_offers_the_same_withdrawal(api: Api) -> None:
    mail = await ask_for_preference(api)
    first = guarded(await api.http.post(mail.path()))
    before = await stored()
    second = guarded(await api.http.post(mail.path()))
    assert second.forms == first.forms
    assert await stored() == before


@pytest.mark.parametrize(
    ("later", "said"),
    [
        ({"isActive": False}, "inactive on this account"),
        ({"receivesBills": False}, "not on the bill distribution list"),
        ({"isActive": False, "receivesBills": False}, "inactive on this account"),
    ],
)
async def test_a_contact_that_is_sent_nothing_is_told_so(
    api: Api, later: dict[str, bool], said: str
) -> None:
    """R77: before the button is pressed, after it, and when the link is opened again."""
    mail = await ask_for_preference(api, **later)
    pages = [
        guarded(await api.http.get(mail.path())),
        guarded(await api.http.post(mail.path())),
        guarded(await api.http.get(mail.path())),
    ]
    assert [page.state for page in pages] == ["OPEN", "DONE", "DONE"]
    for page in pages:
        assert said in page.words
        assert "Itemised bills" in page.words
        assert "You will get these" not in page.words


async def test_an_inactive_contact_that_confirms_its_address_is_told_that_nothing_is_sent(
    api: Api,
) -> None:
    """R77: before the button is pressed, after it, and when the link is opened again."""
    mail = await ask(api)
    contact = await Contact.all().order_by("-id").first()
    assert contact is not None
    await api.done("saveContact", "", id=contact.id, isActive=False)
    pages = [
        guarded(await api.http.get(mail.path())),
        guarded(await api.http.post(mail.path())),
        guarded(await api.http.get(mail.path())),
    ]
    assert [page.state for page in pages] == ["OPEN", "DONE", "DONE"]
    for page in pages:
        assert "inactive on this account, so nothing is sent to you" in page.words
        assert "This choice counts" not in page.words
    active = await ask(api)
    for response in (await api.http.get(active.path()), await api.http.post(active.path())):
        assert "nothing is sent" not in guarded(response).words
