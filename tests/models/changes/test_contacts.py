"""Contacts below the API: their history at any instant, two clicks at once, and erasure."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import pytest
from tortoise.exceptions import BaseORMException

from models import (
    AuditEntry,
    Confirmation,
    Contact,
    ContactState,
    Customer,
    Event,
    PreferenceEntry,
)
from models.changes.confirmation_answer import LinkResult, use_link
from models.changes.confirmation_mails import Lifetimes, prepare_mail
from models.changes.confirmation_request import request_preference, request_verification
from models.changes.contact_editing import create_contact, delete_contact, edit_contact
from models.changes.preference_withdrawal import withdraw_all
from models.rules.confirmation_link import LinkState
from models.rules.confirmation_mail import ConfirmationMail
from models.rules.errors import RefusalCode, Refused
from models.rules.preference import NEWEST, PreferenceKind, preference_at
from models.storage.database import Database
from models.tables.audit import ActorContext
from models.tables.confirmation import LinkPurpose
from tests.clock import START, Clock
from tests.factories import add_customer, at, erase, everything, refused

HOUR = timedelta(hours=1)
LIFETIMES = Lifetimes(72 * HOUR, 9999 * HOUR)
CONFIRM, WITHDRAW = LinkPurpose
REFUSALS = (BaseORMException, asyncpg.PostgresError)


async def add(database: Database, act: ActorContext, customer: Customer, **values: Any) -> Contact:
    given = {"name": "Ann", "email": "ann@acme.example", **values}
    return await database.transaction(lambda: create_contact(act, customer.id, given))


async def letter(database: Database, now: datetime) -> ConfirmationMail:
    """Return the mail of the newest confirmation, with links issued now."""
    newest = await Confirmation.all().order_by("-id").first()
    assert newest is not None
    made = await database.transaction(lambda: prepare_mail(newest.id, now, LIFETIMES))
    assert isinstance(made, ConfirmationMail)
    return made


async def press(
    database: Database, token: str | None, now: datetime, purpose: LinkPurpose = CONFIRM
) -> LinkResult:
    assert token is not None
    return await database.transaction(lambda: use_link(token, purpose, now, "request-2"))


async def verify(database: Database, act: ActorContext, contact: Contact) -> None:
    await database.transaction(lambda: request_verification(act, contact.id, None))
    made = await letter(database, act.now)
    assert (await press(database, made.confirming, act.now)).state is LinkState.DONE


async def ask(database: Database, act: ActorContext, contact: Contact) -> ConfirmationMail:
    await database.transaction(lambda: request_preference(act, contact.id, None, None))
    return await letter(database, act.now)


async def kinds(contact: Contact) -> list[PreferenceKind]:
    entries = await PreferenceEntry.filter(contact_id=contact.id).order_by("sequence")
    assert [entry.sequence for entry in entries] == list(range(1, len(entries) + 1))
    return [entry.kind for entry in entries]


async def test_contacts_are_known_as_they_were_at_any_instant(
    database: Database, act: ActorContext, clock: Clock
) -> None:
    """R59, R77, R80."""
    customer, other = await add_customer(database, act), await add_customer(database, act)
    contact = await add(database, act, customer)
    later = at(act, clock.advance(HOUR))
    await add(database, later, customer, name="Bob", email=None)
    await verify(database, later, contact)
    later = at(act, clock.advance(HOUR))
    values = {"email": "new@acme.example", "receives_bills": True}
    await database.transaction(lambda: edit_contact(later, contact.id, None, values, None))
    later = at(act, clock.advance(HOUR))
    await database.transaction(lambda: delete_contact(later, contact.id, None))

    async def seen(instant: datetime) -> list[tuple[str, str | None, bool, bool]]:
        found = await states_at([customer.id, other.id], instant)
        assert found[other.id] == []
        return [(s.name, s.email, s.is_verified, s.receives_bills) for s in found[customer.id]]

    tick = timedelta(microseconds=1)
    bob = ("Bob", None, False, False)
    assert await seen(START - tick) == []
    assert await seen(START) == [("Ann", "ann@acme.example", False, False)]
    assert await seen(START + HOUR - tick) == [("Ann", "ann@acme.example", False, False)]
    assert await seen(START + HOUR) == [("Ann", "ann@acme.example", True, False), bob]
    assert await seen(START + 2 * HOUR) == [("Ann", "new@acme.example", False, True), bob]
    assert await seen(START + 3 * HOUR) == [bob]


async def test_a_clock_that_runs_behind_never_puts_a_change_before_an_older_one(
    database: Database, act: ActorContext
) -> None:
    """R63: a withdrawal takes effect when it is made, even if the process's clock is behind."""
    contact = await add(database, act, await add_customer(database, act))
    await verify(database, act, contact)
    made = await ask(database, act, contact)
    await press(database, made.confirming, START + HOUR)
    await press(database, made.withdrawing, START, WITHDRAW)
    entries = await PreferenceEntry.filter(contact_id=contact.id).order_by("sequence")
    assert [entry.at for entry in entries] == [START, START + HOUR, START + HOUR]
    assert preference_at(entries, NEWEST).is_confirmed is False
    behind = at(act, START - HOUR)
    await database.transaction(
        lambda: edit_contact(behind, contact.id, None, {"is_active": False}, None)
    )
    (state,) = (await states_at([contact.customer_id], START + HOUR))[contact.customer_id]
    assert state.is_active is False


