"""Editing customers, and moving them from class to class."""

import asyncio
from datetime import timedelta

import pytest

from models import AuditEntry, ClassChange, Customer, Suggestion
from models.changes.customer_editing import (
    change_class,
    edit_customer,
)
from models.rules.errors import RefusalCode, Refused, StaleVersion
from models.rules.profile import ValueSource
from models.storage.database import Database
from models.tables.audit import ActorContext
from models.tables.enrichment import SuggestionStatus
from tests.clock import Clock
from tests.factories import (
    add_class,
    add_customer,
    at,
    edit,
    entry,
    everything,
    move,
    refused,
    retire,
    shipped,
)

HOUR = timedelta(hours=1)


async def test_an_edit_of_a_customer_changes_only_what_was_sent(
    database: Database, act: ActorContext, clock: Clock
) -> None:
    """R21."""
    customer = await add_customer(
        database, act, account_number="7", external_reference="crm-7", company_number="101"
    )
    later = at(act, clock.advance(HOUR))
    await edit(database, later, customer, {"external_reference": None})
    stored = await Customer.get(id=customer.id)
    assert (stored.name, stored.account_number, stored.company_number) == ("Acme", "7", "00000101")
    assert stored.external_reference is None
    assert (stored.created_at, stored.last_modified_at, stored.version) == (
        act.now,
        later.now,
        2,
    )
    audited = await AuditEntry.filter(operation="customer.edited").get()
    assert (audited.before, audited.after) == (
        {"external_reference": "crm-7"},
        {"external_reference": None},
    )


async def test_an_edit_that_changes_nothing_leaves_the_customer(
    database: Database, act: ActorContext, clock: Clock
) -> None:
    """R2."""
    customer = await add_customer(database, act, company_number="101")
    before = await everything()
    later = at(act, clock.advance(HOUR))
    await edit(database, later, customer, {"name": "Acme ", "company_number": "0101"})
    assert await everything() == before


async def test_a_class_can_neither_be_cleared_nor_changed_by_an_edit(
    database: Database, act: ActorContext
) -> None:
    """R24, R27."""
    customer = await add_customer(database, act)
    other = await shipped("PUBLIC_SECTOR")
    for name, path in (("class_id", "classId"), ("class_code", "classCode")):
        async with refused(RefusalCode.CLASS_REQUIRED, path):
            await edit(database, act, customer, {name: None})
    async with refused(RefusalCode.CLASS_CHANGE_NEEDS_REASON, "classId"):
        await edit(database, act, customer, {"class_id": other.id})
    async with refused(RefusalCode.CLASS_CHANGE_NEEDS_REASON, "classCode"):
        await edit(database, act, customer, {"class_code": "PUBLIC_SECTOR"})


async def test_naming_the_same_class_in_an_edit_is_fine(
    database: Database, act: ActorContext
) -> None:
    """R28."""
    customer = await add_customer(database, act)
    await edit(
        database,
        act,
        customer,
        {"name": "B", "class_id": customer.customer_class_id, "class_code": "CHARITY"},
    )
    assert (await Customer.get(id=customer.id)).name == "B"
    assert await ClassChange.all().count() == 1


async def test_an_edit_of_an_older_version_of_a_customer_is_refused(
    database: Database, act: ActorContext
) -> None:
    """R101."""
    customer = await add_customer(database, act)
    await edit(database, act, customer, {"name": "B"}, version=1)
    async with refused(RefusalCode.VERSION_CONFLICT, "expectedVersion") as caught:
        await edit(database, act, customer, {"name": "C"}, version=1)
    assert isinstance(caught.value, StaleVersion)
    assert (caught.value.current.name, caught.value.current.version) == ("B", 2)


async def test_of_two_edits_of_one_version_one_wins(database: Database, act: ActorContext) -> None:
    """R101."""
    customer = await add_customer(database, act)
    outcomes = await asyncio.gather(
        *(edit(database, act, customer, {"name": name}, version=1) for name in "BCD"),
        return_exceptions=True,
    )
    assert sorted(type(outcome).__name__ for outcome in outcomes) == [
        "Customer",
        "StaleVersion",
        "StaleVersion",
    ]
    assert (await Customer.get(id=customer.id)).version == 2


async def test_a_customer_that_is_not_there_is_not_found(
    database: Database, act: ActorContext
) -> None:
    async with refused(RefusalCode.NOT_FOUND, "id"):
        await database.transaction(lambda: edit_customer(act, "cus_none", {}, None))


async def test_typed_values_are_kept_with_their_source(
    database: Database, act: ActorContext
) -> None:
    """R86."""
    customer = await add_customer(database, act, profile={"employees": entry(3)})
    register = entry("250", ValueSource.REGISTER)
    stored = await Customer.get(id=customer.id)
    stored.profile = {**stored.profile, "net_assets": register, "details": {"company_name": "A"}}
    await stored.save()
    await edit(
        database, act, customer, {"profile": {"employees": None, "net_assets": entry("250.00")}}
    )
    profile = (await Customer.get(id=customer.id)).profile
    assert profile == {"net_assets": register, "details": {"company_name": "A"}}
    await edit(database, act, customer, {"profile": {"net_assets": entry("300")}})
    assert (await Customer.get(id=customer.id)).profile["net_assets"] == entry("300")


