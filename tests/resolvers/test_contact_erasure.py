"""Erasing a contact removes their name and email address everywhere, and nothing else."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from email.message import EmailMessage

import pytest

from models import AuditEntry, ContactState, QuotaUse
from models.tables.access import Scope
from notifications.file_transport import FileTransport
from tests.graphql_client import Api, Json, stored
from tests.mails import mails_in
from tests.partner_world import bound_token

MARKS = ("zq-ann", "zq-old", "zq-why", "zq-other")
"""Texts that are stored about the contact to erase."""


async def full_contact(api: Api) -> tuple[str, str]:
    """Create a contact with all kinds of stored data; return the ids of contact and customer."""
    customer = (await api.save_customer(name="Acme"))["id"]
    given = {"customerId": customer, "name": "zq-old", "email": "zq-old@a.example"}
    made = await api.done("saveContact", "contact { id }", receivesBills=True, **given)
    contact = made["contact"]["id"]
    await api.done("requestEmailVerification", "", contactId=contact)
    await api.work()
    await api.done("saveContact", "", id=contact, name="zq-ann", email="zq-ann@a.example")
    await api.done("requestEmailVerification", "", contactId=contact)
    await api.work()
    mails = mails_in(api.platform.settings.mailbox)
    (mail,) = [one for one in mails if "zq-ann" in str(one.message["To"])]
    assert (await api.http.post(mail.path())).status_code == 200
    await api.done("requestAttachmentPreference", "", contactId=contact)
    await api.done("withdrawAttachmentPreference", "", contactId=contact, reason="zq-why")
    await api.done("requestAttachmentPreference", "", contactId=contact)  # its mail is queued
    return contact, customer


async def marks() -> set[str]:
    """Return the marks that are still stored in any table."""
    text = repr(await stored()).casefold()
    return {mark for mark in MARKS if mark in text}


async def nothing_before(api: Api, contact: str) -> None:
    """Do nothing before the erasure."""


async def delete(api: Api, contact: str) -> None:
    """Delete the contact."""
    await api.done("deleteContact", "deletedId", id=contact)


@pytest.mark.parametrize("before", [nothing_before, delete])
async def test_nothing_of_an_erased_contact_is_left_and_its_history_stays(
    api: Api, before: Callable[[Api, str], Awaitable[None]]
) -> None:
    """A18: whether the contact was deleted before or not."""
    contact, customer = await full_contact(api)
    given = {"customerId": customer, "name": "zq-other", "email": "zq-other@a.example"}
    await api.done("saveContact", "", **given)
    await before(api, contact)
    assert await marks() == set(MARKS)
    rows = await stored()
    entries = await AuditEntry.filter(subject_id=contact).count()
    states = await ContactState.filter(contact_id=contact).count()
    api.clock.advance(timedelta(seconds=api.platform.settings.worker_lease_s))
    done = await api.done("eraseContact", "erasedId", id=contact)
    assert done == {"erasedId": contact, "userErrors": []}
    assert await marks() == {"zq-other"}
    told = await AuditEntry.filter(subject_id=contact).order_by("at", "id")
    assert len(told) == entries + 1
    assert [one.operation for one in told if one.erased_at is None] == ["contact.erased"]
    assert await ContactState.filter(contact_id=contact).count() == states + (
        before is nothing_before
    )
    now = await stored()
    assert now["PreferenceEntry"] == rows["PreferenceEntry"]
    assert [one["name"] for one in now["Customer"]] == ["Acme"]
    assert await api.work() == 1  # this deletes the mails
    assert mails_in(api.platform.settings.mailbox) == []
    assert await api.work() == 0
    document = "query($id: ID!) { node(id: $id) { id } }"
    assert await api.data(document, id=contact) == {"node": None}


async def test_erasing_again_changes_nothing(api: Api) -> None:
    contact, customer = await full_contact(api)
    await api.done("eraseContact", "erasedId", id=contact)
    before = await stored()
    for version in (None, 1):
        done = await api.done("eraseContact", "erasedId", id=contact, expectedVersion=version)
        assert done["erasedId"] == contact
    assert await stored() == before
    await api.done("deleteCustomer", "deletedId", id=customer)
    before = await stored()
    assert (await api.done("eraseContact", "erasedId", id=contact))["erasedId"] == contact
    assert await stored() == before


async def test_a_contact_that_is_called_erased_is_erased_all_the_same(api: Api) -> None:
    contact, _ = await full_contact(api)
    await api.done("saveContact", "", id=contact, name="(erased)")
    await delete(api, contact)
    await api.done("eraseContact", "erasedId", id=contact)
    assert await marks() == set()


async def test_a_dry_run_a_stale_version_and_an_unknown_contact_erase_nothing(api: Api) -> None:
    """R101."""
    contact, _ = await full_contact(api)
    before = await stored()
    done = await api.done("eraseContact", "erasedId", id=contact, dryRun=True)
    assert done["erasedId"] is None
    await api.refused("eraseContact", "VERSION_CONFLICT", id=contact, expectedVersion=1)
    await api.refused("eraseContact", "NOT_FOUND", id="con_01jzzzzzzzzzzzzzzzzzzzzzzz")
    assert await stored() == before


async def test_only_who_may_change_a_contact_may_erase_it(api: Api) -> None:
    """R99: partners can erase contacts of their own customers, and find no others."""
    contact, customer = await full_contact(api)
    document = """mutation($id: ID!) { eraseContact(input: { id: $id }) {
      erasedId userErrors { code } } }"""
    reader = await api.token_for(*(set(Scope) - {Scope.CONTACTS_WRITE}))
    before = await stored()
    error = await api.error(document, token=reader, id=contact)
    assert error["extensions"]["requiredScopes"] == ["CONTACTS_WRITE"]
    reseller = await api.save_customer(name="Reseller", classCode="RESELLER_SOLE_TRADER")
    _, secret = await bound_token(reseller["id"], api.clock())
    refused: Json = (await api.data(document, token=secret, id=contact))["eraseContact"]
    assert [one["code"] for one in refused["userErrors"]] == ["NOT_FOUND"]
    after = await stored()
    assert after["Contact"] == before["Contact"]
    await api.save_customer(id=customer, parentId=reseller["id"])
    done = (await api.data(document, token=secret, id=contact))["eraseContact"]
    assert done == {"erasedId": contact, "userErrors": []}
    assert await marks() == set()


async def test_no_reason_of_an_erased_customer_is_left(api: Api) -> None:
    """A18: neither the reasons of class changes nor that of the deletion."""
    kept, gone = [await api.save_customer(classCode="RESIDENTIAL") for _ in range(2)]
    trader = await api.class_of("SOLE_TRADER")
    for customer, reason in ((gone, "zq-why"), (kept, "zq-other")):
        await api.done(
            "changeCustomerClass",
            "",
            customerId=customer["id"],
            classId=trader["id"],
            reason=reason,
        )
    assert await marks() == {"zq-why", "zq-other"}
    await api.done("deleteCustomer", "deletedId", id=gone["id"])
    assert await marks() == {"zq-other"}
    history = {row["customer_id"]: row for row in (await stored())["ClassChange"]}
    assert history[gone["id"]]["reason"] == "(erased)"
    assert history[gone["id"]]["changed_by"] == history[kept["id"]]["changed_by"]


async def test_mails_of_an_erased_customer_are_deleted_and_others_stay(api: Api) -> None:
    """A18: without a mail server, mails are files."""
    _, customer = await full_contact(api)
    other = (await api.save_customer(name="Other"))["id"]
    given = {"customerId": other, "name": "zq-other", "email": "zq-other@a.example"}
    made = await api.done("saveContact", "contact { id }", **given)
    await api.done("requestEmailVerification", "", contactId=made["contact"]["id"])
    await api.work()
    mailbox = api.platform.settings.mailbox
    assert len(mails_in(mailbox)) > 1
    await api.done("deleteCustomer", "deletedId", id=customer)
    await api.work()
    (kept,) = mails_in(mailbox)
    assert "zq-other" in str(kept.message["To"])


async def test_a_mail_that_was_on_its_way_during_the_erasure_is_deleted(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    customer = (await api.save_customer(name="Acme"))["id"]
    given = {"customerId": customer, "name": "zq-ann", "email": "zq-ann@a.example"}
    contact = (await api.done("saveContact", "contact { id }", **given))["contact"]["id"]
    await api.done("requestEmailVerification", "", contactId=contact)
    send = FileTransport.send

    async def send_late(self: FileTransport, message: EmailMessage, recipient: str) -> None:
        await api.done("eraseContact", "erasedId", id=contact)
        for file in api.platform.settings.mailbox.glob("*.eml"):
            file.unlink()  # as the erasure's job may do before this job writes
        await send(self, message, recipient)

    monkeypatch.setattr(FileTransport, "send", send_late)
    await api.work()
    assert mails_in(api.platform.settings.mailbox) == []


async def test_uses_of_mail_quotas_name_no_mail_of_an_erased_contact(api: Api) -> None:
    """A18: the uses still count; otherwise erasing contacts would lift a mailbox's limit."""
    contact, _ = await full_contact(api)
    before = await QuotaUse.filter(key__startswith="mailbox ").order_by("id").values()
    assert [one["subject"].startswith("cfm_") for one in before] == [True] * len(before)
    await api.done("eraseContact", "erasedId", id=contact)
    after = await QuotaUse.filter(key__startswith="mailbox ").order_by("id").values()
    assert [one["key"] for one in after] == [one["key"] for one in before]
    assert [one["subject"].startswith("erased ") for one in after] == [True] * len(before)
