"""Creating, editing, moving and deleting customers."""

import asyncio
import re
from datetime import timedelta
from typing import Any

import pytest
from tortoise.exceptions import IntegrityError

from models import AuditEntry, ClassChange, Customer, EnrichmentRun, Event, Job, Suggestion
from models.audit import Act
from models.customer_editing import (
    change_class,
    create_customer,
    delete_customer,
    edit_customer,
)
from models.database import Database
from models.enrichment import SuggestionStatus
from models.enrichment_status import EnrichmentReason, EnrichmentStatus
from models.errors import RefusalCode, StaleVersion
from models.profile import ProfileEntry, ValueSource
from models.template_editing import save_platform_defaults
from tests.conftest import Clock
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


def entry(value: Any, source: ValueSource = ValueSource.USER) -> ProfileEntry:
    return ProfileEntry(value=value, source=source, retrieved_at="2026-10-01T09:30:00+00:00")


async def edit(
    database: Database,
    act: Act,
    customer: Customer,
    values: dict[str, Any],
    version: int | None = None,
) -> Customer:
    return await database.transaction(lambda: edit_customer(act, customer.id, values, version))


async def move(
    database: Database, act: Act, customer: Customer, code: str, reason: str | None = "Grew"
) -> Customer:
    row = await shipped(code)
    return await database.transaction(lambda: change_class(act, customer.id, row.id, reason, None))


async def erase(database: Database, act: Act, customer: Customer, reason: str = "Asked") -> None:
    await database.transaction(lambda: delete_customer(act, customer.id, reason, None))


# Creating


async def test_a_customer_is_created_in_its_class_with_history(
    database: Database, act: Act
) -> None:
    """R24, R27: the first assignment is row one."""
    created = await add_customer(
        database,
        act,
        "PUBLIC_SECTOR",
        name=" Town Council ",
        external_reference=" crm-7 ",
        account_number=" 0042 ",
        company_number="sc 110",
    )
    public_sector = await shipped("PUBLIC_SECTOR")
    stored = await Customer.get(id=created.id)
    assert (stored.name, stored.external_reference, stored.account_number) == (
        "Town Council",
        "crm-7",
        "0042",
    )
    assert stored.company_number == "SC000110"
    assert stored.customer_class_id == public_sector.id
    assert (stored.created_at, stored.last_modified_at, stored.version) == (act.now, act.now, 1)
    assert stored.consent_review_due_at is None
    change = await ClassChange.get()
    assert (change.customer_id, change.from_class_id, change.to_class_id) == (
        stored.id,
        None,
        public_sector.id,
    )
    assert (change.reason, change.changed_by_id, change.changed_at) == (
        "First assignment",
        "tok_tester",
        act.now,
    )
    audited = await AuditEntry.get()
    assert (audited.operation, audited.subject_id) == ("customer.created", stored.id)


async def test_a_customer_without_an_account_number_gets_one(database: Database, act: Act) -> None:
    first, second = await add_customer(database, act), await add_customer(database, act)
    assert first.account_number != second.account_number
    assert re.fullmatch(r"CU-\w{5}-\w{5}", first.account_number)


@pytest.mark.parametrize(
    ("values", "code", "path"),
    [
        ({"name": " "}, RefusalCode.REQUIRED, "name"),
        ({"account_number": " "}, RefusalCode.REQUIRED, "accountNumber"),
        ({"account_number": "x" * 65}, RefusalCode.INVALID, "accountNumber"),
        ({"external_reference": "a\x00"}, RefusalCode.INVALID, "externalReference"),
        ({"company_number": "12-ABC"}, RefusalCode.INVALID_COMPANY_NUMBER, "companyNumber"),
        ({"class_id": "cls_none"}, RefusalCode.NOT_FOUND, "classId"),
        ({"class_code": "NONE"}, RefusalCode.NOT_FOUND, "classCode"),
        ({"parent_id": "cus_none"}, RefusalCode.NOT_FOUND, "parentId"),
    ],
)
async def test_a_customer_that_breaks_a_rule_is_not_created(
    database: Database, act: Act, values: dict[str, Any], code: RefusalCode, path: str
) -> None:
    async with refused(code, path):
        await add_customer(database, act, **values)


