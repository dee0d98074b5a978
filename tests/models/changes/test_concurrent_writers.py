"""Concurrent writers: of those that expect the same version one wins; no write is lost (R101).

On PostgreSQL the writers use separate connections of the pool.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg
import pytest
from tortoise.models import Model

from models import (
    AuditEntry,
    Contact,
    Customer,
    CustomerClass,
    CustomerTemplate,
    PlatformDefaults,
    Suggestion,
    User,
    UserGroup,
)
from models.changes.consent_recording import record
from models.changes.contact_editing import create_contact, delete_contact, edit_contact
from models.changes.customer_class_editing import delete_class, edit_class
from models.changes.customer_editing import change_class, delete_customer, edit_customer
from models.changes.customer_template_editing import (
    delete_template,
    save_platform_defaults,
    save_template,
)
from models.changes.granting import grant_permissions
from models.changes.retirement import retire_class
from models.changes.suggestion import resolve_suggestion
from models.changes.user_editing import create_user, disable_user, edit_user
from models.changes.user_group_editing import change_members, create_group, delete_group, edit_group
from models.rules.consent import EntryKind
from models.rules.errors import RefusalCode, Refused, StaleVersion
from models.storage.database import Database
from models.tables.access import Scope, issue_token
from models.tables.audit import ActorContext
from models.tables.enrichment import SuggestionStatus
from tests.factories import GRANTED, add_class, add_customer, add_template, shipped

WRITERS = 20

Write = Callable[[ActorContext, str, int | None, int], Awaitable[object]]
"""Makes a change that is unique to the writer's number, expecting a version or None."""


@dataclass(frozen=True)
class Kind:
    """A kind of row with a version, a function that creates one, and ways to write it."""

    model: type[Model]
    make: Callable[[Database, ActorContext], Awaitable[Any]]
    edit: Write
    others: Sequence[Write] = ()


async def with_suggestion(database: Database, act: ActorContext) -> Customer:
    customer = await add_customer(database, act)
    await Suggestion.create(
        id=f"sug_{customer.id[4:]}",
        customer_id=customer.id,
        field="employees",
        entry={"value": 5, "source": "SANDBOX"},
        status=SuggestionStatus.OPEN,
        created_at=act.now,
    )
    return customer


async def new_contact(database: Database, act: ActorContext) -> Contact:
    customer = await add_customer(database, act)
    return await database.transaction(lambda: create_contact(act, customer.id, {"name": "Al"}))


async def new_user(database: Database, act: ActorContext) -> User:
    await issue_token("Somebody else", frozenset(Scope), act.now)  # administrators of access
    return await database.transaction(lambda: create_user(act, {"name": "Uma"}, None))


async def new_group(database: Database, act: ActorContext, name: str = "Clerks") -> UserGroup:
    await new_user(database, act)
    return await database.transaction(lambda: create_group(act, {"name": name}))


async def join(act: ActorContext, row_id: str, version: int | None, _: int) -> object:
    user = await User.all().order_by("-id").first()
    assert user is not None
    return await change_members(act, row_id, [user.id], [], version)


async def grant(act: ActorContext, row_id: str, version: int | None, _: int) -> object:
    return await grant_permissions(act, row_id, [Scope.CUSTOMERS_READ], None, version)


async def the_defaults(database: Database, act: ActorContext) -> PlatformDefaults:  # noqa: ARG001  # as the others
    return await PlatformDefaults.get()


async def set_defaults(act: ActorContext, _: str, version: int | None, number: int) -> object:
    own = await CustomerClass.filter(code__isnull=False).order_by("code")
    return await save_platform_defaults(act, own[number % len(own)].id, version)


async def move(act: ActorContext, row_id: str, version: int | None, number: int) -> object:
    row = await CustomerClass.get(code=("SOLE_TRADER", "PUBLIC_SECTOR")[number % 2])
    return await change_class(act, row_id, row.id, "Grew", version)


def name(row_id: str, number: int) -> dict[str, str]:
    return {"name": f"Writer {number} of {row_id}"}