async def test_links_pressed_at_the_same_moment_confirm_once(
    database: Database, act: ActorContext
) -> None:
    """R67: two mails of one request, each with several concurrent clicks."""
    contact = await add(database, act, await add_customer(database, act))
    await verify(database, act, contact)
    made = [await ask(database, act, contact), await letter(database, act.now)]
    pressed = await asyncio.gather(
        *(press(database, one.confirming, act.now) for one in made for _ in range(4))
    )
    assert {result.state for result in pressed} == {LinkState.DONE}
    assert [result.is_new for result in pressed].count(True) == 1
    assert await kinds(contact) == [PreferenceKind.REQUESTED, PreferenceKind.CONFIRMED]
    assert await Event.filter(type="contact.preference_confirmed").count() == 1


async def test_a_click_and_another_address_at_the_same_moment_leave_no_wrong_confirmation(
    database: Database, act: ActorContext
) -> None:
    """R62: in either order, the new address is not verified."""
    contact = await add(database, act, await add_customer(database, act))
    await database.transaction(lambda: request_verification(act, contact.id, None))
    made = await letter(database, act.now)
    values = {"email": "new@acme.example"}
    result, _ = await asyncio.gather(
        press(database, made.confirming, act.now),
        database.transaction(lambda: edit_contact(act, contact.id, None, values, None)),
    )
    assert result.state in {LinkState.DONE, LinkState.ADDRESS_CHANGED}
    stored = await Contact.get(id=contact.id)
    assert (stored.email, stored.email_verified_at) == ("new@acme.example", None)


async def test_requests_at_the_same_moment_keep_to_the_limit_of_an_address(
    database: Database, act: ActorContext
) -> None:
    customer = await add_customer(database, act)
    contacts = [await add(database, act, customer) for _ in range(8)]
    answers = await asyncio.gather(
        *(
            database.transaction(lambda c=one.id: request_verification(act, c, None))  # type: ignore[misc]
            for one in contacts
        ),
        return_exceptions=True,
    )
    refusals = [one for one in answers if isinstance(one, Refused)]
    assert len(refusals) == 3
    assert {one.refusals[0].code for one in refusals} == {RefusalCode.TOO_MANY_REQUESTS}
    assert await Confirmation.all().count() == 5


async def test_all_preferences_of_a_customer_can_be_withdrawn_at_once(
    database: Database, act: ActorContext
) -> None:
    """R66."""
    customer, other = await add_customer(database, act), await add_customer(database, act)
    contacts = [
        await add(database, act, owner, email=f"a{place}@acme.example")
        for place, owner in enumerate((customer, customer, customer, other))
    ]
    for contact in contacts:
        await verify(database, act, contact)
    for contact in (contacts[0], contacts[3]):
        await press(database, (await ask(database, act, contact)).confirming, act.now)
    await ask(database, act, contacts[1])
    count = await database.transaction(lambda: withdraw_all(act, customer.id, "R66"))
    assert count == 2
    asked, said, gone = PreferenceKind.REQUESTED, PreferenceKind.CONFIRMED, PreferenceKind.WITHDRAWN
    assert [await kinds(contact) for contact in contacts] == [
        [asked, said, gone],
        [asked, gone],
        [],
        [asked, said],
    ]


