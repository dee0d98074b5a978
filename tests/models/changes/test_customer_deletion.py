"""Deleting customers: personal data is erased, and the history is kept."""

from datetime import timedelta

import pytest
from tortoise.exceptions import IntegrityError

from models import AuditEntry, ClassChange, Customer, EnrichmentRun, Event, Job
from models.changes.customer_editing import (
    delete_customer,
)
from models.rules.enrichment_status import EnrichmentReason, EnrichmentStatus
from models.rules.errors import RefusalCode
from models.storage.database import Database
from models.tables.audit import ActorContext
from tests.clock import Clock
from tests.factories import (
    add_customer,
    add_template,
    at,
    edit,
    entry,
    erase,
    everything,
    move,
    refused,
)

HOUR = timedelta(hours=1)


async def stored_text() -> str:
    return repr(await everything())


async def test_erasing_takes_what_is_personal_and_keeps_the_history(
    database: Database, act: ActorContext, clock: Clock
) -> None:
    """R35, A18."""
    customer = await add_customer(
        database,
        act,
        "SOLE_TRADER",
        name="Mia Muster",
        account_number="MUSTER-1",
        external_reference="crm-muster",
        profile={"employees": entry(31337)},
    )
    await move(database, act, customer, "COMPANY_UK_LIMITED", "Incorporated")
    await edit(database, act, customer, {"company_number": "00000101", "name": "Muster Ltd"})
    later = at(act, clock.advance(HOUR))
    await database.transaction(lambda: delete_customer(later, customer.id, None))
    stored = await Customer.get(id=customer.id)
    assert (stored.name, stored.erased_at, stored.profile) == ("(erased)", later.now, {})
    assert stored.company_number is None
    text = (await stored_text()).casefold()
    assert "muster" not in text.replace("tess tester", "")
    assert "31337" not in text
    assert await ClassChange.filter(customer_id=customer.id).count() == 2
    operations = await AuditEntry.filter(subject_id=customer.id).order_by("id")
    assert [(e.operation, e.before, e.after) for e in operations] == [
        ("customer.created", {}, {}),
        ("customer.class_changed", {}, {}),
        ("customer.edited", {}, {}),
        ("customer.deleted", {}, {}),
    ]
    assert {e.reason for e in operations} == {None}
    assert "art. 17" not in text


async def test_erasing_cancels_the_lookup(database: Database, act: ActorContext) -> None:
    """R35, R91."""
    customer = await add_customer(database, act, "COMPANY_UK_LIMITED", company_number="101")
    await erase(database, act, customer)
    run = await EnrichmentRun.get()
    assert (run.status, run.reason) == (
        EnrichmentStatus.CANCELLED,
        EnrichmentReason.CUSTOMER_DELETED,
    )
    assert (await Job.get()).live_key is None
    told = [event.type for event in await Event.all().order_by("id")]
    assert told == ["customer.created", "customer.erased"]


async def test_an_erased_customer_is_not_found(database: Database, act: ActorContext) -> None:
    """R35."""
    customer = await add_customer(database, act, account_number="0042")
    await erase(database, act, customer)
    async with refused(RefusalCode.NOT_FOUND, "id"):
        await edit(database, act, customer, {"name": "B"})
    async with refused(RefusalCode.NOT_FOUND, "id"):
        await erase(database, act, customer)
    async with refused(RefusalCode.NOT_FOUND, "customerId"):
        await move(database, act, customer, "PUBLIC_SECTOR")
    assert (await add_customer(database, act, account_number="0042")).account_number == "0042"


async def test_a_customer_with_history_cannot_be_deleted_from_its_table(
    database: Database, act: ActorContext
) -> None:
    """R35: the database itself refuses."""
    customer = await add_customer(database, act)
    with pytest.raises(IntegrityError):
        await customer.delete()
    assert await Customer.exists(id=customer.id)
    assert await ClassChange.all().count() == 1


async def test_a_deleted_reseller_leaves_the_templates(
    database: Database, act: ActorContext
) -> None:
    """R32, R35."""
    reseller = await add_customer(database, act, "RESELLER_OTHER")
    template = await add_template(database, act, parent_id=reseller.id)
    await erase(database, act, reseller)
    await template.refresh_from_db()
    assert (template.parent_id, template.version) == (None, 2)