async def test_another_company_number_forgets_the_other_company(
    database: Database, act: ActorContext
) -> None:
    """R86, R89."""
    customer = await add_customer(
        database, act, company_number="101", profile={"employees": entry(3)}
    )
    stored = await Customer.get(id=customer.id)
    stored.profile = {**stored.profile, "net_assets": entry("1", ValueSource.REGISTER)}
    await stored.save()
    suggestion = await Suggestion.create(
        customer=customer,
        field="employees",
        entry=entry(4, ValueSource.REGISTER),
        status=SuggestionStatus.OPEN,
        created_at=act.now,
    )
    await edit(database, act, customer, {"company_number": "102"})
    assert (await Customer.get(id=customer.id)).profile == {"employees": entry(3)}
    await suggestion.refresh_from_db()
    assert (suggestion.status, suggestion.settled_at) == (SuggestionStatus.WITHDRAWN, act.now)


async def test_a_move_keeps_from_to_reason_who_and_when(
    database: Database, act: ActorContext, clock: Clock
) -> None:
    """R27."""
    customer = await add_customer(database, act, "CHARITY")
    later = at(act, clock.advance(HOUR))
    await move(database, later, customer, "PUBLIC_SECTOR", " Became a council ")
    charity, public_sector = await shipped("CHARITY"), await shipped("PUBLIC_SECTOR")
    stored = await Customer.get(id=customer.id)
    assert stored.customer_class_id == public_sector.id
    assert (stored.version, stored.last_modified_at) == (2, later.now)
    _, change = await ClassChange.filter(customer_id=customer.id).order_by("id")
    assert (change.from_class_id, change.to_class_id, change.reason) == (
        charity.id,
        public_sector.id,
        "Became a council",
    )
    assert (change.changed_by, change.changed_at) == ("Tess Tester", later.now)
    assert not change.crosses_individual_line


async def test_a_move_needs_a_reason(database: Database, act: ActorContext) -> None:
    """R27, A17."""
    customer = await add_customer(database, act)
    blank = RefusalCode.BLANK
    for reason, code in ((None, RefusalCode.REQUIRED), ("", blank), (" \n ", blank)):
        async with refused(code, "reason"):
            await move(database, act, customer, "PUBLIC_SECTOR", reason)


async def test_a_move_to_a_retired_class_is_refused(database: Database, act: ActorContext) -> None:
    """R26."""
    customer = await add_customer(database, act)
    await retire(database, act, await shipped("PUBLIC_SECTOR"))
    async with refused(RefusalCode.CLASS_RETIRED, "classId"):
        await move(database, act, customer, "PUBLIC_SECTOR")


async def test_a_move_to_no_class_is_refused(database: Database, act: ActorContext) -> None:
    customer = await add_customer(database, act)
    async with refused(RefusalCode.NOT_FOUND, "classId"):
        await database.transaction(lambda: change_class(act, customer.id, "cls_none", "Why", None))
    with pytest.raises(Refused) as caught:
        await database.transaction(lambda: change_class(act, "cus_none", "cls_none", " ", None))
    assert [(one.code, one.path) for one in caught.value.refusals] == [
        (RefusalCode.NOT_FOUND, ("customerId",)),
        (RefusalCode.NOT_FOUND, ("classId",)),
        (RefusalCode.BLANK, ("reason",)),
    ]


async def test_setting_the_same_class_writes_nothing_and_needs_no_reason(
    database: Database, act: ActorContext
) -> None:
    """R28."""
    customer = await add_customer(database, act)
    before = await everything()
    await move(database, act, customer, "CHARITY", None)
    assert await everything() == before


@pytest.mark.parametrize(
    ("old", "new", "is_review_due"),
    [
        ("CHARITY", "PUBLIC_SECTOR", False),  # both organisations
        ("RESIDENTIAL", "SOLE_TRADER", False),  # both individuals
        ("SOLE_TRADER", "COMPANY_INTERNATIONAL", True),  # a sole trader incorporates
        ("RESELLER_OTHER", "RESELLER_SOLE_TRADER", True),
    ],
)
async def test_crossing_the_line_asks_for_a_review_of_consent(
    database: Database, act: ActorContext, old: str, new: str, is_review_due: bool
) -> None:
    """R29, R30."""
    customer = await add_customer(database, act, old)
    await move(database, act, customer, new)
    stored = await Customer.get(id=customer.id)
    assert stored.consent_review_due_at == (act.now if is_review_due else None)
    change = await ClassChange.filter(from_class_id__isnull=False).get()
    assert change.crosses_individual_line is is_review_due


async def test_a_retirement_and_an_edit_at_once_both_happen(
    database: Database, act: ActorContext
) -> None:
    """R41, R101: they lock the same rows in opposite order."""
    old, new = await add_class(database, act, "Old"), await shipped("CHARITY")
    customers = [await add_customer(database, act, class_id=old.id) for _ in range(4)]
    async with asyncio.timeout(60):
        await asyncio.gather(
            *(edit(database, act, customer, {"name": "New"}) for customer in customers),
            retire(database, act, old, new),
        )
    rows = await Customer.all()
    assert {(row.name, row.customer_class_id) for row in rows} == {("New", new.id)}