async def test_an_account_number_is_given_once(database: Database, act: Act) -> None:
    await add_customer(database, act, account_number="0042")
    async with refused(RefusalCode.ALREADY_EXISTS, "accountNumber"):
        await add_customer(database, act, account_number="0042")


async def test_a_customer_without_a_class_is_refused(database: Database, act: Act) -> None:
    """R24."""
    async with refused(RefusalCode.CLASS_REQUIRED, "classId"):
        await database.transaction(lambda: create_customer(act, {"name": "Acme"}))
    template = await add_template(database, act)
    async with refused(RefusalCode.CLASS_REQUIRED, "classId"):
        await database.transaction(lambda: create_customer(act, {"name": "Acme"}, template.id))


@pytest.mark.parametrize(
    ("named", "template", "default", "expected"),
    [
        (None, None, "CHARITY", "CHARITY"),  # the platform's
        (None, "PUBLIC_SECTOR", "CHARITY", "PUBLIC_SECTOR"),  # the template goes before it
        ("SOLE_TRADER", "PUBLIC_SECTOR", "CHARITY", "SOLE_TRADER"),  # and what is named before both
        ("SOLE_TRADER", None, None, "SOLE_TRADER"),
        (None, "PUBLIC_SECTOR", None, "PUBLIC_SECTOR"),
    ],
)
async def test_the_class_is_named_or_the_templates_or_the_platforms(
    database: Database,
    act: Act,
    named: str | None,
    template: str | None,
    default: str | None,
    expected: str,
) -> None:
    """R24."""
    template_id = None
    if template:
        class_id = (await shipped(template)).id
        template_id = (await add_template(database, act, customer_class_id=class_id)).id
    if default:
        default_id = (await shipped(default)).id
        await database.transaction(lambda: save_platform_defaults(act, default_id, None))
    values = {"name": "Acme", **({"class_code": named} if named else {})}
    customer = await database.transaction(lambda: create_customer(act, values, template_id))
    assert customer.customer_class_id == (await shipped(expected)).id


async def test_a_template_that_is_not_there_is_refused(database: Database, act: Act) -> None:
    async with refused(RefusalCode.NOT_FOUND, "templateId"):
        await database.transaction(
            lambda: create_customer(act, {"name": "A", "class_code": "CHARITY"}, "tpl_none")
        )


async def test_a_retired_class_is_refused_by_code_too(database: Database, act: Act) -> None:
    """R26."""
    await retire(database, act, await shipped("CHARITY"))
    async with refused(RefusalCode.CLASS_RETIRED, "classCode"):
        await add_customer(database, act, "CHARITY")


# Parents (R32)


async def test_a_customer_may_buy_through_a_reseller(database: Database, act: Act) -> None:
    """R32."""
    reseller = await add_customer(database, act, "RESELLER_OTHER")
    child = await add_customer(database, act, parent_id=reseller.id)
    assert (await Customer.get(id=child.id)).parent_id == reseller.id
    await edit(database, act, child, {"parent_id": None})
    assert (await Customer.get(id=child.id)).parent_id is None


async def test_a_template_gives_the_parent_unless_another_is_named(
    database: Database, act: Act
) -> None:
    """R32."""
    first = await add_customer(database, act, "RESELLER_OTHER")
    second = await add_customer(database, act, "RESELLER_OTHER")
    template = await add_template(database, act, parent_id=first.id)
    values = {"name": "Child", "class_code": "CHARITY"}
    for given, expected in (({}, first.id), ({"parent_id": second.id}, second.id)):
        child = await database.transaction(
            lambda given=given: create_customer(act, {**values, **given}, template.id)  # type: ignore[misc]  # bound now
        )
        assert child.parent_id == expected


