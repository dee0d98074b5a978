"""Limits on the mails that callers cause: per partner, for the platform, and per mailbox."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from models import AuditEntry, Confirmation, Contact, Job, QuotaUse
from models.changes.confirmation_request import request_verification
from models.changes.contact_editing import create_contact
from models.rules.errors import RefusalCode, Refused
from models.storage.database import Database
from models.tables.audit import ActorContext
from models.tables.confirmation import MailState
from models.tables.mail_quota import MailQuota, mailbox_key, use_mail_quota, use_mailbox_quota
from tests.clock import Clock
from tests.databases import Databases
from tests.factories import add_customer
from tests.graphql_client import Api, Json, running_api, stored
from tests.mails import mails_in
from tests.partner_world import bound_token

PARTNER_QUOTA, MAILBOX_QUOTA = 3, 2
ASK = """mutation($id: ID!) { requestEmailVerification(input: { contactId: $id }) {
  contact { id } userErrors { code message path hint retryable retryAfterSeconds } } }"""
HOUR = timedelta(hours=1)


@pytest.fixture
async def api(databases: Databases, clock: Clock) -> AsyncIterator[Api]:
    async with running_api(
        databases,
        clock,
        mails_per_hour=8,
        mails_per_partner_hour=PARTNER_QUOTA,
        mails_per_mailbox_hour=MAILBOX_QUOTA,
    ) as started:
        yield started


async def pass_an_hour(api: Api) -> None:
    """Make the uses of mail quotas an hour older, and scheduled jobs due now."""
    for use in await QuotaUse.all():
        await QuotaUse.filter(id=use.id).update(at=use.at - HOUR)
    await Job.filter(due_at__isnull=False).update(due_at=api.clock())


async def partner(api: Api) -> tuple[str, str]:
    """Create a partner; return its id and the secret of a token."""
    customer = await api.save_customer(name="Seller", classCode="RESELLER_OTHER")
    _, token = await bound_token(customer["id"], api.clock())
    return customer["id"], token


async def contact(api: Api, email: str, parent: str | None = None) -> str:
    customer = await api.save_customer(name="Acme", **({"parentId": parent} if parent else {}))
    values = {"name": "Ann", "email": email, "customerId": customer["id"]}
    made: Json = await api.done("saveContact", "contact { id }", **values)
    return str(made["contact"]["id"])


async def ask(api: Api, contact_id: str, token: str | None = None) -> list[Json]:
    answer = await api.data(ASK, token=token, id=contact_id)
    errors: list[Json] = answer["requestEmailVerification"]["userErrors"]
    return errors


async def asked(api: Api, parent: str | None, token: str | None, count: int) -> list[list[Json]]:
    """Request verification of `count` new contacts with different mailboxes; return the errors."""
    made = [await contact(api, f"{parent}.{n}@acme.example", parent) for n in range(count)]
    return [await ask(api, one, token) for one in made]


def mail_count(api: Api) -> int:
    return len(mails_in(api.platform.settings.mailbox))


async def test_a_partner_causes_so_many_mails_an_hour(api: Api) -> None:
    seller, token = await partner(api)
    answers = await asked(api, seller, token, PARTNER_QUOTA)
    assert answers == [[]] * PARTNER_QUOTA
    one_more = await contact(api, "more@acme.example", seller)
    before = await stored()
    (refusal,) = await ask(api, one_more, token)
    wait = refusal["retryAfterSeconds"]
    assert refusal == {
        "code": "RATE_LIMITED",
        "message": "You have requested 3 emails within an hour, which is the limit.",
        "path": ["contactId"],
        "hint": f"Try again in {wait} seconds.",
        "retryable": True,
        "retryAfterSeconds": wait,
    }
    assert 3590 <= wait <= 3600
    assert await stored() == before
    other, of_other = await partner(api)
    assert await asked(api, other, of_other, 1) == [[]]
    await pass_an_hour(api)
    assert await ask(api, one_more, token) == []


async def test_a_dry_run_uses_nothing_and_is_refused_all_the_same(api: Api) -> None:
    seller, token = await partner(api)
    one = await contact(api, "more@acme.example", seller)
    for _ in range(PARTNER_QUOTA + 1):
        await api.done("requestEmailVerification", "", token=token, contactId=one, dryRun=True)
    assert await QuotaUse.all().count() == 0
    await asked(api, seller, token, PARTNER_QUOTA)
    values: Json = {"contactId": one, "dryRun": True}
    await api.refused("requestEmailVerification", "RATE_LIMITED", token=token, **values)


async def test_the_platform_causes_so_many_mails_an_hour_whoever_asks(api: Api) -> None:
    for place in range(2):
        seller, token = await partner(api)
        assert await asked(api, seller, token, PARTNER_QUOTA) == [[]] * PARTNER_QUOTA, place
    assert await asked(api, None, None, 2) == [[], []]
    (refusal,) = (await asked(api, None, None, 1))[0]
    assert (refusal["code"], refusal["retryable"]) == ("RATE_LIMITED", True)
    assert 3590 <= refusal["retryAfterSeconds"] <= 3600
    await pass_an_hour(api)
    assert await asked(api, None, None, 1) == [[]]


async def test_what_expired_is_deleted(api: Api) -> None:
    await asked(api, None, None, 3)
    await pass_an_hour(api)
    await asked(api, None, None, 1)
    assert await QuotaUse.all().count() == 1


async def test_a_mailbox_gets_so_many_mails_and_nobody_learns_why(api: Api) -> None:
    """One partner floods a mailbox of another partner's contact: the other sees nothing."""
    (first, of_first), (second, of_second) = await partner(api), await partner(api)
    for tag in ("", "+tag"):
        assert await ask(api, await contact(api, f"Ann{tag}@a.example", first), of_first) == []
    await api.work()
    assert mail_count(api) == MAILBOX_QUOTA
    same, other = [await contact(api, email, second) for email in ("ann@a.example", "b@a.example")]
    seen = []
    for one in (same, other):
        assert await ask(api, one, of_second) == []
        await api.work()
        seen.append(await shown(api, one, of_second))
    assert seen[0] == seen[1]
    assert seen[0]["trail"][0] == ("CONFIRMATION_MAIL", {"mailState": "SENT"})
    assert mail_count(api) == MAILBOX_QUOTA + 1
    # The platform sees the reason, and the mail is sent when the limit allows it.
    held = await Confirmation.get(contact_id=same)
    assert (held.mail_state, held.held_at) == (MailState.QUEUED, api.clock())
    entry = await AuditEntry.get(operation="confirmation.mail_held")
    assert (entry.subject_id, entry.customer_id) == (held.id, None)
    await pass_an_hour(api)
    await api.work()
    assert mail_count(api) == MAILBOX_QUOTA + 2
    assert (await Confirmation.get(id=held.id)).mail_state is MailState.SENT
    assert await shown(api, same, of_second) == seen[0]


