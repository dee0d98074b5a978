"""Retiring a class: one transaction moves its customers and replaces references to it."""

from datetime import timedelta

import pytest

from models import (
    AuditEntry,
    ClassChange,
    Customer,
    CustomerClass,
    CustomerTemplate,
    EnrichmentRun,
    Job,
    PlatformDefaults,
)
from models.changes import retirement
from models.changes.customer_class_editing import edit_class
from models.changes.customer_editing import change_class, delete_customer, edit_customer
from models.changes.customer_template_editing import save_platform_defaults
from models.changes.retirement import retire_class
from models.jobs.kinds import ENRICH
from models.rules.enrichment_status import EnrichmentReason, EnrichmentStatus, EnrichmentTrigger
from models.rules.errors import RefusalCode
from models.rules.urgency import Urgency
from models.storage.database import Database
from models.tables.audit import ActorContext
from models.tables.customer_class import ClassStatus
from tests.clock import Clock
from tests.factories import (
    add_class,
    add_customer,
    add_template,
    at,
    everything,
    refused,
    retire,
    shipped,
)

HOUR = timedelta(hours=1)


async def test_customers_move_to_the_replacement_with_the_reason_on_each(
    database: Database, act: ActorContext, clock: Clock
) -> None:
    """R39, R27."""
    old, new = await add_class(database, act, "Old"), await shipped("CHARITY")
    moved = [await add_customer(database, act, class_id=old.id) for _ in range(3)]
    stays = await add_customer(database, act, "PUBLIC_SECTOR")
    later = at(act, clock.advance(HOUR))
    done = await retire(database, later, old, new, "  Merged into charities ")
    assert (done.moved_customers, done.queued_lookups) == (3, 0)
    assert done.replacement is not None
    assert done.replacement.id == new.id
    for customer in moved:
        stored = await Customer.get(id=customer.id)
        assert stored.customer_class_id == new.id
        assert (stored.version, stored.last_modified_at) == (2, later.now)
        change = await ClassChange.filter(customer_id=customer.id).order_by("-id").first()
        assert change is not None
        assert (change.from_class_id, change.to_class_id) == (old.id, new.id)
        assert (change.reason, change.changed_at) == ("Merged into charities", later.now)
        assert (change.changed_by_id, change.changed_by) == ("tok_tester", "Tess Tester")
        audited = await AuditEntry.filter(
            subject_id=customer.id, operation="customer.class_changed"
        ).get()
        assert audited.reason == "Merged into charities"
    assert (await Customer.get(id=stays.id)).version == 1


async def test_a_retired_class_stays_for_history_and_cannot_be_picked(
    database: Database, act: ActorContext, clock: Clock
) -> None:
    """R19, R26, R47."""
    row = await add_class(database, act)
    later = at(act, clock.advance(HOUR))
    await retire(database, later, row)
    stored = await CustomerClass.get(id=row.id)
    assert (stored.status, stored.is_assignable) == (ClassStatus.RETIRED, False)
    assert (stored.retired_at, stored.last_modified_at, stored.version) == (
        later.now,
        later.now,
        2,
    )
    async with refused(RefusalCode.CLASS_RETIRED, "classId"):
        await add_customer(database, act, class_id=row.id)


async def test_a_retirement_is_audited_with_what_it_did(
    database: Database, act: ActorContext
) -> None:
    """R96."""
    old, new = await add_class(database, act, "Old"), await shipped("CHARITY")
    await add_customer(database, act, class_id=old.id)
    await retire(database, act, old, new, "Merged")
    entry = await AuditEntry.filter(operation="class.retired").get()
    assert (entry.subject_id, entry.reason) == (old.id, "Merged")
    assert entry.after == {
        "retired_at": act.now.isoformat(),
        "replacement_id": new.id,
        "moved_customers": 1,
    }


async def test_customers_left_without_a_replacement_are_refused(
    database: Database, act: ActorContext
) -> None:
    """R42."""
    row = await add_class(database, act)
    for _ in range(2):
        await add_customer(database, act, class_id=row.id)
    async with refused(RefusalCode.CLASS_HAS_CUSTOMERS, "replacementId") as caught:
        await retire(database, act, row)
    assert caught.value.refusals[0].message.startswith("2 customers are in this class")


async def test_a_class_without_customers_needs_no_replacement(
    database: Database, act: ActorContext
) -> None:
    """R42: all its customers were moved or erased."""
    row = await add_class(database, act)
    goes = await add_customer(database, act, class_id=row.id)
    gone = await add_customer(database, act, class_id=row.id)
    charity = await shipped("CHARITY")
    await database.transaction(lambda: change_class(act, goes.id, charity.id, "Moved", None))
    await database.transaction(lambda: delete_customer(act, gone.id, None))
    done = await retire(database, act, row)
    assert (done.moved_customers, done.replacement) == (0, None)
    assert (await CustomerClass.get(id=row.id)).retired_at == act.now