KINDS = {
    "class": Kind(
        CustomerClass,
        add_class,
        lambda act, row, version, n: edit_class(act, row, name(row, n), expected_version=version),
        (
            lambda act, row, version, _: retire_class(act, row, None, "Old", version),
            lambda act, row, version, _: delete_class(act, row, version),
        ),
    ),
    "customer": Kind(
        Customer,
        with_suggestion,
        lambda act, row, version, n: edit_customer(act, row, name(row, n), version),
        (
            move,
            lambda act, row, version, _: delete_customer(act, row, version),
            lambda act, row, version, n: record(
                act, row, EntryKind.GRANT, GRANTED, f"key-{n}", version
            ),
            lambda act, row, version, _: resolve_suggestion(
                act, SuggestionStatus.ACCEPTED, f"sug_{row[4:]}", version
            ),
        ),
    ),
    "contact": Kind(
        Contact,
        new_contact,
        lambda act, row, version, n: edit_contact(act, row, None, name(row, n), version),
        (lambda act, row, version, _: delete_contact(act, row, version),),
    ),
    "template": Kind(
        CustomerTemplate,
        add_template,
        lambda act, row, version, n: save_template(act, row, name(row, n), version),
        (lambda act, row, version, _: delete_template(act, row, version),),
    ),
    "user": Kind(
        User,
        new_user,
        lambda act, row, version, n: edit_user(act, row, name(row, n), None, version),
        (grant, lambda act, row, version, _: disable_user(act, row, "Left", version)),
    ),
    "group": Kind(
        UserGroup,
        new_group,
        lambda act, row, version, n: edit_group(act, row, name(row, n), version),
        (grant, join, lambda act, row, version, _: delete_group(act, row, version)),
    ),
    "platform defaults": Kind(PlatformDefaults, the_defaults, set_defaults),
}
MIXED = [name for name, kind in KINDS.items() if kind.others]


async def outcomes(
    database: Database, act: ActorContext, row_id: str, version: int | None, writes: Sequence[Write]
) -> list[object]:
    """Run all writes concurrently, each in its own transaction; return results or exceptions."""

    async def write(one: Write, number: int) -> object:
        return await database.transaction(lambda: one(act, row_id, version, number))

    return await asyncio.gather(
        *(write(one, number) for number, one in enumerate(writes)), return_exceptions=True
    )


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
async def test_of_twenty_that_expect_the_same_version_one_wins(
    database: Database, act: ActorContext, kind: Kind
) -> None:
    """R101: the others receive the winner's row, and change nothing."""
    row = await kind.make(database, act)
    entries = await AuditEntry.all().count()
    done = await outcomes(database, act, row.id, row.version, [kind.edit] * WRITERS)
    refusals = [one for one in done if isinstance(one, BaseException)]
    assert len(refusals) == WRITERS - 1
    now = await kind.model.get(pk=row.id)
    shown = [one.current for one in refusals if isinstance(one, StaleVersion)]
    assert len(shown) == WRITERS - 1
    written = "customer_class_id" if kind.model is PlatformDefaults else "name"
    assert {(one.version, getattr(one, written)) for one in shown} == {
        (row.version + 1, getattr(now, written))
    }
    assert getattr(now, written) != getattr(row, written)
    assert await AuditEntry.all().count() == entries + 1


@pytest.mark.parametrize("name", MIXED)
async def test_of_writers_of_every_sort_one_wins(
    database: Database, act: ActorContext, name: str
) -> None:
    """R101: editing, moving, retiring, deleting, recording consent, settling suggestions."""
    kind = KINDS[name]
    for turn in range(6):
        row = (
            await kind.make(database, act)
            if turn == 0 or name in {"customer", "contact", "user"}
            else (await _another(database, act, kind, turn))
        )
        ways = [kind.edit, *kind.others]
        ways = ways[turn % len(ways) :] + ways[: turn % len(ways)]
        done = await outcomes(database, act, row.id, row.version, ways * 4)
        refusals = [one for one in done if isinstance(one, BaseException)]
        assert len(refusals) == len(done) - 1, refusals
        for refusal in refusals:
            assert isinstance(refusal, Refused)
            # A writer after a deletion finds no row; all others find the winner's version.
            gone = refusal.refusals[0].code is RefusalCode.NOT_FOUND
            assert gone or isinstance(refusal, StaleVersion), refusal
            if isinstance(refusal, StaleVersion):
                assert refusal.current.version == row.version + 1


async def _another(database: Database, act: ActorContext, kind: Kind, turn: int) -> Any:
    makes: dict[type[Model], Callable[[Database, ActorContext, str], Awaitable[Any]]] = {
        CustomerClass: add_class,
        CustomerTemplate: add_template,
        UserGroup: new_group,
    }
    return await makes[kind.model](database, act, f"Turn {turn}")