async def test_a_parent_is_in_a_reseller_class(database: Database, act: Act) -> None:
    """R32."""
    parent = await add_customer(database, act, "COMPANY_UK_LIMITED")
    async with refused(RefusalCode.INVALID_PARENT, "parentId"):
        await add_customer(database, act, parent_id=parent.id)


async def test_an_erased_customer_is_no_parent(database: Database, act: Act) -> None:
    """R32."""
    parent = await add_customer(database, act, "RESELLER_OTHER")
    await erase(database, act, parent)
    async with refused(RefusalCode.NOT_FOUND, "parentId"):
        await add_customer(database, act, parent_id=parent.id)


async def test_nobody_is_its_own_parent(database: Database, act: Act) -> None:
    """R32: directly or through others."""
    top = await add_customer(database, act, "RESELLER_OTHER", name="Top")
    middle = await add_customer(database, act, "RESELLER_OTHER", parent_id=top.id)
    bottom = await add_customer(database, act, "RESELLER_OTHER", parent_id=middle.id)
    for parent in (top, middle, bottom):
        async with refused(RefusalCode.INVALID_PARENT, "parentId"):
            await edit(database, act, top, {"parent_id": parent.id})


async def test_a_parent_stays_a_reseller_and_stays(database: Database, act: Act) -> None:
    """R32."""
    parent = await add_customer(database, act, "RESELLER_OTHER")
    await add_customer(database, act, parent_id=parent.id)
    async with refused(RefusalCode.CUSTOMER_HAS_CHILDREN):
        await move(database, act, parent, "CHARITY")
    async with refused(RefusalCode.CUSTOMER_HAS_CHILDREN):
        await erase(database, act, parent)
    await move(database, act, parent, "RESELLER_UK_COMPANY")


# Editing


async def test_an_edit_of_a_customer_changes_only_what_was_sent(
    database: Database, act: Act, clock: Clock
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
    database: Database, act: Act, clock: Clock
) -> None:
    """R2."""
    customer = await add_customer(database, act, company_number="101")
    before = await everything()
    later = at(act, clock.advance(HOUR))
    await edit(database, later, customer, {"name": "Acme ", "company_number": "0101"})
    assert await everything() == before


async def test_a_class_can_neither_be_cleared_nor_changed_by_an_edit(
    database: Database, act: Act
) -> None:
    """R24, R27."""
    customer = await add_customer(database, act)
    other = await shipped("PUBLIC_SECTOR")
    for name in ("class_id", "class_code"):
        async with refused(RefusalCode.CLASS_REQUIRED, "classId"):
            await edit(database, act, customer, {name: None})
    async with refused(RefusalCode.CLASS_CHANGE_NEEDS_REASON, "classId"):
        await edit(database, act, customer, {"class_id": other.id})
    async with refused(RefusalCode.CLASS_CHANGE_NEEDS_REASON, "classCode"):
        await edit(database, act, customer, {"class_code": "PUBLIC_SECTOR"})


async def test_naming_the_same_class_in_an_edit_is_fine(database: Database, act: Act) -> None:
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
    database: Database, act: Act
) -> None:
    """R101."""
    customer = await add_customer(database, act)
    await edit(database, act, customer, {"name": "B"}, version=1)
    async with refused(RefusalCode.VERSION_CONFLICT, "expectedVersion") as caught:
        await edit(database, act, customer, {"name": "C"}, version=1)
    assert isinstance(caught.value, StaleVersion)
    assert (caught.value.current.name, caught.value.current.version) == ("B", 2)


async def test_of_two_edits_of_one_version_one_wins(database: Database, act: Act) -> None:
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


async def test_a_customer_that_is_not_there_is_not_found(database: Database, act: Act) -> None:
    async with refused(RefusalCode.NOT_FOUND, "id"):
        await database.transaction(lambda: edit_customer(act, "cus_none", {}, None))


async def test_typed_values_are_kept_with_their_source(database: Database, act: Act) -> None:
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
    database: Database, act: Act
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