async def shown(api: Api, contact_id: str, token: str) -> Json:
    """Return everything that a partner can see about a contact's mail."""
    document = """query($id: ID!) { node(id: $id) { ... on Contact {
      isEmailVerified version lastMailFailure { code } lastModifiedAt
      auditTrail { nodes { operation after } } preferenceHistory { kind } } }
      auditTrail { nodes { operation subjectId } } }"""
    data = await api.data(document, token=token, id=contact_id)
    found: Json = data["node"]
    found["trail"] = [
        (entry["operation"], {"mailState": entry["after"].get("mailState")})
        for entry in found.pop("auditTrail")["nodes"]
    ]
    operations = {node["operation"] for node in data["auditTrail"]["nodes"]}
    assert "CONFIRMATION_MAIL_HELD" not in operations
    return found


async def test_a_mail_that_was_held_for_a_day_is_dropped(api: Api) -> None:
    for name in "abc":
        await ask(api, await contact(api, f"ann+{name}@a.example"))
    await api.work()
    held = await Confirmation.get(held_at__isnull=False)
    api.clock.advance(timedelta(days=1, seconds=1))
    await pass_an_hour(api)
    await api.work()
    assert mail_count(api) == MAILBOX_QUOTA
    assert (await Confirmation.get(id=held.id)).mail_state is MailState.CANCELLED


