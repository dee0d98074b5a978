"""Adds an event for each contact whose emailed documents change, whatever the cause (R78).

A change that can have this effect runs inside `noting_deliveries`, which compares what the contacts
are emailed before and after it. Consent entries with a future date take effect without a write;
`note_due_deliveries` looks for them regularly.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

from tortoise.expressions import Q

from models.rules.consent import Matter
from models.rules.delivery import DeliveryOutcome, DeliveryPolicy, Facts, decide
from models.rules.document import Document
from models.rules.event_type import EventType
from models.rules.preference import NEWEST, preference_at
from models.storage.database import Database
from models.storage.fault_log import report
from models.storage.row_insert import add_rows
from models.storage.sql import Sql, execute, is_postgres, run, to_database
from models.tables.audit import NO_IDS, ActorContext
from models.tables.consent_entry import ConsentEntry, ConsentPeriod
from models.tables.contact import Contact
from models.tables.delivery_check import DELIVERIES, DeliveryCheck
from models.tables.event import Event, Owner, new_event, owners_by_id
from models.tables.preference_entry import PreferenceEntry

LAG = timedelta(seconds=30)
"""How long after its date an entry is looked for: by then, the entry is committed."""

EVERY_S = 15.0

BATCH = 200
"""Dates of customers handled in one transaction."""

MOMENT = timedelta(microseconds=1)

Outcomes = Mapping[Document, DeliveryOutcome]

Place = tuple[str, str]
"""The ids of a contact and of their customer."""

NOTHING: Outcomes = dict.fromkeys(Document, DeliveryOutcome.NOT_ADDRESSED)
"""What a contact is emailed who does not exist."""

_DUE = """
SELECT DISTINCT t0.effective_at, t0.customer_id FROM consent_entry AS t0
WHERE (t0.effective_at, t0.customer_id) > (?, ?) AND t0.effective_at <= ?
  AND t0.effective_at > t0.recorded_at
