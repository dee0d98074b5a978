"""Creating, editing and reactivating customer classes."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from models import AuditEntry, Customer, CustomerClass, EnrichmentRun, Job
from models.changes.customer_class_editing import (
    SavedClass,
    create_class,
    edit_class,
    reactivate_class,
)
from models.rules.classification import ClassFlags, FlagWarning
from models.rules.errors import RefusalCode, StaleVersion
from models.storage.database import Database
from models.tables.access import Principal, Scope
from models.tables.audit import ActorContext
from tests.clock import Clock
from tests.factories import add_class, add_customer, at, everything, refused, retire, shipped

HOUR = timedelta(hours=1)


async def create(database: Database, act: ActorContext, values: dict[str, Any]) -> SavedClass:
    return await database.transaction(lambda: create_class(act, values))


async def edit(
    database: Database, act: ActorContext, row: CustomerClass, values: dict[str, Any], **rest: Any
) -> SavedClass:
    return await database.transaction(lambda: edit_class(act, row.id, values, **rest))


async def test_a_class_is_created_with_all_that_was_given(
    database: Database, act: ActorContext
) -> None:
    """R1, R2, R16, R20."""
    saved = await create(
        database,
        act,
        {
            "name": "  Club or Society ",
            "display_class": " club  ",
            "display_position": 15,
            "is_sole_trader": True,
            "is_reseller": True,
        },
    )
    row = await CustomerClass.get(id=saved.row.id)
    assert (row.name, row.display_class, row.display_position) == ("Club or Society", "club", 15)
    assert row.flags == ClassFlags(is_sole_trader=True, is_reseller=True)
    assert (row.created_at, row.last_modified_at, row.version) == (act.now, act.now, 1)
    assert not row.is_shipped
    assert row.is_assignable
    assert saved.warnings == ()
    assert saved.affected_customers == 0


async def test_a_name_is_enough_for_a_class(database: Database, act: ActorContext) -> None:
    """R3."""
    row = (await create(database, act, {"name": "Club"})).row
    stored = await CustomerClass.get(id=row.id)
    assert stored.flags == ClassFlags()
    assert (stored.display_class, stored.display_position) == (None, 0)


async def test_odd_flags_are_accepted_with_a_warning(database: Database, act: ActorContext) -> None:
    """R8."""
    values = {"name": "Odd", "is_personal_customer": True, "is_reseller": True}
    saved = await create(database, act, values)
    assert saved.warnings == (FlagWarning.PERSONAL_AND_RESELLER,)
    assert await CustomerClass.exists(id=saved.row.id)


@pytest.mark.parametrize(
    ("values", "code", "path"),
    [
        ({}, RefusalCode.REQUIRED, "name"),
        ({"name": None}, RefusalCode.REQUIRED, "name"),
        ({"name": " \t"}, RefusalCode.BLANK, "name"),
        ({"name": "x" * 201}, RefusalCode.TOO_LONG, "name"),
        ({"name": "Charity"}, RefusalCode.ALREADY_EXISTS, "name"),
        ({"name": " CHARITY "}, RefusalCode.ALREADY_EXISTS, "name"),  # case makes no difference
        (
            {"name": "A", "display_class": 'x"><script>'},
            RefusalCode.INVALID_DISPLAY_CLASS,
            "displayClass",
        ),
        (
            {"name": "A", "is_sole_trader": True, "check_companies_house": True},
            RefusalCode.CONTRADICTORY_FLAGS,
            "checkCompaniesHouse",
        ),
    ],
)
async def test_a_class_that_breaks_a_rule_is_not_created(
    database: Database, act: ActorContext, values: dict[str, Any], code: RefusalCode, path: str
) -> None:
    """R3, R4, R7."""
    async with refused(code, path):
        await create(database, act, values)


async def test_an_edit_changes_only_what_was_sent(
    database: Database, act: ActorContext, clock: Clock
) -> None:
    """R2, R21."""
    row = await add_class(database, act, "Club", display_class="club", display_position=3)
    later = at(act, clock.advance(HOUR))
    await edit(database, later, row, {"display_position": 4})
    stored = await CustomerClass.get(id=row.id)
    assert (stored.name, stored.display_class, stored.display_position) == ("Club", "club", 4)
    assert (stored.created_at, stored.last_modified_at) == (act.now, later.now)
    assert stored.version == 2


async def test_an_explicit_null_clears_what_may_be_empty(
    database: Database, act: ActorContext
) -> None:
    """R3, R21."""
    row = await add_class(database, act, display_class="club", display_position=3)
    await edit(database, act, row, {"display_class": None, "display_position": None})
    stored = await CustomerClass.get(id=row.id)
    assert (stored.display_class, stored.display_position) == (None, 0)


async def test_an_update_that_changes_nothing_leaves_last_modified(
    database: Database, act: ActorContext, clock: Clock
) -> None:
    """R2."""
    row = await add_class(database, act, "Club", display_class="club")
    before = await everything()
    later = at(act, clock.advance(HOUR))
    await edit(database, later, row, {"name": " Club ", "display_class": "club"})
    await edit(database, later, row, {})
    assert await everything() == before


async def test_a_class_can_change_the_case_of_its_own_name(
    database: Database, act: ActorContext
) -> None:
    """R3."""
    row = await add_class(database, act, "club")
    await edit(database, act, row, {"name": "CLUB"})
    assert (await CustomerClass.get(id=row.id)).name == "CLUB"


async def test_a_name_that_is_taken_is_refused_on_edit(
    database: Database, act: ActorContext
) -> None:
    """R3."""
    row = await add_class(database, act, "Club")
    async with refused(RefusalCode.ALREADY_EXISTS, "name"):
        await edit(database, act, row, {"name": "public sector"})


async def test_flags_that_contradict_only_together_are_refused_on_edit(
    database: Database, act: ActorContext
) -> None:
    """R7, R21."""
    row = await add_class(database, act, check_companies_house=True)
    async with refused(RefusalCode.CONTRADICTORY_FLAGS, "checkCompaniesHouse"):
        await edit(database, act, row, {"is_personal_customer": True})


async def test_a_class_of_ones_own_is_freely_editable(
    database: Database, act: ActorContext
) -> None:
    """R16."""
    writer = Principal("tok_w", "Writer", frozenset({Scope.CUSTOMER_CLASSES_WRITE}))
    row = await add_class(database, act)
    saved = await edit(
        database, replace(act, principal=writer), row, {"name": "Club", "is_reseller": True}
    )
    assert (saved.row.name, saved.row.is_reseller) == ("Club", True)


async def test_a_flag_changes_the_status_of_customers_at_once_and_counts_them(
    database: Database, act: ActorContext
) -> None:
    """R22, R23: it starts no lookups."""
    row = await add_class(database, act)
    for number in ("00000101", "00000102"):
        await add_customer(database, act, class_id=row.id, company_number=number)
    before = await Customer.all().order_by("id").values()
    saved = await edit(database, act, row, {"check_companies_house": True})
    assert saved.affected_customers == 2
    assert await Customer.all().order_by("id").values() == before
    assert await EnrichmentRun.all().count() == 0
    assert await Job.all().count() == 0
    saved = await edit(database, act, row, {"check_companies_house": False, "is_reseller": True})
    assert saved.affected_customers == 2
    saved = await edit(database, act, row, {"name": "Partners"})
    assert saved.affected_customers == 0


@pytest.mark.parametrize(
    "values",
    [
        {"name": "Good Causes"},
        {"is_personal_customer": True},
        {"is_sole_trader": True},
        {"is_reseller": True},
        {"check_companies_house": True},
    ],
)
async def test_name_and_flags_of_a_shipped_class_are_protected(
    database: Database, act: ActorContext, values: dict[str, Any]
) -> None:
    """R14, A3."""
    row = await shipped("CHARITY")
    async with refused(RefusalCode.SHIPPED_CLASS_PROTECTED, "id"):
        await edit(database, act, row, values)
    async with refused(RefusalCode.SHIPPED_CLASS_PROTECTED, "id"):
        await edit(database, act, row, values, override_reason="  ")


async def test_position_and_styling_of_a_shipped_class_are_free(
    database: Database, act: ActorContext
) -> None:
    """R15."""
    row = await shipped("CHARITY")
    await edit(
        database, act, row, {"name": row.name, "display_position": 1, "display_class": "heart"}
    )
    stored = await shipped("CHARITY")
    assert (stored.display_position, stored.display_class) == (1, "heart")
    assert (await AuditEntry.get()).is_override is False


async def test_an_administrator_may_override_with_a_reason_and_it_is_audited_as_such(
    database: Database, act: ActorContext
) -> None:
    """R12, R14: the code survives the rename."""
    row = await shipped("CHARITY")
    await edit(database, act, row, {"name": "Good Causes"}, override_reason=" Rebranding ")
    assert (await shipped("CHARITY")).name == "Good Causes"
    entry = await AuditEntry.get()
    assert (entry.operation, entry.reason, entry.is_override) == (
        "class.edited",
        "Rebranding",
        True,
    )
    assert (entry.before, entry.after) == ({"name": "Charity"}, {"name": "Good Causes"})


async def test_an_override_needs_the_right_to_administer(
    database: Database, act: ActorContext
) -> None:
    """R14, A20."""
    writer = Principal("tok_w", "Writer", frozenset({Scope.CUSTOMER_CLASSES_WRITE}))
    row = await shipped("CHARITY")
    async with refused(RefusalCode.ADMINISTER_REQUIRED, "overrideReason"):
        await edit(
            database,
            replace(act, principal=writer),
            row,
            {"name": "Good Causes"},
            override_reason="Rebranding",
        )


async def test_a_class_cannot_stop_being_a_reseller_while_customers_buy_through_it(
    database: Database, act: ActorContext
) -> None:
    """R32."""
    row = await add_class(database, act, is_reseller=True)
    parent = await add_customer(database, act, class_id=row.id)
    await add_customer(database, act, name="Child", parent_id=parent.id)
    async with refused(RefusalCode.CUSTOMER_HAS_CHILDREN, "isReseller"):
        await edit(database, act, row, {"is_reseller": False})


async def test_an_edit_of_an_older_version_is_refused_with_the_current_row(
    database: Database, act: ActorContext
) -> None:
    """R101."""
    row = await add_class(database, act, "Club")
    await edit(database, act, row, {"name": "Society"}, expected_version=1)
    async with refused(RefusalCode.VERSION_CONFLICT, "expectedVersion") as caught:
        await edit(database, act, row, {"name": "Lodge"}, expected_version=1)
    assert isinstance(caught.value, StaleVersion)
    assert (caught.value.current.name, caught.value.current.version) == ("Society", 2)
    assert caught.value.refusals[0].retryable


async def test_a_class_that_is_not_there_is_not_found(
    database: Database, act: ActorContext
) -> None:
    async with refused(RefusalCode.NOT_FOUND, "id"):
        await database.transaction(lambda: edit_class(act, "cls_none", {"name": "A"}))


async def test_every_write_of_a_class_is_audited(database: Database, act: ActorContext) -> None:
    """R96."""
    row = await add_class(database, act, "Club", display_position=3)
    await edit(database, act, row, {"name": "Society", "display_position": 3})
    created, edited = await AuditEntry.all().order_by("id")
    assert created.operation == "class.created"
    assert created.before == {}
    assert created.after["name"] == "Club"
    assert edited.operation == "class.edited"
    assert (edited.before, edited.after) == ({"name": "Club"}, {"name": "Society"})
    assert {
        (entry.subject_id, entry.actor_id, entry.actor_name, entry.request_id, entry.at)
        for entry in (created, edited)
    } == {(row.id, "tok_tester", "Tess Tester", "request-1", act.now)}


async def test_a_retired_class_can_be_reactivated_for_a_reason(
    database: Database, act: ActorContext, clock: Clock
) -> None:
    """R46."""
    row = await add_class(database, act)
    await retire(database, act, row)
    async with refused(RefusalCode.BLANK, "reason"):
        await database.transaction(lambda: reactivate_class(act, row.id, " ", None))
    later = at(act, clock.advance(HOUR))
    await database.transaction(lambda: reactivate_class(later, row.id, "Sold again", None))
    stored = await CustomerClass.get(id=row.id)
    assert stored.is_assignable
    assert (stored.version, stored.last_modified_at) == (3, later.now)
    entry = await AuditEntry.filter(operation="class.reactivated").get()
    assert (entry.reason, entry.after) == ("Sold again", {"retired_at": None})


async def test_reactivating_twice_changes_nothing(database: Database, act: ActorContext) -> None:
    """R46."""
    row = await add_class(database, act)
    before = await everything()
    await database.transaction(lambda: reactivate_class(act, row.id, None, None))
    assert await everything() == before