async def test_an_entry_of_the_history_cannot_be_changed_even_in_the_database(
    database: Database, act: ActorContext
) -> None:
    """R63."""
    contact = await add(database, act, await add_customer(database, act))
    await verify(database, act, contact)
    await ask(database, act, contact)
    before = await everything()
    with pytest.raises(REFUSALS, match="never changed"):
        await PreferenceEntry.all().update(kind=PreferenceKind.CONFIRMED)
    with pytest.raises(REFUSALS, match="never changed"):
        await PreferenceEntry.all().delete()
    assert await everything() == before


async def test_erasing_a_customer_blanks_its_contacts_and_keeps_their_histories(
    database: Database, act: ActorContext, clock: Clock
) -> None:
    """R35, A18."""
    customer = await add_customer(database, act)
    contact = await add(database, act, customer, name="Mia Muster", email="mia@muster.example")
    gone = await add(database, act, customer, name="Max Muster", email="max@muster.example")
    await database.transaction(lambda: delete_contact(act, gone.id, None))
    await verify(database, act, contact)
    made = await ask(database, act, contact)
    await press(database, made.confirming, act.now)
    waiting = await ask(database, act, contact)
    later = at(act, clock.advance(HOUR))
    await erase(database, later, customer)
    text = repr(await everything()).casefold()
    assert "muster" not in text
    assert "@" not in text
    rows = await Contact.all().order_by("id")
    assert [(r.name, r.email, r.address_salt, r.deleted_at) for r in rows] == [
        ("(erased)", None, "", later.now),
        ("(erased)", None, "", START),
    ]
    assert (await kinds(contact)).count(PreferenceKind.CONFIRMED) == 1
    states = await ContactState.filter(contact_id=contact.id).order_by("id")
    assert [(s.has_email, s.is_verified, s.is_deleted) for s in states] == [
        (True, False, False),
        (True, True, False),
        (True, True, True),
    ]
    before = await everything()
    for token, purpose in (
        (made.confirming, CONFIRM),
        (waiting.confirming, CONFIRM),
        (waiting.withdrawing, WITHDRAW),
    ):
        result = await press(database, token, later.now, purpose)
        assert result.state is LinkState.NO_LONGER_WANTED
        assert (result.address, result.contact_name, result.customer_name) == ("", None, None)
    assert await everything() == before
    async with refused(RefusalCode.NOT_FOUND, "id"):
        await database.transaction(lambda: edit_contact(act, contact.id, None, {}, None))
    async with refused(RefusalCode.NOT_FOUND, "customerId"):
        await database.transaction(lambda: create_contact(act, customer.id, {"name": "A"}))


async def test_what_a_contact_does_is_audited_as_its_own(
    database: Database, act: ActorContext
) -> None:
    """R96: by the contact's id, never by their name, which erasing would not remove."""
    contact = await add(database, act, await add_customer(database, act))
    await verify(database, act, contact)
    entry = await AuditEntry.filter(operation="contact.email_verified").get()
    assert (entry.actor_id, entry.actor_name, entry.request_id) == (
        contact.id,
        "contact",
        "request-2",
    )


async def states_at(
    customer_ids: Sequence[str], instant: datetime
) -> dict[str, list[ContactState]]:
    """Return, by customer, the contacts as they were at an instant, oldest first."""
    rows = ContactState.filter(customer_id__in=customer_ids, at__lte=instant).order_by("at", "id")
    newest = {row.contact_id: row for row in await rows}
    found: dict[str, list[ContactState]] = {customer_id: [] for customer_id in customer_ids}
    for _, row in sorted(newest.items()):
        if not row.is_deleted:
            found[row.customer_id].append(row)
    return found
