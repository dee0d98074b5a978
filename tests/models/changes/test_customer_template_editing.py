"""Templates for new customers, and the platform's default class."""

from datetime import timedelta
from typing import Any

import pytest

from models import AuditEntry, CustomerTemplate, PlatformDefaults
from models.changes.customer_editing import delete_customer
from models.changes.customer_template_editing import (
    delete_template,
    save_platform_defaults,
    save_template,
)
from models.rules.errors import RefusalCode
from models.storage.database import Database
from models.tables.audit import ActorContext
from tests.clock import Clock
from tests.factories import (
    add_customer,
    add_template,
    at,
    everything,
    refused,
    retire,
    shipped,
)

HOUR = timedelta(hours=1)


async def test_a_template_names_a_class_and_a_parent(database: Database, act: ActorContext) -> None:
    """R40, R32."""
    charity = await shipped("CHARITY")
    parent = await add_customer(database, act, "RESELLER_OTHER")
    template = await add_template(
        database, act, " Shops ", customer_class_id=charity.id, parent_id=parent.id
    )
    stored = await CustomerTemplate.get(id=template.id)
    assert (stored.name, stored.customer_class_id, stored.parent_id) == (
        "Shops",
        charity.id,
        parent.id,
    )
    assert (stored.created_at, stored.last_modified_at, stored.version) == (act.now, act.now, 1)
    entry = await AuditEntry.filter(operation="template.saved").get()
    assert entry.after == {
        "name": "Shops",
        "customer_class_id": charity.id,
        "parent_id": parent.id,
    }


async def test_a_template_edit_changes_only_what_was_sent(
    database: Database, act: ActorContext, clock: Clock
) -> None:
    """R2, R21."""
    charity = await shipped("CHARITY")
    template = await add_template(database, act, "Shops", customer_class_id=charity.id)
    later = at(act, clock.advance(HOUR))
    await database.transaction(lambda: save_template(later, template.id, {"name": "Clubs"}))
    stored = await CustomerTemplate.get(id=template.id)
    assert (stored.name, stored.customer_class_id) == ("Clubs", charity.id)
    assert (stored.version, stored.last_modified_at) == (2, later.now)
    before = await everything()
    await database.transaction(lambda: save_template(later, template.id, {"name": "Clubs "}))
    assert await everything() == before


@pytest.mark.parametrize(
    ("values", "code", "path"),
    [
        ({"name": " "}, RefusalCode.BLANK, "name"),
        ({"name": "SHOPS"}, RefusalCode.ALREADY_EXISTS, "name"),
        ({"customer_class_id": "cls_none"}, RefusalCode.NOT_FOUND, "classId"),
        ({"parent_id": "cus_none"}, RefusalCode.NOT_FOUND, "parentId"),
    ],
)
async def test_a_template_that_breaks_a_rule_is_refused(
    database: Database, act: ActorContext, values: dict[str, Any], code: RefusalCode, path: str
) -> None:
    await add_template(database, act, "Shops")
    clubs = await add_template(database, act, "Clubs")
    async with refused(code, path):
        await add_template(database, act, **{"name": "Other", **values})
    async with refused(code, path):
        await database.transaction(lambda: save_template(act, clubs.id, values))


async def test_a_template_names_no_retired_class(database: Database, act: ActorContext) -> None:
    """R26, R40."""
    charity = await shipped("CHARITY")
    await retire(database, act, charity)
    async with refused(RefusalCode.CLASS_RETIRED, "classId"):
        await add_template(database, act, customer_class_id=charity.id)


async def test_a_template_names_no_parent_that_is_no_reseller_or_erased(
    database: Database, act: ActorContext
) -> None:
    """R32."""
    charity = await add_customer(database, act, "CHARITY")
    gone = await add_customer(database, act, "RESELLER_OTHER")
    await database.transaction(lambda: delete_customer(act, gone.id, None))
    async with refused(RefusalCode.INVALID_PARENT, "parentId"):
        await add_template(database, act, parent_id=charity.id)
    async with refused(RefusalCode.NOT_FOUND, "parentId"):
        await add_template(database, act, parent_id=gone.id)


async def test_a_template_is_deleted(database: Database, act: ActorContext) -> None:
    template = await add_template(database, act)
    async with refused(RefusalCode.VERSION_CONFLICT, "expectedVersion"):
        await database.transaction(lambda: delete_template(act, template.id, 9))
    await database.transaction(lambda: delete_template(act, template.id, 1))
    assert await CustomerTemplate.all().count() == 0
    async with refused(RefusalCode.NOT_FOUND, "id"):
        await database.transaction(lambda: delete_template(act, template.id, None))


async def test_the_platform_has_one_default_class_or_none(
    database: Database, act: ActorContext, clock: Clock
) -> None:
    """R24."""
    charity = await shipped("CHARITY")
    later = at(act, clock.advance(HOUR))
    await database.transaction(lambda: save_platform_defaults(later, charity.id, 1))
    defaults = await PlatformDefaults.get()
    assert (defaults.customer_class_id, defaults.version) == (charity.id, 2)
    assert defaults.last_modified_at == later.now
    before = await everything()
    await database.transaction(lambda: save_platform_defaults(act, charity.id, None))
    assert await everything() == before
    await database.transaction(lambda: save_platform_defaults(act, None, None))
    assert (await PlatformDefaults.get()).customer_class_id is None
    assert await AuditEntry.filter(subject_id="platform_defaults").count() == 2


async def test_the_platforms_default_class_is_active_and_there(
    database: Database, act: ActorContext
) -> None:
    """R26, R101."""
    charity = await shipped("CHARITY")
    async with refused(RefusalCode.VERSION_CONFLICT, "expectedVersion"):
        await database.transaction(lambda: save_platform_defaults(act, charity.id, 9))
    await retire(database, act, charity)
    async with refused(RefusalCode.CLASS_RETIRED, "classId"):
        await database.transaction(lambda: save_platform_defaults(act, charity.id, None))
    async with refused(RefusalCode.NOT_FOUND, "classId"):
        await database.transaction(lambda: save_platform_defaults(act, "cls_none", None))
