"""Which rows a partner's operation can reach, and that no statement reaches others (R99)."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from tortoise import Tortoise

from models import Contact, Customer, CustomerClass, Event, Job, User
from models.lists.customer_list import CustomerFilter, count
from models.storage.database import Database
from models.storage.locks import lock, lock_shared
from models.storage.row_insert import add_rows
from models.storage.scope_statement import (
    MAX_KEPT_LENGTH,
    ScopedStatement,
    scope_statement,
    written,
)
from models.storage.scope_tables import TABLES, Access
from models.storage.sql import run
from models.storage.tenant_clients import added_for
from models.storage.tenant_scope import (
    NOWHERE,
    OutOfScopeError,
    bind_tenant,
    current_tenant,
    preserve_tenant_scope,
)
from models.tables.access import Principal, Scope
from models.tables.audit import ActorContext, record
from models.tables.event import Owner
from schema.base.context import Context
from tests.clock import Clock
from tests.completeness import assert_complete
from tests.event_rows import publish_about
from tests.factories import add_customer, everything
from tests.graphql_client import the_schema
from tests.partner_world import TwoPartners, bound_token, partner, two_partners


@contextmanager
def bound_to(reseller_id: str | None) -> Iterator[None]:
    with preserve_tenant_scope():
        bind_tenant(reseller_id)
        yield


@pytest.fixture
async def world(database: Database, clock: Clock) -> TwoPartners:
    return await two_partners(database, clock)


@pytest.mark.usefixtures("database")
def test_every_table_is_declared() -> None:
    """A new table must declare the owner of its rows; until then, partners cannot use it."""
    tables = {model._meta.db_table: model for model in Tortoise.apps["models"].values()}
    assert_complete(
        "TABLES in models/storage/scope_tables.py",
        TABLES,
        tables.keys() | {"customer_search"},
        "what of the table a partner reaches, and what it may do with those rows",
    )
    for name, model in tables.items():
        known, columns = TABLES[name], set(model._meta.fields_db_projection.values())
        assert known.owner is None or known.owner in columns
        assert known.masked.keys() <= columns
        refers = {"customer_id", "subject_id", "contact_id", "run_id", "parent_id"} & columns
        assert not refers or known.condition is not None, (
            f"{name} refers to a customer or contact: give its line in TABLES a condition"
        )


def test_who_is_bound_stays_so_until_it_is_undone() -> None:
    assert current_tenant() is None
    with bound_to("cus_1"):
        assert current_tenant() == "cus_1"
        with preserve_tenant_scope():
            bind_tenant(None)
            assert current_tenant() is None
        assert current_tenant() == "cus_1"
    assert current_tenant() is None


def of(
    text: str, count: int = 0, *, is_postgres: bool = True, is_shown: bool = False
) -> ScopedStatement:
    return scope_statement(text, count=count, is_postgres=is_postgres, is_shown=is_shown)


REACHED = (
    '(SELECT reached.* FROM "customer" AS reached'
    " WHERE (reached.id = $2 OR reached.parent_id = $2))"
)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("SELECT id FROM customer WHERE id = $1", f'FROM {REACHED} AS "customer" WHERE id = $1'),
        ("SELECT t0.id FROM customer AS t0 WHERE $1", f"FROM {REACHED} AS t0 WHERE $1"),
        (
            'SELECT "id" FROM "customer" "other" WHERE "other"."id"=$1 FOR NO KEY UPDATE',
            f'FROM {REACHED} "other" WHERE "other"."id"=$1 FOR NO KEY UPDATE',
        ),
        (
            "SELECT 1 FROM customer_class AS c LEFT JOIN customer AS t1 ON t1.id = $1",
            f"FROM customer_class AS c LEFT JOIN {REACHED} AS t1 ON t1.id = $1",
        ),
        (
            'UPDATE "customer" SET "name"=$1 WHERE "id"=\'x\' OR "id"=\'y\'',
            (
                'SET "name"=$1 WHERE (("customer".id = $2 OR "customer".parent_id = $2))'
                " AND ( \"id\"='x' OR \"id\"='y')"
            ),
        ),
        ("SELECT key FROM json_each($1)", "FROM json_each($1)"),
        (
            "SELECT (SELECT 1 FROM json_each($1) AS x), count(*) FROM customer",
            f'AS x), count(*) FROM {REACHED} AS "customer"',
        ),
        (
            "SELECT ARRAY(SELECT ROW(t1.id) FROM customer AS t1) FROM customer_class AS t0",
            f"SELECT ROW(t1.id) FROM {REACHED} AS t1) FROM customer_class AS t0",
        ),
    ],
)
def test_each_table_gives_way_to_the_rows_that_are_reached(text: str, wanted: str) -> None:
    assert of(text, 1).text.endswith(wanted)


def test_parameters_keep_their_places() -> None:
    text = "SELECT 1 FROM customer AS t0 WHERE t0.id = ? AND t0.name = ?"
    found = of(text, 2, is_postgres=False)
    assert found.parameters(["a", "b"], "cus_1") == ["cus_1", "cus_1", "a", "b"]
    change = of('UPDATE "contact" SET "name"=? WHERE "id"=?', 2, is_postgres=False)
    assert change.parameters(["a", "b"], "cus_1") == ["a", "cus_1", "cus_1", "b"]
    assert of("SELECT 1 FROM customer WHERE id = $1", 1).parameters(["a"], "cus_1") == [
        "a",
        "cus_1",
    ]
    assert of("SELECT 1 FROM customer_class WHERE id = $1", 1).parameters(["a"], "cus_1") == ["a"]


def test_numbered_parameters_are_left_as_they_are_where_nothing_is_limited() -> None:
    text = "SELECT free_at FROM rate_limit WHERE key = ?1 OR key = ?1 AND free_at < ?2"
    found = of(text, 2, is_postgres=False)
    assert (found.text, found.parameters(["k", 1], "cus_1")) == (text, ["k", 1])
    with pytest.raises(OutOfScopeError):
        of("SELECT 1 FROM customer WHERE id = ?1", 1, is_postgres=False)


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ('INSERT INTO "contact" ("id","customer_id") VALUES ($1,$2),($3,$4)', (1, 3)),
        ('INSERT INTO "contact" ("id","customer_id") VALUES (?,?), (?,?)', (1, 3)),
        ('INSERT INTO "event" ("subject_id","payload") VALUES (?,?) RETURNING "id"', (0,)),
        ('INSERT INTO "job" ("id","kind") VALUES ($1,$2)', ()),
        (
            (
                'WITH added_0 AS (INSERT INTO "customer" ("id","name") VALUES ($1, $2))'
                ' INSERT INTO "class_change" ("id", "customer_id") VALUES ($3, $4)'
            ),
            (0, 3),
        ),
    ],
)
def test_whose_the_added_rows_are_is_noted(text: str, places: tuple[int, ...]) -> None:
    assert of(text, 4, is_postgres="$" in text).owners == places


@pytest.mark.parametrize(
    "text",
    [
        "SELECT 1 FROM a_table_of_tomorrow",
        "SELECT 1 FROM customer_class AS c, customer AS t0",
        "SELECT 1 FROM customer AS t0, customer_class AS c",
        "SELECT 1 FROM (SELECT 1) AS one, a_table_of_tomorrow",
        "SELECT 1 FROM json_each($1) one, a_table_of_tomorrow",
        "SELECT 1 FROM heartbeat",
        "SELECT ARRAY(SELECT ROW(t1.id) FROM heartbeat AS t1) FROM customer AS t0",
        "SELECT 1 FROM customer_search WHERE search_key LIKE $1",
        "SELECT 1 FROM job",
        "SELECT 1 FROM pg_read_file('/etc/passwd')",
        "TABLE customer",
        "SELECT customer FROM customer_class",
        "UPDATE customer_class SET name = $1",
        "DELETE FROM customer_template WHERE id = $1",
        'INSERT INTO "customer_class" ("id") VALUES ($1)',
        'INSERT INTO "contact" ("id","customer_id") SELECT $1, $2',
        'INSERT INTO "contact" ("id","customer_id") VALUES ($1, \'cus_1\')',
        'INSERT INTO "contact" ("id","customer_id") VALUES ($1,$2) ON CONFLICT DO UPDATE SET',
        'INSERT OR REPLACE INTO "contact" ("id","customer_id") VALUES ($1,$2)',
        'WITH x AS (UPDATE "customer" SET "name"=$1) SELECT 1',
        'UPDATE "customer" SET "name"=$1 RETURNING "name"',
    ],
)
def test_what_can_t_be_limited_is_refused(text: str) -> None:
    with pytest.raises(OutOfScopeError):
        of(text, text.count("$"))


async def test_a_bound_read_sees_the_reseller_and_its_customers(world: TwoPartners) -> None:
    own = sorted(customer.id for customer in world.ours.customers)
    everybody = {
        customer.id for realm in (world.ours, world.theirs) for customer in realm.customers
    }
    with bound_to(world.reseller.id):
        assert sorted([one.id for one in await Customer.all()]) == own
        assert sorted(row[0] for row in await run("SELECT id FROM customer", ())) == own
        assert await Contact.filter(customer_id=world.theirs.ids["cus"]).count() == 0
        assert await count(CustomerFilter()) == len(own) - 1  # one customer is erased
        assert await count(CustomerFilter(text=world.theirs.word)) == 0
        assert await count(CustomerFilter(text=world.ours.word)) == len(own) - 1
    with bound_to(NOWHERE):
        assert await Customer.all().count() == 0
    assert {one.id for one in await Customer.all()} == everybody


async def test_nobody_is_told_whom_the_reseller_buys_through(world: TwoPartners) -> None:
    above = world.theirs.customers[0].id
    text = "SELECT id, parent_id FROM customer AS t0 WHERE t0.parent_id = ? OR t0.id = ?"
    assert (world.reseller.id, above) in [
        tuple(row) for row in await run(text, (above, world.reseller.id))
    ]
    with bound_to(world.reseller.id):
        found = [tuple(row) for row in await run(text, (above, world.reseller.id))]
        assert found == [(world.reseller.id, None)]


async def test_a_bound_lock_finds_nothing_out_of_reach(
    world: TwoPartners, database: Database
) -> None:
    own, other = world.ours.ids["cus"], world.theirs.ids["cus"]

    async def work() -> tuple[list[str], bool, bool]:
        locked = await lock(Customer, own, other)
        shared = [await lock_shared(Customer, one) for one in (own, other)]
        return list(locked), shared[0] is not None, shared[1] is None

    with bound_to(world.reseller.id):
        assert await database.transaction(work) == ([own], True, True)


async def test_a_bound_change_touches_nothing_out_of_reach(
    world: TwoPartners, database: Database
) -> None:
    other = world.theirs.contacts[0]
    before = await everything()
    other.name = "Changed"

    async def work() -> int:
        await other.save()
        await other.delete()
        return (
            await Contact.exclude(id__in=[one.id for one in world.ours.contacts])
            .filter(customer_id=other.customer_id)
            .update(name="Changed")
        )

    with bound_to(world.reseller.id):
        assert await database.transaction(work) == 0
    assert await everything() == before


async def test_a_bound_change_touches_no_users_but_the_resellers(
    world: TwoPartners, database: Database, clock: Clock
) -> None:
    """A partner sees users of the platform who have a token bound to it, but cannot change them."""
    values: dict[str, Any] = {"name_key": "x", "created_at": clock(), "last_modified_at": clock()}
    holder = await User.create(name="Holder", **values)
    await bound_token(world.reseller.id, clock(), user_id=holder.id)
    before = await User.get(id=holder.id).values()
    others = [holder.id, world.theirs.ids["usr"]]

    async def work() -> int:
        seen = await User.filter(id=holder.id).count()
        await User.filter(id=holder.id).update(name="Mine", disabled_at=clock())
        await User.filter(id__in=[*others, world.ours.ids["usr"]]).update(name="Mine")
        return seen

    with bound_to(world.reseller.id):
        assert await database.transaction(work) == 1
    assert await User.get(id=holder.id).values() == before
    assert [user.id for user in await User.filter(name="Mine")] == [world.ours.ids["usr"]]
    below = next(one for one in world.ours.customers if one.name.endswith("below"))
    for reseller_id in (None, world.theirs.customers[1].id, below.id):

        async def add(reseller_id: str | None = reseller_id) -> None:
            user = await User.create(name="New", reseller_id=reseller_id, **values)
            await record(world.act, "user.created", user.id)

        with bound_to(world.reseller.id), pytest.raises(OutOfScopeError):
            await database.transaction(add)
    assert not await User.filter(name="New").exists()


@pytest.mark.parametrize("way", ["create", "bulk", "rows", "event"])
async def test_rows_added_for_somebody_out_of_reach_are_not_kept(
    world: TwoPartners, database: Database, clock: Clock, way: str
) -> None:
    """In any way of adding rows, also if the code did not check the owner."""
    before = await everything()
    other = world.theirs.ids["cus"]
    values: dict[str, Any] = {
        "customer_id": other,
        "name": "X",
        "created_at": clock(),
        "last_modified_at": clock(),
    }

    async def work() -> None:
        if way == "create":
            await Contact.create(**values)
        elif way == "bulk":
            await Contact.bulk_create([Contact(**values)])
        elif way == "rows":
            await add_rows([Contact(**values)])
        else:
            owner = Owner(world.theirs.ids["cus"])
            await publish_about(world.theirs.ids["con"], clock(), owner)

    with bound_to(world.reseller.id), pytest.raises(OutOfScopeError):
        await database.transaction(work)
    assert await everything() == before
    own: dict[str, Any] = {**values, "customer_id": world.ours.ids["cus"]}
    with bound_to(world.reseller.id):
        made = await database.transaction(lambda: Contact.create(**own))
    assert await Contact.filter(id=made.id).exists()


async def test_a_customer_is_not_moved_out_of_reach(world: TwoPartners, database: Database) -> None:
    """Even by code without checks for partners: its audit entry would be out of scope."""
    customer = await Customer.get(id=world.ours.ids["cus"])
    before = await everything()

    async def work() -> None:
        customer.parent_id = world.theirs.customers[1].id
        await customer.save()
        await publish_about(customer.id, world.clock(), Owner(customer.id))

    with bound_to(world.reseller.id), pytest.raises(OutOfScopeError):
        await database.transaction(work)
    assert await everything() == before


async def test_rows_are_added_in_a_unit_of_work_only(world: TwoPartners, clock: Clock) -> None:
    added_for.set(None)
    with bound_to(world.reseller.id), pytest.raises(OutOfScopeError):
        await Event.create(type="x", subject_id=world.ours.ids["cus"], payload={}, at=clock())


async def test_jobs_are_added_and_not_read(world: TwoPartners) -> None:
    with bound_to(world.reseller.id), pytest.raises(OutOfScopeError):
        await Job.all()


def test_a_bound_principal_holds_nothing_that_is_everybodys() -> None:
    """R99: whatever scopes its credential has."""
    partner = Principal("tok_1", "Pat", frozenset(Scope), "cus_1")
    staff = Principal("tok_2", "Tess", frozenset(Scope))
    held = {scope for scope in Scope if partner.may(scope)}
    assert {scope for scope in Scope if staff.may(scope)} == set(Scope)
    assert set(Scope) - held == {
        Scope.CUSTOMER_CLASSES_WRITE,
        Scope.CUSTOMER_CLASSES_ADMINISTER,
        Scope.AUDIT_ERASE,
        Scope.JOBS_ADMINISTER,
    }
    writer = Principal("tok_3", "Pat", frozenset({Scope.CUSTOMER_CLASSES_ADMINISTER}), "cus_1")
    assert writer.may(Scope.CUSTOMER_CLASSES_READ)


async def test_who_is_not_bound_pays_nothing(database: Database, act: ActorContext) -> None:
    """Their statements are sent unchanged."""
    customer = await add_customer(database, act)
    written.cache_clear()
    assert await Customer.filter(id=customer.id).exists()
    assert await CustomerClass.filter(code="CHARITY").exists()
    assert await run("SELECT id FROM customer", ())
    assert written.cache_info().currsize == 0
    assert {known.access for known in TABLES.values()} == set(Access)


async def test_an_operation_goes_on_only_as_its_principal_is_bound(world: TwoPartners) -> None:
    """A new entry point that signs in without setting the scope would otherwise reach all rows."""
    search: Any = None
    context = Context(world.database, world.clock, search, "request-1", partner(world.reseller.id))
    document = "{ customers { nodes { id } } }"
    result = await the_schema().execute(document, context_value=context)
    assert result.data is None
    with bound_to(world.reseller.id):
        result = await the_schema().execute(document, context_value=context)
    assert result.data is not None
    assert len(result.data["customers"]["nodes"]) == 3


def test_short_statements_are_kept_and_long_ones_are_not() -> None:
    text = 'INSERT INTO "contact" ("id","customer_id") VALUES ($1,$2)'
    assert of(text, 2) is of(text, 2)
    rows = 1_000
    long = text + "".join(f",(${2 * n + 1},${2 * n + 2})" for n in range(1, rows))
    long = long.ljust(MAX_KEPT_LENGTH + 1)
    found = of(long, 2 * rows)
    assert found is not of(long, 2 * rows)
    assert found.owners == tuple(range(1, 2 * rows, 2))
