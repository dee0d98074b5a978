"""Deleting classes: allowed only if a class has never been used."""

from datetime import timedelta

from models import AuditEntry, CustomerClass
from models.changes.customer_class_editing import delete_class
from models.changes.customer_editing import change_class, delete_customer
from models.changes.customer_template_editing import delete_template, save_platform_defaults
from models.lists.customer_class_use import ClassUse, use_of
from models.rules.errors import RefusalCode
from models.storage.database import Database
from models.tables.audit import ActorContext
from tests.clock import Clock
from tests.factories import add_class, add_customer, add_template, at, refused, shipped

DAY = timedelta(days=1)


async def delete(database: Database, act: ActorContext, row: CustomerClass) -> None:
    await database.transaction(lambda: delete_class(act, row.id, None))


async def test_a_class_that_was_never_used_is_deleted(
    database: Database, act: ActorContext
) -> None:
    """R33, R96."""
    row = await add_class(database, act, "Club")
    await delete(database, act, row)
    assert not await CustomerClass.exists(id=row.id)
    entry = await AuditEntry.filter(operation="class.deleted").get()
    assert (entry.subject_id, entry.before["name"]) == (row.id, "Club")
    assert (await add_class(database, act, "Club")).id != row.id


async def test_a_class_with_a_customer_cannot_be_deleted(
    database: Database, act: ActorContext
) -> None:
    """R33, R36."""
    row = await add_class(database, act)
    await add_customer(database, act, class_id=row.id)
    async with refused(RefusalCode.CLASS_HAS_BEEN_USED, "id") as caught:
        await delete(database, act, row)
    assert caught.value.refusals[0].message == (
        "1 customer has been in this class (1 now), first on 2026-10-01 and last on 2026-10-01;"
        " retire the class instead."
    )


async def test_a_class_whose_only_customer_moved_away_cannot_be_deleted(
    database: Database, act: ActorContext, clock: Clock
) -> None:
    """R34, R36."""
    row = await add_class(database, act)
    customer = await add_customer(database, act, class_id=row.id)
    charity = await shipped("CHARITY")
    later = at(act, clock.advance(3 * DAY))
    await database.transaction(
        lambda: change_class(later, customer.id, charity.id, "Registered", None)
    )
    async with refused(RefusalCode.CLASS_HAS_BEEN_USED, "id") as caught:
        await delete(database, act, row)
    assert caught.value.refusals[0].message == (
        "1 customer has been in this class (0 now), first on 2026-10-01 and last on 2026-10-04;"
        " retire the class instead."
    )


async def test_a_class_whose_only_customer_was_erased_cannot_be_deleted(
    database: Database, act: ActorContext
) -> None:
    """R35, A5."""
    row = await add_class(database, act)
    customer = await add_customer(database, act, class_id=row.id)
    await database.transaction(lambda: delete_customer(act, customer.id, None))
    async with refused(RefusalCode.CLASS_HAS_BEEN_USED, "id"):
        await delete(database, act, row)


async def test_a_shipped_class_cannot_be_deleted(database: Database, act: ActorContext) -> None:
    """R38, A6."""
    row = await shipped("CHARITY")
    async with refused(RefusalCode.SHIPPED_CLASS_PROTECTED, "id"):
        await delete(database, act, row)


async def test_a_class_that_a_template_names_cannot_be_deleted(
    database: Database, act: ActorContext
) -> None:
    """R37."""
    row = await add_class(database, act)
    template = await add_template(database, act, "Shops", customer_class_id=row.id)
    async with refused(RefusalCode.CLASS_REFERENCED, "id") as caught:
        await delete(database, act, row)
    assert "template “Shops”" in caught.value.refusals[0].message
    await database.transaction(lambda: delete_template(act, template.id, None))
    await delete(database, act, row)
    assert not await CustomerClass.exists(id=row.id)


async def test_the_platforms_default_class_cannot_be_deleted(
    database: Database, act: ActorContext
) -> None:
    """R37."""
    row = await add_class(database, act)
    await database.transaction(lambda: save_platform_defaults(act, row.id, None))
    async with refused(RefusalCode.CLASS_REFERENCED, "id") as caught:
        await delete(database, act, row)
    assert "The platform default" in caught.value.refusals[0].message


async def test_an_older_version_of_a_class_is_not_deleted(
    database: Database, act: ActorContext
) -> None:
    """R101."""
    row = await add_class(database, act)
    async with refused(RefusalCode.VERSION_CONFLICT, "expectedVersion"):
        await database.transaction(lambda: delete_class(act, row.id, 7))


async def test_the_use_of_many_classes_is_read_at_once(
    database: Database, act: ActorContext, clock: Clock
) -> None:
    """R34, R35, R36."""
    first, second, unused = [await add_class(database, act, name) for name in "ABC"]
    stays = await add_customer(database, act, class_id=first.id)
    goes = await add_customer(database, act, class_id=first.id)
    t1 = clock.advance(DAY)
    await database.transaction(lambda: change_class(at(act, t1), goes.id, second.id, "Moved", None))
    t2 = clock.advance(DAY)
    await database.transaction(lambda: change_class(at(act, t2), goes.id, first.id, "Back", None))
    t3 = clock.advance(DAY)
    await database.transaction(lambda: delete_customer(at(act, t3), stays.id, None))
    await add_template(database, act, "Shops", customer_class_id=second.id)
    await database.transaction(lambda: save_platform_defaults(act, unused.id, None))
    assert await use_of([first.id, second.id, unused.id]) == {
        first.id: ClassUse(1, 2, act.now, t2),
        second.id: ClassUse(0, 1, t1, t2, ("Shops",)),
        unused.id: ClassUse(is_platform_default=True),
    }