async def test_a_repeated_request_sends_one_mail(api: Api) -> None:
    one = await contact(api, "ann@a.example")
    assert [await ask(api, one) for _ in range(3)] == [[], [], []]
    await api.work()
    assert await ask(api, one) == []
    await api.work()
    assert (mail_count(api), await Confirmation.all().count()) == (1, 1)
    assert await QuotaUse.filter(key="platform").count() == 1
    api.clock.advance(timedelta(minutes=1))
    assert await ask(api, one) == []
    await api.work()
    assert mail_count(api) == 2


async def test_another_address_is_asked_at_once(api: Api) -> None:
    one = await contact(api, "ann@a.example")
    await ask(api, one)
    await api.done("saveContact", "", id=one, email="other@a.example")
    await ask(api, one)
    assert await Confirmation.all().count() == 2


@pytest.mark.parametrize("reseller", [None, "cus_partner"])
async def test_of_twenty_at_once_exactly_so_many_are_let_through(
    database: Database, act: ActorContext, reseller: str | None
) -> None:
    quota = MailQuota(per_partner=7, per_platform=7)

    async def use(number: int) -> object:
        return await database.transaction(
            lambda: use_mail_quota(quota, reseller, f"cfm_{number}", act.now)
        )

    answers = await asyncio.gather(*(use(n) for n in range(20)), return_exceptions=True)
    refused = [one for one in answers if isinstance(one, Refused)]
    assert len(refused) == 13
    assert {one.refusals[0].code for one in refused} == {RefusalCode.RATE_LIMITED}
    assert await QuotaUse.filter(key="platform").count() == 7


async def test_of_twenty_contacts_at_once_exactly_so_many_are_asked(
    database: Database, act: ActorContext
) -> None:
    customer = await add_customer(database, act)
    values: list[dict[str, Any]] = [{"name": "Al", "email": f"a{n}@a.example"} for n in range(20)]
    made: list[Contact] = [
        await database.transaction(lambda one=one: create_contact(act, customer.id, one))  # type: ignore[misc]  # bound now
        for one in values
    ]
    quota = MailQuota(per_platform=6)
    answers = await asyncio.gather(
        *(
            database.transaction(lambda c=one.id: request_verification(act, c, None, quota))  # type: ignore[misc]  # bound now
            for one in made
        ),
        return_exceptions=True,
    )
    assert sum(isinstance(one, Contact) for one in answers) == 6
    assert sum(isinstance(one, Refused) for one in answers) == 14
    assert await Confirmation.all().count() == await Job.all().count() == 6


async def test_attempts_at_one_mail_count_once(database: Database, act: ActorContext) -> None:
    quota = MailQuota(per_mailbox=1)

    async def use(address: str, subject: str) -> timedelta | None:
        return await database.transaction(
            lambda: use_mailbox_quota(quota, address, subject, act.now)
        )

    assert [await use("ann@a.example", "cfm_1") for _ in range(3)] == [None] * 3
    wait = await use("ANN+x@A.example", "cfm_2")
    assert wait is not None
    assert timedelta(minutes=59) < wait <= HOUR
    assert await use("bob@a.example", "cfm_2") is None


@pytest.mark.parametrize(
    ("one", "other", "are_same"),
    [
        ("ann@a.example", "Ann@A.example", True),
        ("ann@a.example", "ann+x@a.example", True),
        ("ann@a.example", "ann+x+y@a.example", True),
        ("ann@a.example", "bob@a.example", False),
        ("ann@a.example", "ann@b.example", False),
        ("a.nn@a.example", "ann@a.example", False),
    ],
)
def test_a_mailbox_is_known_by_its_addresses(one: str, other: str, *, are_same: bool) -> None:
    assert (mailbox_key(one) == mailbox_key(other)) is are_same
    assert "ann" not in mailbox_key(one)