async def test_the_replacement_is_another_class(database: Database, act: ActorContext) -> None:
    """R43."""
    row = await add_class(database, act)
    async with refused(RefusalCode.REPLACEMENT_IS_SAME_CLASS, "replacementId"):
        await retire(database, act, row, row)


async def test_the_replacement_is_active(database: Database, act: ActorContext) -> None:
    """R43."""
    row, gone = await add_class(database, act, "A"), await add_class(database, act, "B")
    await retire(database, act, gone)
    async with refused(RefusalCode.CLASS_RETIRED, "replacementId"):
        await retire(database, act, row, gone)


async def test_the_replacement_exists(database: Database, act: ActorContext) -> None:
    row = await add_class(database, act)
    async with refused(RefusalCode.NOT_FOUND, "replacementId"):
        await database.transaction(lambda: retire_class(act, row.id, "cls_none", "Why", None))


async def test_a_retirement_needs_a_reason(database: Database, act: ActorContext) -> None:
    """R39."""
    row = await add_class(database, act)
    async with refused(RefusalCode.BLANK, "reason"):
        await retire(database, act, row, reason=" ")


async def test_an_older_version_is_not_retired(database: Database, act: ActorContext) -> None:
    """R101."""
    row = await add_class(database, act)
    async with refused(RefusalCode.VERSION_CONFLICT, "expectedVersion"):
        await database.transaction(lambda: retire_class(act, row.id, None, "Why", 2))


async def test_references_are_pointed_at_the_replacement(
    database: Database, act: ActorContext, clock: Clock
) -> None:
    """R40, R44."""
    old, new = await add_class(database, act, "Old"), await shipped("CHARITY")
    shops = await add_template(database, act, "Shops", customer_class_id=old.id)
    other = await add_template(database, act, "Other", customer_class_id=new.id)
    await database.transaction(lambda: save_platform_defaults(act, old.id, None))
    later = at(act, clock.advance(HOUR))
    done = await retire(database, later, old, new)
    assert [template.id for template in done.reassigned_templates] == [shops.id]
    assert done.cleared_templates == []
    assert done.platform_default_was == old.id
    stored = await CustomerTemplate.get(id=shops.id)
    assert (stored.customer_class_id, stored.version) == (new.id, 2)
    assert stored.last_modified_at == later.now
    assert (await CustomerTemplate.get(id=other.id)).version == 1
    assert (await PlatformDefaults.get()).customer_class_id == new.id
    assert await AuditEntry.filter(operation="default.repointed").count() == 2


async def test_references_are_cleared_without_a_replacement(
    database: Database, act: ActorContext
) -> None:
    """R40, R44."""
    old = await add_class(database, act, "Old")
    shops = await add_template(database, act, "Shops", customer_class_id=old.id)
    await database.transaction(lambda: save_platform_defaults(act, old.id, None))
    done = await retire(database, act, old)
    assert [template.id for template in done.cleared_templates] == [shops.id]
    assert done.reassigned_templates == []
    assert (await CustomerTemplate.get(id=shops.id)).customer_class_id is None
    assert (await PlatformDefaults.get()).customer_class_id is None


async def test_customers_moved_into_a_checked_class_are_queued_for_lookup(
    database: Database, act: ActorContext
) -> None:
    """R45."""
    old, new = await add_class(database, act, "Old"), await shipped("COMPANY_UK_LIMITED")
    known = await add_customer(database, act, class_id=old.id, company_number="101")
    unknown = await add_customer(database, act, class_id=old.id)
    done = await retire(database, act, old, new)
    assert (done.moved_customers, done.queued_lookups) == (2, 1)
    run = await EnrichmentRun.get()
    assert (run.customer_id, run.company_number) == (known.id, "00000101")
    assert (run.trigger, run.status) == (EnrichmentTrigger.RETIREMENT, EnrichmentStatus.PENDING)
    job = await Job.get(kind=ENRICH)
    assert (job.payload["run_id"], job.urgency) == (run.id, Urgency.BULK)
    status = dict(await Customer.all().values_list("id", "enrichment_status"))
    assert status == {
        known.id: EnrichmentStatus.PENDING,
        unknown.id: EnrichmentStatus.NEEDS_COMPANY_NUMBER,
    }


async def test_customers_moved_out_of_a_checked_class_are_no_longer_looked_up(
    database: Database, act: ActorContext
) -> None:
    """R91."""
    old, new = await shipped("COMPANY_UK_LIMITED"), await shipped("COMPANY_INTERNATIONAL")
    customer = await add_customer(database, act, class_id=old.id, company_number="101")
    done = await retire(database, act, old, new)
    assert done.queued_lookups == 0
    run = await EnrichmentRun.get()
    assert (run.status, run.reason) == (
        EnrichmentStatus.CANCELLED,
        EnrichmentReason.CLASS_CHANGED,
    )
    stored = await Customer.get(id=customer.id)
    assert stored.enrichment_status is EnrichmentStatus.CANCELLED


