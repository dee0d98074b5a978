"""Creating customers: class, parent, and the first row of the class history."""

import re
from datetime import timedelta
from typing import Any

import pytest

from models import AuditEntry, ClassChange, Customer, CustomerClass, CustomerTemplate
from models.changes.customer_editing import (
    create_customer,
)
from models.changes.customer_template_editing import save_platform_defaults
from models.rules.errors import RefusalCode
from models.storage.database import Database
from models.tables.audit import ActorContext
from tests.factories import (
    add_customer,
    add_template,
    edit,
    erase,
    move,
    refused,
    retire,
    shipped,
)

HOUR = timedelta(hours=1)


async def test_a_customer_is_created_in_its_class_with_history(
    database: Database, act: ActorContext
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


async def test_a_customer_without_an_account_number_gets_one(
    database: Database, act: ActorContext
) -> None:
    first, second = await add_customer(database, act), await add_customer(database, act)
    assert first.account_number != second.account_number
    assert re.fullmatch(r"CU-\w{5}-\w{5}", first.account_number)


@pytest.mark.parametrize(
    ("values", "code", "path"),
    [
        ({"name": " "}, RefusalCode.BLANK, "name"),
        ({"account_number": " "}, RefusalCode.BLANK, "accountNumber"),
        ({"account_number": "x" * 65}, RefusalCode.TOO_LONG, "accountNumber"),
        ({"external_reference": "a\x00"}, RefusalCode.CONTROL_CHARACTERS, "externalReference"),
        ({"company_number": "12-ABC"}, RefusalCode.INVALID_COMPANY_NUMBER, "companyNumber"),
        ({"class_id": "cls_none"}, RefusalCode.NOT_FOUND, "classId"),
        ({"class_code": "NONE"}, RefusalCode.NOT_FOUND, "classCode"),
        ({"parent_id": "cus_none"}, RefusalCode.NOT_FOUND, "parentId"),
    ],
)
async def test_a_customer_that_breaks_a_rule_is_not_created(
    database: Database, act: ActorContext, values: dict[str, Any], code: RefusalCode, path: str
) -> None:
    async with refused(code, path):
        await add_customer(database, act, **values)


async def test_an_account_number_is_given_once(database: Database, act: ActorContext) -> None:
    await add_customer(database, act, account_number="0042")
    async with refused(RefusalCode.ALREADY_EXISTS, "accountNumber"):
        await add_customer(database, act, account_number="0042")


async def test_a_customer_without_a_class_is_refused(database: Database, act: ActorContext) -> None:
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
        (
            None,
            "PUBLIC_SECTOR",
            "CHARITY",
            "PUBLIC_SECTOR",
        ),  # the template takes precedence over it
        ("SOLE_TRADER", "PUBLIC_SECTOR", "CHARITY", "SOLE_TRADER"),  # and the input over both
        ("SOLE_TRADER", None, None, "SOLE_TRADER"),
        (None, "PUBLIC_SECTOR", None, "PUBLIC_SECTOR"),
    ],
)
async def test_the_class_is_named_or_the_templates_or_the_platforms(
    database: Database,
    act: ActorContext,
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


async def test_a_template_that_is_not_there_is_refused(
    database: Database, act: ActorContext
) -> None:
    async with refused(RefusalCode.NOT_FOUND, "templateId"):
        await database.transaction(
            lambda: create_customer(act, {"name": "A", "class_code": "CHARITY"}, "tpl_none")
        )


async def test_a_retired_class_is_refused_by_code_too(
    database: Database, act: ActorContext
) -> None:
    """R26."""
    await retire(database, act, await shipped("CHARITY"))
    async with refused(RefusalCode.CLASS_RETIRED, "classCode"):
        await add_customer(database, act, "CHARITY")


async def test_a_customer_may_buy_through_a_reseller(database: Database, act: ActorContext) -> None:
    """R32."""
    reseller = await add_customer(database, act, "RESELLER_OTHER")
    child = await add_customer(database, act, parent_id=reseller.id)
    assert (await Customer.get(id=child.id)).parent_id == reseller.id
    await edit(database, act, child, {"parent_id": None})
    assert (await Customer.get(id=child.id)).parent_id is None


async def test_a_wrong_class_or_parent_of_a_template_is_refused_at_the_template(
    database: Database, act: ActorContext
) -> None:
    charity = await shipped("CHARITY")
    other = await add_customer(database, act)
    template = await add_template(database, act, customer_class_id=charity.id)
    await CustomerTemplate.filter(id=template.id).update(parent_id=other.id)
    values = {"name": "Acme"}
    async with refused(RefusalCode.INVALID_PARENT, "templateId"):
        await database.transaction(lambda: create_customer(act, values, template.id))
    async with refused(RefusalCode.INVALID_PARENT, "parentId"):
        given = {**values, "parent_id": other.id}
        await database.transaction(lambda: create_customer(act, given, template.id))
    await CustomerTemplate.filter(id=template.id).update(parent_id=None)
    await CustomerClass.filter(id=charity.id).update(retired_at=act.now)
    async with refused(RefusalCode.CLASS_RETIRED, "templateId"):
        await database.transaction(lambda: create_customer(act, values, template.id))
    async with refused(RefusalCode.CLASS_RETIRED, "classCode"):
        given = {**values, "class_code": "CHARITY"}
        await database.transaction(lambda: create_customer(act, given, template.id))


async def test_a_template_gives_the_parent_unless_another_is_named(
    database: Database, act: ActorContext
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


async def test_a_parent_is_in_a_reseller_class(database: Database, act: ActorContext) -> None:
    """R32."""
    parent = await add_customer(database, act, "COMPANY_UK_LIMITED")
    async with refused(RefusalCode.INVALID_PARENT, "parentId"):
        await add_customer(database, act, parent_id=parent.id)


async def test_an_erased_customer_is_no_parent(database: Database, act: ActorContext) -> None:
    """R32."""
    parent = await add_customer(database, act, "RESELLER_OTHER")
    await erase(database, act, parent)
    async with refused(RefusalCode.NOT_FOUND, "parentId"):
        await add_customer(database, act, parent_id=parent.id)


async def test_nobody_is_its_own_parent(database: Database, act: ActorContext) -> None:
    """R32: directly or through others."""
    top = await add_customer(database, act, "RESELLER_OTHER", name="Top")
    middle = await add_customer(database, act, "RESELLER_OTHER", parent_id=top.id)
    bottom = await add_customer(database, act, "RESELLER_OTHER", parent_id=middle.id)
    for parent in (top, middle, bottom):
        async with refused(RefusalCode.INVALID_PARENT, "parentId"):
            await edit(database, act, top, {"parent_id": parent.id})


async def test_a_parent_stays_a_reseller_and_stays(database: Database, act: ActorContext) -> None:
    """R32."""
    parent = await add_customer(database, act, "RESELLER_OTHER")
    await add_customer(database, act, parent_id=parent.id)
    async with refused(RefusalCode.CUSTOMER_HAS_CHILDREN, "classId"):
        await move(database, act, parent, "CHARITY")
    async with refused(RefusalCode.CUSTOMER_HAS_CHILDREN, "id"):
        await erase(database, act, parent)
    await move(database, act, parent, "RESELLER_UK_COMPANY")
