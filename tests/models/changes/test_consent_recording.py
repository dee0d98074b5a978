"""Recording, withdrawing and correcting consent: entries, versions, repeats, erasure."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from tortoise.exceptions import IntegrityError

from models import (
    AuditEntry,
    ConsentEntry,
    ConsentLedger,
    ConsentPeriod,
    ConsentTestimony,
    Customer,
    CustomerClass,
    Event,
)
from models.changes.customer_editing import create_customer
from models.lists.consent_evidence import Verification, verify
from models.rules.consent import ConsentBasis, EntryKind, Matter, consent_at, non_itemised_at
from models.rules.consent_chain import TESTIMONY
from models.rules.errors import RefusalCode, Refused, StaleVersion
from models.storage.database import Database
from models.tables.audit import ActorContext
from tests.clock import Clock
from tests.factories import (
    GRANTED,
    add_customer,
    at,
    correct_consent,
    erase,
    everything,
    move,
    record_consent,
    refused,
)

DAY = timedelta(days=1)
WITHDRAWAL, ANNULMENT = EntryKind.WITHDRAWAL, EntryKind.ANNULMENT


async def verified(database: Database, customer: Customer) -> Verification:
    found = await database.transaction(lambda: verify(customer.id))
    assert found is not None
    return found


async def is_given(customer: Customer, act: ActorContext) -> bool:
    entries = await ConsentEntry.filter(customer_id=customer.id)
    return consent_at(entries, act.now).is_given


async def test_every_class_starts_without_consent(database: Database, act: ActorContext) -> None:
    """R48."""
    for row in await CustomerClass.all():
        assert not await is_given(await add_customer(database, act, class_id=row.id), act)
    assert await ConsentEntry.all().count() == 0


async def test_consent_can_be_recorded_for_every_class_at_creation_time(
    database: Database, act: ActorContext
) -> None:
    """R49, R51: the same evidence is required for every class."""
    for row in await CustomerClass.all():
        customer = await database.transaction(
            lambda r=row: create_customer(act, {"name": "A", "class_id": r.id}, consent=GRANTED)  # type: ignore[misc]
        )
        assert customer.version == 1
        assert await is_given(customer, act)
        assert (await verified(database, customer)).breaks == ()


async def test_a_customer_is_not_created_with_consent_that_is_refused(
    database: Database, act: ActorContext
) -> None:
    """R49, R53."""
    values = {"name": "A", "class_code": "CHARITY"}
    bare = {**GRANTED, "covers_emailing": False}
    async with refused(RefusalCode.AFFIRMATION_REQUIRED, "consent", "isEmailingCovered"):
        await database.transaction(lambda: create_customer(act, values, consent=bare))


async def test_an_entry_says_who_when_how_and_what_they_were_told(
    database: Database, act: ActorContext
) -> None:
    """R52, R53."""
    customer = await add_customer(database, act)
    recorded = await record_consent(database, act, customer, effective_at=act.now - DAY)
    entry = await ConsentEntry.get()
    assert entry.id == recorded.entry.id
    assert (entry.sequence, entry.kind, entry.basis) == (
        1,
        EntryKind.GRANT,
        ConsentBasis.TERMS_ACCEPTED,
    )
    assert (entry.effective_at, entry.recorded_at) == (act.now - DAY, act.now)
    assert (entry.recorded_by_id, entry.recorded_by) == ("tok_tester", "Tess Tester")
    assert (entry.document_name, entry.document_version) == ("Terms and Conditions", "2026-1")
    assert entry.covers_emailing
    said = await ConsentTestimony.get(id=entry.testimony_id)
    assert (said.given_by, said.given_by_role) == ("Ann Example", "Director")
    assert (said.evidence_reference, said.statement) == ("crm/4711", GRANTED["statement"])


async def test_recording_is_a_change_of_the_customer_with_audit_and_event(
    database: Database, act: ActorContext, clock: Clock
) -> None:
    customer = await add_customer(database, act)
    later = at(act, clock.advance(DAY))
    recorded = await record_consent(database, later, customer)
    stored = await Customer.get(id=customer.id)
    assert (stored.version, stored.last_modified_at) == (2, later.now)
    written = {
        "entry_id": recorded.entry.id,
        "kind": "GRANT",
        "effective_at": later.now.isoformat(),
    }
    audited = await AuditEntry.get(operation="consent.recorded")
    assert (audited.subject_id, audited.after) == (customer.id, written)
    event = await Event.get(type="consent.recorded")
    assert (event.subject_id, event.customer_version, event.payload) == (
        customer.id,
        2,
        {"consentEntryId": recorded.entry.id},
    )


async def test_withdrawn_consent_is_gone_at_once_and_can_be_given_again(
    database: Database, act: ActorContext, clock: Clock
) -> None:
    """R54, R58."""
    customer = await add_customer(database, act)
    await record_consent(database, act, customer)
    assert await is_given(customer, act)
    later = at(act, clock.advance(DAY))
    await record_consent(database, later, customer, WITHDRAWAL)
    assert not await is_given(customer, later)
    assert await is_given(customer, act), "the past stays as it was"
    last = at(act, clock.advance(DAY))
    await record_consent(database, last, customer)
    await record_consent(database, last, customer, basis=ConsentBasis.WRITTEN_OPT_IN)
    entries = await ConsentEntry.filter(customer_id=customer.id)
    assert consent_at(entries, last.now).basis is ConsentBasis.WRITTEN_OPT_IN
    assert len(entries) == 4


async def test_a_grant_dated_ahead_takes_effect_without_a_write(
    database: Database, act: ActorContext
) -> None:
    """R56."""
    customer = await add_customer(database, act)
    await record_consent(database, act, customer, effective_at=act.now + DAY)
    assert not await is_given(customer, act)
    assert await is_given(customer, at(act, act.now + DAY))
    period = await ConsentPeriod.get()
    assert (period.from_at, period.until_at) == (act.now + DAY, None)


async def test_a_move_between_classes_leaves_consent_as_it_was(
    database: Database, act: ActorContext
) -> None:
    """R29."""
    customer = await add_customer(database, act, "SOLE_TRADER")
    await record_consent(database, act, customer)
    before = (await everything())["ConsentEntry"]
    await move(database, act, customer, "COMPANY_UK_LIMITED")
    assert (await everything())["ConsentEntry"] == before
    assert await is_given(customer, act)


@pytest.mark.parametrize(
    ("kind", "is_settled"),
    [
        (EntryKind.GRANT, True),
        (WITHDRAWAL, True),
        (EntryKind.NON_ITEMISED_REQUEST, False),
    ],
)
async def test_an_entry_on_consent_settles_the_review(
    database: Database, act: ActorContext, kind: EntryKind, is_settled: bool
) -> None:
    """R30."""
    customer = await add_customer(database, act, "SOLE_TRADER")
    await move(database, act, customer, "COMPANY_UK_LIMITED")
    await record_consent(database, act, customer, kind)
    stored = await Customer.get(id=customer.id)
    assert (stored.consent_review_due_at is None) == is_settled


async def test_a_repeated_request_makes_one_entry(
    database: Database, act: ActorContext, clock: Clock
) -> None:
    """R57."""
    customer = await add_customer(database, act)
    first = await record_consent(database, act, customer, key="k", version=1)
    before = await everything()
    later = at(act, clock.advance(DAY))
    again = await record_consent(database, later, customer, key="k", version=1)
    assert (again.entry.id, again.is_replayed, first.is_replayed) == (first.entry.id, True, False)
    assert await everything() == before
    await record_consent(database, later, customer, key="another")
    assert await ConsentEntry.all().count() == 2


async def test_the_same_key_with_another_content_is_refused(
    database: Database, act: ActorContext
) -> None:
    """R57."""
    customer = await add_customer(database, act)
    recorded = await record_consent(database, act, customer, key="k")
    async with refused(RefusalCode.IDEMPOTENCY_KEY_REUSED, "idempotencyKey"):
        await record_consent(database, act, customer, key="k", given_by="Bob")
    async with refused(RefusalCode.IDEMPOTENCY_KEY_REUSED, "idempotencyKey"):
        await record_consent(database, act, customer, WITHDRAWAL, key="k")
    async with refused(RefusalCode.IDEMPOTENCY_KEY_REUSED, "idempotencyKey"):
        await correct_consent(database, act, recorded.entry, key="k")
    other = await add_customer(database, act, name="Other")
    assert not (await record_consent(database, act, other, key="k", given_by="Bob")).is_replayed


async def test_a_stale_version_is_refused(database: Database, act: ActorContext) -> None:
    """R101."""
    customer = await add_customer(database, act)
    await record_consent(database, act, customer, version=1)
    before = await everything()
    with pytest.raises(StaleVersion):
        await record_consent(database, act, customer, WITHDRAWAL, version=1)
    assert await everything() == before


async def test_a_correction_takes_over_what_it_does_not_mend(
    database: Database, act: ActorContext, clock: Clock
) -> None:
    """R55."""
    customer = await add_customer(database, act)
    wrong = (await record_consent(database, act, customer, evidence_sha256="ab" * 32)).entry
    later = at(act, clock.advance(DAY))
    right = (await correct_consent(database, later, wrong, document_version="2026-2")).entry
    stored = await ConsentEntry.get(id=right.id)
    assert (stored.corrects_id, stored.sequence) == (wrong.id, 2)
    assert (stored.effective_at, stored.recorded_at) == (act.now, later.now)
    assert (stored.document_version, stored.evidence_sha256) == ("2026-2", "ab" * 32)
    said = await ConsentTestimony.get(id=stored.testimony_id)
    assert (said.given_by, said.correction_reason) == ("Ann Example", "Mistyped")
    assert (await ConsentEntry.get(id=wrong.id)).document_version == "2026-1"
    assert consent_at(await ConsentEntry.all(), later.now).entry_id == right.id
    assert (await AuditEntry.get(operation="consent.corrected")).subject_id == customer.id


async def test_an_annulled_withdrawal_leaves_the_consent_before_it(
    database: Database, act: ActorContext, clock: Clock
) -> None:
    """R55."""
    customer = await add_customer(database, act)
    await record_consent(database, act, customer)
    later = at(act, clock.advance(DAY))
    wrong = (await record_consent(database, later, customer, WITHDRAWAL)).entry
    await correct_consent(database, later, wrong, ANNULMENT)
    assert await is_given(customer, later)
    assert (await verified(database, customer)).breaks == ()


async def test_what_can_not_be_corrected_is_refused(database: Database, act: ActorContext) -> None:
    """R55."""
    customer = await add_customer(database, act)
    wrong = (await record_consent(database, act, customer)).entry
    async with refused(RefusalCode.VALUE_NOT_ALLOWED, "kind"):
        await correct_consent(database, act, wrong, EntryKind.NON_ITEMISED_REQUEST)
    async with refused(RefusalCode.AFFIRMATION_REQUIRED, "values", "isEmailingCovered"):
        await correct_consent(database, act, wrong, covers_emailing=False)
    async with refused(RefusalCode.NOT_FOUND, "entryId"):
        await correct_consent(database, act, ConsentEntry(id="cns_nothing"))
    await correct_consent(database, act, wrong)
    async with refused(RefusalCode.CONSENT_ENTRY_CORRECTED, "entryId"):
        await correct_consent(database, act, wrong, document_version="3")
    with pytest.raises(Refused):
        await database.transaction(lambda: create_customer(act, {}, consent=GRANTED))


async def test_bills_without_itemisation_are_asked_for_and_no_more(
    database: Database, act: ActorContext, clock: Clock
) -> None:
    """A16."""
    customer = await add_customer(database, act)
    await record_consent(database, act, customer)
    asked = (
        await record_consent(database, act, customer, EntryKind.NON_ITEMISED_REQUEST, asked_by="A")
    ).entry
    entries = await ConsentEntry.all()
    assert non_itemised_at(entries, act.now).entry_id == asked.id
    assert consent_at(entries, act.now).is_given
    matters = [one.matter for one in await ConsentPeriod.all().order_by("matter")]
    assert matters == [Matter.CONSENT, Matter.NON_ITEMISED]
    later = at(act, clock.advance(DAY))
    await record_consent(database, later, customer, EntryKind.NON_ITEMISED_WITHDRAWAL)
    entries = await ConsentEntry.all()
    assert not non_itemised_at(entries, later.now).is_requested
    assert non_itemised_at(entries, act.now).is_requested
    assert consent_at(entries, later.now).is_given


async def test_erasing_keeps_the_entries_and_nothing_that_names_a_person(
    database: Database, act: ActorContext
) -> None:
    """A18."""
    customer = await add_customer(database, act, name="Mia Muster")
    personal: dict[str, Any] = {
        "given_by": "Mia Muster",
        "given_by_role": "muster",
        "evidence_reference": "muster.pdf",
        "statement": "Dear Mrs Muster",
        "evidence_sha256": "cd" * 32,
    }
    entry = (await record_consent(database, act, customer, key="muster-1", **personal)).entry
    await record_consent(database, act, customer, WITHDRAWAL, asked_by="Muster", reason="Muster")
    await correct_consent(database, act, entry, given_by="M. Muster")
    hashes = [row.hash for row in await ConsentEntry.all().order_by("sequence")]
    await erase(database, act, customer)
    assert "muster" not in repr(await everything()).casefold()
    kept = await ConsentEntry.all().order_by("sequence")
    assert [row.hash for row in kept] == hashes
    assert (kept[0].document_version, kept[0].evidence_sha256) == ("2026-1", "cd" * 32)
    found = await verified(database, customer)
    assert (found.entry_count, found.is_erased, found.breaks) == (3, True, ())
    async with refused(RefusalCode.NOT_FOUND, "customerId"):
        await record_consent(database, act, customer)


async def test_nobody_records_for_a_customer_that_is_not_there(
    database: Database, act: ActorContext
) -> None:
    async with refused(RefusalCode.NOT_FOUND, "customerId"):
        await record_consent(database, act, Customer(id="cus_nobody"))


async def test_recorders_at_once_keep_one_unbroken_chain(
    database: Database, act: ActorContext
) -> None:
    """R55, R57: with and without idempotency keys, and with the same key twice."""
    customer = await add_customer(database, act)
    recordings = [record_consent(database, act, customer) for _ in range(8)]
    recordings += [record_consent(database, act, customer, key="same") for _ in range(4)]
    made = await asyncio.gather(*recordings)
    assert len({recorded.entry.id for recorded in made}) == 9
    sequences = [row.sequence for row in await ConsentEntry.all().order_by("sequence")]
    assert sequences == list(range(1, 10))
    assert (await verified(database, customer)).breaks == ()
    assert (await ConsentLedger.get()).entry_count == 9
    assert (await Customer.get(id=customer.id)).version == 10


@pytest.mark.parametrize("model", [ConsentEntry, ConsentTestimony])
async def test_the_database_itself_refuses_to_change_or_delete_entries(
    database: Database, act: ActorContext, model: type[ConsentEntry] | type[ConsentTestimony]
) -> None:
    """R55."""
    customer = await add_customer(database, act)
    await record_consent(database, act, customer)
    before = await everything()
    column = "recorded_by" if model is ConsentEntry else "given_by"
    with pytest.raises(IntegrityError):
        await model.all().update(**{column: "Mallory"})
    with pytest.raises(IntegrityError):
        await model.all().delete()
    assert await everything() == before


async def test_a_testimony_is_blanked_whole_and_with_its_customer_only(
    database: Database, act: ActorContext
) -> None:
    """A18: the database itself enforces this."""
    customer, other = [await add_customer(database, act, name=name) for name in ("A", "B")]
    for one in (customer, other):
        await record_consent(database, act, one)
    blank = dict.fromkeys(("salt", *TESTIMONY))
    await Customer.filter(id=customer.id).update(erased_at=act.now)
    with pytest.raises(IntegrityError):
        await ConsentTestimony.filter(customer_id=other.id).update(**blank)
    with pytest.raises(IntegrityError):
        await ConsentTestimony.filter(customer_id=customer.id).update(**{**blank, "salt": "x"})
    await ConsentTestimony.filter(customer_id=customer.id).update(**blank)
    assert (await ConsentTestimony.get(customer_id=customer.id)).given_by is None
    assert (await ConsentTestimony.get(customer_id=other.id)).given_by == "Ann Example"