async def test_a_retirement_across_the_line_asks_for_a_review_of_consent(
    database: Database, act: ActorContext
) -> None:
    """R29, R30."""
    old, new = await shipped("SOLE_TRADER"), await shipped("COMPANY_INTERNATIONAL")
    customer = await add_customer(database, act, class_id=old.id)
    await retire(database, act, old, new)
    assert (await Customer.get(id=customer.id)).consent_review_due_at == act.now
    change = await ClassChange.filter(from_class_id=old.id).get()
    assert change.crosses_individual_line


async def test_retiring_twice_changes_nothing(
    database: Database, act: ActorContext, clock: Clock
) -> None:
    """R46."""
    old, new = await add_class(database, act, "Old"), await shipped("CHARITY")
    await add_customer(database, act, class_id=old.id)
    await retire(database, act, old, new)
    before = await everything()
    done = await retire(database, at(act, clock.advance(HOUR)), old, new, None)
    assert done.row.retired_at == act.now
    assert done.moved_customers == 0
    assert await everything() == before


async def test_an_existing_customer_of_a_retired_class_can_still_be_saved(
    database: Database, act: ActorContext
) -> None:
    """R26: for example after the class was retired without moving its customers."""
    row = await add_class(database, act)
    customer = await add_customer(database, act, class_id=row.id)
    await CustomerClass.filter(id=row.id).update(retired_at=act.now)
    await database.transaction(
        lambda: edit_customer(act, customer.id, {"name": "New", "class_id": row.id}, None)
    )
    assert (await Customer.get(id=customer.id)).name == "New"


@pytest.mark.parametrize("failing", ["_remove_references", "touch", "_record_reassignment"])
async def test_a_retirement_that_fails_in_the_middle_leaves_nothing(
    database: Database, act: ActorContext, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    """R41."""
    old, new = await add_class(database, act, "Old"), await shipped("COMPANY_UK_LIMITED")
    await add_customer(database, act, class_id=old.id, company_number="101")
    await add_template(database, act, "Shops", customer_class_id=old.id)
    await database.transaction(lambda: save_platform_defaults(act, old.id, None))
    before = await everything()

    def fail(*_: object) -> None:
        raise ConnectionResetError

    monkeypatch.setattr(retirement, failing, fail)
    with pytest.raises(ConnectionResetError):
        await retire(database, act, old, new)
    assert await everything() == before


async def test_a_dry_run_shows_what_a_retirement_would_do(
    database: Database, act: ActorContext
) -> None:
    """A4."""
    old, new = await add_class(database, act, "Old"), await shipped("COMPANY_UK_LIMITED")
    await add_customer(database, act, class_id=old.id, company_number="101")
    before = await everything()
    done = await database.transaction(
        lambda: retire_class(act, old.id, new.id, "Why", None), dry_run=True
    )
    assert (done.moved_customers, done.queued_lookups) == (1, 1)
    assert await everything() == before


async def test_a_reseller_class_with_children_is_not_retired_into_another_kind(
    database: Database, act: ActorContext
) -> None:
    """R32."""
    old = await add_class(database, act, "Old", is_reseller=True)
    parent = await add_customer(database, act, class_id=old.id)
    await add_customer(database, act, name="Child", parent_id=parent.id)
    async with refused(RefusalCode.CUSTOMER_HAS_CHILDREN, "replacementId"):
        await retire(database, act, old, await shipped("CHARITY"))
    done = await retire(database, act, old, await shipped("RESELLER_OTHER"))
    assert done.moved_customers == 1


async def test_many_customers_are_moved_in_batches(
    database: Database, act: ActorContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R39, R45."""
    for module in ("models.changes.lookup", "models.changes.reclassification"):
        monkeypatch.setattr(f"{module}.BATCH", 2)
    old, new = await add_class(database, act, "Old"), await shipped("COMPANY_UK_LIMITED")
    for number in range(1, 6):
        await add_customer(database, act, class_id=old.id, company_number=f"{number}")
    done = await retire(database, act, old, new)
    assert (done.moved_customers, done.queued_lookups) == (5, 5)
    assert await Customer.filter(customer_class_id=new.id).count() == 5
    assert await ClassChange.filter(from_class_id=old.id).count() == 5
    assert await Job.filter(kind=ENRICH).count() == await EnrichmentRun.all().count() == 5


async def test_a_shipped_class_can_be_retired_and_keeps_its_code(
    database: Database, act: ActorContext
) -> None:
    """R12, R38."""
    await retire(database, act, await shipped("CHARITY"))
    row = await shipped("CHARITY")
    assert row.status is ClassStatus.RETIRED
    await database.transaction(lambda: edit_class(act, row.id, {"display_position": 99}))
    assert (await shipped("CHARITY")).display_position == 99