async def test_without_a_version_no_field_is_lost(database: Database, act: ActorContext) -> None:
    """R101: a write of one field keeps concurrent writes of other fields."""
    customer = await add_customer(database, act)
    profile = {"employees": {"value": 7, "source": "USER", "retrieved_at": None}}
    fields: list[dict[str, Any]] = [
        {"name": "Renamed"},
        {"account_number": "AC-7"},
        {"external_reference": "crm-7"},
        {"company_number": "00000101"},
        {"profile": profile},
    ]
    writes: list[Write] = [
        lambda act, row, version, n: edit_customer(act, row, fields[n % len(fields)], version)
    ] * (4 * len(fields))
    done = await outcomes(database, act, customer.id, None, [*writes, move])
    assert [one for one in done if isinstance(one, BaseException)] == []
    now = await Customer.get(id=customer.id)
    assert (now.name, now.account_number, now.external_reference) == ("Renamed", "AC-7", "crm-7")
    assert (now.company_number, now.profile["employees"]["value"]) == ("00000101", 7)
    assert now.customer_class_id == (await shipped("SOLE_TRADER")).id
    # A repeated edit changes nothing, so it does not count.
    assert now.version == customer.version + len(fields) + 1
    entries = await AuditEntry.filter(customer_id=customer.id).order_by("id")
    assert len(entries) == 1 + len(fields) + 1


async def test_one_of_two_decisions_on_a_suggestion_stands(
    database: Database, act: ActorContext
) -> None:
    customer = await with_suggestion(database, act)
    suggestion_id = f"sug_{customer.id[4:]}"
    ways: list[Write] = [
        lambda act, row, version, _: resolve_suggestion(
            act, SuggestionStatus.ACCEPTED, row, version
        ),
        lambda act, row, version, _: resolve_suggestion(
            act, SuggestionStatus.REJECTED, row, version
        ),
    ]
    done = await outcomes(database, act, suggestion_id, None, ways * 5)
    settled = await Suggestion.get(id=suggestion_id)
    refusals = [one for one in done if isinstance(one, BaseException)]
    assert len(refusals) == 5
    for refusal in refusals:
        assert isinstance(refusal, Refused)
        assert refusal.refusals[0].code is RefusalCode.SUGGESTION_SETTLED
    is_taken = (await Customer.get(id=customer.id)).profile == {
        "employees": {"value": 5, "source": "SANDBOX"}
    }
    assert is_taken == (settled.status is SuggestionStatus.ACCEPTED)


PAIRS = [
    (name, first, second)
    for name in MIXED
    for first in range(1 + len(KINDS[name].others))
    for second in range(1 + len(KINDS[name].others))
    if first != second
]


@pytest.mark.parametrize(("name", "first", "second"), PAIRS)
async def test_whoever_comes_first_wins(
    database: Database, act: ActorContext, name: str, first: int, second: int
) -> None:
    """R101: both wait for the row, in a known order, until a third transaction releases it."""
    if not database.is_postgres:
        pytest.skip("on SQLite nobody waits for a row")
    kind = KINDS[name]
    row = await kind.make(database, act)
    ways = [kind.edit, *kind.others]
    holder, watcher = [await asyncpg.connect(database.dsn) for _ in range(2)]
    try:
        held = holder.transaction()
        await held.start()
        table = kind.model._meta.db_table
        await holder.execute(f"SELECT 1 FROM {table} WHERE id = $1 FOR UPDATE", row.id)
        tasks = []
        for number, way in enumerate((ways[first], ways[second])):
            work = _bound(way, act, row, number)
            tasks.append(asyncio.create_task(database.transaction(work)))
            await _until_waiting(watcher, number + 1)
        await held.rollback()
        won, lost = await asyncio.gather(*tasks, return_exceptions=True)
    finally:
        await holder.close()
        await watcher.close()
    assert not isinstance(won, BaseException), won
    assert isinstance(lost, Refused)
    assert lost.refusals[0].code in {RefusalCode.VERSION_CONFLICT, RefusalCode.NOT_FOUND}
    if isinstance(lost, StaleVersion):
        assert lost.current.version == row.version + 1


def _bound(way: Write, act: ActorContext, row: Any, number: int) -> Callable[[], Awaitable[object]]:
    return lambda: way(act, row.id, row.version, number)


async def _until_waiting(connection: asyncpg.Connection, writers: int) -> None:
    """Wait until `writers` transactions of this database wait for a lock."""
    waiting = """SELECT count(*) FROM pg_stat_activity
      WHERE datname = current_database() AND wait_event_type = 'Lock'"""
    async with asyncio.timeout(60):
        while await connection.fetchval(waiting) < writers:  # noqa: ASYNC110  # the server has no event for it
            await asyncio.sleep(0.005)