ORDER BY 1, 2 LIMIT ?"""

LAST_ID = "~"
"""Is after all ids of customers."""


@asynccontextmanager
async def noting_deliveries(
    act: ActorContext, customer_id: str, contact_id: str | None = None
) -> AsyncIterator[None]:
    """Add events for the contacts whose deliveries the block changes, in the same transaction.

    The customer, or the contact `contact_id` if only that one can be affected, must be locked.
    """
    async with noting_deliveries_of(act, [customer_id], contact_id):
        yield


@asynccontextmanager
async def noting_deliveries_of(
    act: ActorContext, customer_ids: Sequence[str], contact_id: str | None = None
) -> AsyncIterator[None]:
    """Add events as `noting_deliveries` does, for contacts of several customers."""
    before = await _outcomes(customer_ids, contact_id, act.now, act.delivery_policy)
    yield
    after = await _outcomes(customer_ids, contact_id, act.now, act.delivery_policy)
    await _add_events(before, after, act.now, act.event_ids)


async def events_of_new_contacts(
    act: ActorContext, contacts: Sequence[Contact], owners: Mapping[str, Owner]
) -> list[Event]:
    """Return the events of new contacts, for the caller to add; `owners` are by customer.

    The customers must be locked, or new in this transaction.
    """
    matters = await _matters_at(act.now, {one.customer_id for one in contacts})
    events = []
    for contact in contacts:
        facts = _facts(contact, matters.get(contact.customer_id, set()), ())
        after = {one: decide(one, facts, act.delivery_policy).outcome for one in Document}
        if changed := _changed(NOTHING, after):
            owner = owners[contact.customer_id]
            events.append(_event(contact.id, changed, act.now, owner, act.event_ids))
    return events


async def note_due_deliveries(policy: DeliveryPolicy, now: datetime) -> bool:
    """Add events for consent entries whose date has come; return whether there may be more.

    Does nothing while another process does it.
    """
    until = now - LAG
    lock = " FOR UPDATE SKIP LOCKED" if is_postgres() else ""
    text = f"SELECT name FROM delivery_check WHERE name = ?{lock}"  # noqa: S608  # no value is spelt out
    if not await execute(Sql(text, (DELIVERIES,))):
        added = "INSERT INTO delivery_check VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
        await execute(Sql(added, (DELIVERIES, _stored(until), LAST_ID)))
        return False
    check = await DeliveryCheck.get(name=DELIVERIES)
    if until <= check.upto:
        return False
    due = await run(_DUE, (_stored(check.upto), check.last_customer_id, _stored(until), BATCH))
    at, customer_id = until, LAST_ID
    for effective_at, customer_id in due:
        at = datetime.fromisoformat(str(effective_at))
        before = await _outcomes([customer_id], None, at - MOMENT, policy)
        after = await _outcomes([customer_id], None, at, policy)
        await _add_events(before, after, at)
    is_more = len(due) == BATCH
    check.upto, check.last_customer_id = (at, customer_id) if is_more else (until, LAST_ID)
    await check.save(update_fields=["upto", "last_customer_id"])
    return is_more


async def keep_noting_due_deliveries(
    database: Database, policy: DeliveryPolicy, clock: Callable[[], datetime]
) -> None:
    """Look for entries whose date has come, until cancelled."""
    while True:
        is_more = False
        try:
            if database.may_write:
                is_more = await database.transaction(lambda: note_due_deliveries(policy, clock()))
        except Exception as error:
            report("due_deliveries_not_noted", error)
        await asyncio.sleep(0 if is_more else EVERY_S)


async def _outcomes(
    customer_ids: Sequence[str],
    contact_id: str | None,
    instant: datetime,
    policy: DeliveryPolicy,
) -> dict[Place, Outcomes]:
    """Return what contacts are emailed at an instant, by the rows as they are now."""
    which = Q(customer_id__in=customer_ids, deleted_at__isnull=True)
    contacts = await Contact.filter(which if contact_id is None else which & Q(id=contact_id))
    if not contacts:
        return {}
    matters = await _matters_at(instant, {one.customer_id for one in contacts})
    entries: dict[str, list[PreferenceEntry]] = {}
    for entry in await PreferenceEntry.filter(contact_id__in=[one.id for one in contacts]):
        entries.setdefault(entry.contact_id, []).append(entry)
    found: dict[Place, Outcomes] = {}
    for contact in contacts:
        own = matters.get(contact.customer_id, set())
        facts = _facts(contact, own, entries.get(contact.id, ()))
        outcomes = {one: decide(one, facts, policy).outcome for one in Document}
        found[contact.id, contact.customer_id] = outcomes
    return found


async def _matters_at(instant: datetime, customer_ids: Collection[str]) -> dict[str, set[Matter]]:
    """Return which matters are in effect at an instant, by customer."""
    open_end = Q(until_at__isnull=True) | Q(until_at__gt=instant)
    periods = ConsentPeriod.filter(
        open_end, customer_id__in=sorted(customer_ids), from_at__lte=instant
    )
    found: dict[str, set[Matter]] = {}
    for period in await periods:
        found.setdefault(period.customer_id, set()).add(period.matter)
    return found


def _facts(
    contact: Contact, matters: Collection[Matter], entries: Sequence[PreferenceEntry]
) -> Facts:
    return Facts(
        is_consent_given=Matter.CONSENT in matters,
        is_non_itemised_requested=Matter.NON_ITEMISED in matters,
        preference_documents=frozenset(preference_at(entries, NEWEST).documents),
        receives_bills=contact.receives_bills,
        is_active=contact.is_active,
        has_email=contact.email is not None,
        is_email_verified=contact.email_verified_at is not None,
    )


async def _add_events(
    before: Mapping[Place, Outcomes],
    after: Mapping[Place, Outcomes],
    now: datetime,
    ids: Mapping[str, Any] = NO_IDS,
) -> None:
    changes = {
        place: changed
        for place in sorted(before.keys() | after.keys())
        if (changed := _changed(before.get(place, NOTHING), after.get(place, NOTHING)))
    }
    if not changes:
        return
    owners = await owners_by_id({customer_id for _, customer_id in changes})
    await add_rows(
        [
            _event(contact_id, changed, now, owners[customer_id], ids)
            for (contact_id, customer_id), changed in changes.items()
        ]
    )


def _event(
    contact_id: str,
    changed: list[dict[str, Any]],
    now: datetime,
    owner: Owner,
    ids: Mapping[str, Any],
) -> Event:
    payload = {"contactId": contact_id, "deliveries": changed, **ids}
    return new_event(EventType.DELIVERY_PROFILE_CHANGED, contact_id, payload, now, owner)


def _changed(before: Outcomes, after: Outcomes) -> list[dict[str, Any]]:
    return [
        {
            "document": document.value,
            "outcomeBefore": before[document].value,
            "outcomeAfter": after[document].value,
        }
        for document in Document
        if before[document] is not after[document]
    ]


def _stored(instant: datetime) -> Any:
    return to_database(ConsentEntry._meta.fields_map["effective_at"], instant)