# Moving


async def test_a_move_keeps_from_to_reason_who_and_when(
    database: Database, act: Act, clock: Clock
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


async def test_a_move_needs_a_reason(database: Database, act: Act) -> None:
    """R27, A17."""
    customer = await add_customer(database, act)
    for reason in (None, "", " \n "):
        async with refused(RefusalCode.REASON_REQUIRED, "reason"):
            await move(database, act, customer, "PUBLIC_SECTOR", reason)


async def test_a_move_to_a_retired_class_is_refused(database: Database, act: Act) -> None:
    """R26."""
    customer = await add_customer(database, act)
    await retire(database, act, await shipped("PUBLIC_SECTOR"))
    async with refused(RefusalCode.CLASS_RETIRED, "classId"):
        await move(database, act, customer, "PUBLIC_SECTOR")


async def test_a_move_to_no_class_is_refused(database: Database, act: Act) -> None:
    customer = await add_customer(database, act)
    async with refused(RefusalCode.NOT_FOUND, "classId"):
        await database.transaction(lambda: change_class(act, customer.id, "cls_none", "Why", None))
    async with refused(RefusalCode.NOT_FOUND, "customerId"):
        await database.transaction(lambda: change_class(act, "cus_none", "cls_none", "Why", None))


async def test_setting_the_same_class_writes_nothing_and_needs_no_reason(
    database: Database, act: Act
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
    database: Database, act: Act, old: str, new: str, is_review_due: bool
) -> None:
    """R29, R30."""
    customer = await add_customer(database, act, old)
    await move(database, act, customer, new)
    stored = await Customer.get(id=customer.id)
    assert stored.consent_review_due_at == (act.now if is_review_due else None)
    change = await ClassChange.filter(from_class_id__isnull=False).get()
    assert change.crosses_individual_line is is_review_due


async def test_a_retirement_and_an_edit_at_once_both_happen(database: Database, act: Act) -> None:
    """R41, R101: they lock the same rows from opposite ends."""
    old, new = await add_class(database, act, "Old"), await shipped("CHARITY")
    customers = [await add_customer(database, act, class_id=old.id) for _ in range(4)]
    async with asyncio.timeout(30):
        await asyncio.gather(
            *(edit(database, act, customer, {"name": "New"}) for customer in customers),
            retire(database, act, old, new),
        )
    rows = await Customer.all()
    assert {(row.name, row.customer_class_id) for row in rows} == {("New", new.id)}


# Erasing


async def stored_text() -> str:
    return repr(await everything())


async def test_erasing_takes_what_is_personal_and_keeps_the_history(
    database: Database, act: Act, clock: Clock
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
    await database.transaction(lambda: delete_customer(later, customer.id, "Art. 17", None))
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
    assert operations[-1].reason == "Art. 17"


async def test_erasing_cancels_the_lookup(database: Database, act: Act) -> None:
    """R35, R91."""
    customer = await add_customer(database, act, "COMPANY_UK_LIMITED", company_number="101")
    await erase(database, act, customer)
    run = await EnrichmentRun.get()
    assert (run.status, run.reason) == (
        EnrichmentStatus.CANCELLED,
        EnrichmentReason.CUSTOMER_DELETED,
    )
    assert (await Job.get()).live_key is None
    assert await Event.all().count() == 0


async def test_an_erased_customer_is_not_found(database: Database, act: Act) -> None:
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


async def test_erasing_needs_a_reason(database: Database, act: Act) -> None:
    customer = await add_customer(database, act)
    async with refused(RefusalCode.REASON_REQUIRED, "reason"):
        await erase(database, act, customer, " ")


async def test_a_customer_with_history_cannot_be_deleted_from_its_table(
    database: Database, act: Act
) -> None:
    """R35: the database itself refuses."""
    customer = await add_customer(database, act)
    with pytest.raises(IntegrityError):
        await customer.delete()
    assert await Customer.exists(id=customer.id)
    assert await ClassChange.all().count() == 1
