"""The permissions of users: their own, those of their groups, and limits by their tokens."""

import asyncio
from datetime import timedelta

import pytest
from tortoise.exceptions import IntegrityError, OperationalError

from models import AccessToken, Customer, GroupMembership, User, UserGroup
from models.storage.database import Database
from models.tables.access import TOKENS, Principals, Scope, new_token
from models.tables.audit import ActorContext
from models.tables.user import standing_of
from tests.clock import START, Clock
from tests.databases import Databases
from tests.factories import add_customer
from tests.graphql_client import counted_statements
from tests.models.tables.outside_changes import change_from_outside

VIEW, EDIT, LOOK_UP = Scope.CUSTOMERS_READ, Scope.CUSTOMERS_WRITE, Scope.ENRICHMENT_RUN
CLASS_VIEW, CLASS_EDIT = Scope.CUSTOMER_CLASSES_READ, Scope.CUSTOMER_CLASSES_WRITE
CLASS_ADMIN = Scope.CUSTOMER_CLASSES_ADMINISTER

Permissions = tuple[Scope, ...]


async def user_with(own: Permissions, *groups: Permissions, reseller_id: str | None = None) -> User:
    """Store a user with permissions `own`, in groups with the given permissions."""
    user = await User.create(
        name="Uma",
        name_key="uma",
        permissions=list(own),
        reseller_id=reseller_id,
        created_at=START,
        last_modified_at=START,
    )
    for place, permissions in enumerate(groups):
        name = f"group {place}"
        group = await UserGroup.create(
            name=name,
            name_key=name,
            permissions=list(permissions),
            created_at=START,
            last_modified_at=START,
        )
        await GroupMembership.create(group=group, user=user, joined_at=START)
    return user


async def token_of(user: User, *scopes: Scope, reseller_id: str | None = None) -> str:
    """Store a token of a user; return its secret."""
    token, secret = new_token("Uma's laptop", frozenset(scopes), START)
    token.user_id, token.reseller_id = user.id, reseller_id
    await token.save(force_create=True)
    return secret


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize(
    ("own", "groups", "allowed"),
    [
        ((), (), set()),  # no permissions
        ((VIEW,), (), {VIEW}),  # its own
        ((), ((VIEW,),), {VIEW}),  # its group's
        ((), ((VIEW,), (LOOK_UP,)), {VIEW, LOOK_UP}),  # of several groups
        ((LOOK_UP,), ((VIEW,),), {VIEW, LOOK_UP}),  # its own and its group's
        ((VIEW,), ((VIEW,),), {VIEW}),  # the same permission twice
        ((EDIT,), (), {VIEW, EDIT}),  # implied by its own
        (
            (),
            ((CLASS_ADMIN,),),
            {CLASS_VIEW, CLASS_EDIT, CLASS_ADMIN},
        ),  # and implied by its group's
        ((CLASS_VIEW,), ((CLASS_EDIT,), ()), {CLASS_VIEW, CLASS_EDIT}),  # the stronger counts
    ],
)
async def test_a_user_may_do_what_it_or_any_of_its_groups_is_permitted(
    own: Permissions, groups: tuple[Permissions, ...], allowed: set[Scope]
) -> None:
    """R93."""
    user = await user_with(own, *groups)
    with counted_statements() as statements:
        standing = await standing_of(user.id)
    assert standing is not None
    assert standing.permissions == allowed
    assert len(statements) == 1


@pytest.mark.parametrize(
    ("scopes", "own", "group", "allowed"),
    [
        ((VIEW,), (VIEW, LOOK_UP), (), {VIEW}),  # the token has fewer
        ((VIEW, LOOK_UP), (VIEW,), (), {VIEW}),  # its owner has fewer
        ((EDIT,), (VIEW,), (), {VIEW}),  # the weaker of two levels, the owner's
        ((VIEW,), (EDIT,), (), {VIEW}),  # and the token's
        (
            (CLASS_ADMIN,),
            (CLASS_VIEW,),
            (CLASS_EDIT,),
            {CLASS_VIEW, CLASS_EDIT},
        ),  # the user's own and the group's
        ((VIEW,), (LOOK_UP,), (), set()),  # nothing in common
        ((), (VIEW,), (), set()),  # a token without scopes
    ],
)
async def test_a_token_does_what_both_its_scopes_and_its_owner_may(
    database: Database,
    clock: Clock,
    scopes: Permissions,
    own: Permissions,
    group: Permissions,
    allowed: set[Scope],
) -> None:
    """R93."""
    user = await user_with(own, group)
    principal = await Principals(database).of(await token_of(user, *scopes), clock())
    assert principal is not None
    assert {scope for scope in Scope if principal.may(scope)} == allowed
    assert (principal.user_id, principal.user_name) == (user.id, "Uma")


@pytest.mark.usefixtures("database")
async def test_codes_of_another_version_permit_nothing() -> None:
    user = await user_with((VIEW,), (LOOK_UP,))
    await User.all().update(permissions=["customers:read", "invoices:read"])
    await UserGroup.all().update(permissions=["invoices:write"])
    standing = await standing_of(user.id)
    assert standing is not None
    assert standing.permissions == {VIEW}


CHANGES = {
    "a token is revoked": "UPDATE access_token SET revoked_at = created_at",
    "a user is disabled": "UPDATE app_user SET disabled_at = created_at",
    "a user is permitted less": "UPDATE app_user SET permissions = '[]'",
    "a group is permitted less": "UPDATE user_group SET permissions = '[]'",
    "a user leaves a group": "DELETE FROM group_membership",
}


@pytest.mark.parametrize("change", CHANGES)
async def test_what_is_taken_away_is_felt_at_once(
    databases: Databases, clock: Clock, change: str
) -> None:
    """R95: another process makes the change, and only the database notifies of it."""
    url = await databases.borrow()
    database = Database(url)
    await database.open([TOKENS])
    principals = Principals(database)
    user = await user_with((VIEW,), (LOOK_UP,))
    secret = await token_of(user, VIEW, LOOK_UP)
    await principals.of(secret, clock())  # stores the use, a change that SQLite counts
    async with asyncio.timeout(60):
        while database.epoch(TOKENS) is None:  # noqa: ASYNC110  # it has no event for it
            await asyncio.sleep(0.01)
        before = await principals.of(secret, clock())
        with counted_statements() as statements:
            assert await principals.of(secret, clock()) == before
        assert statements == []  # cached: signing in needs no query
        with database.signals.watching(TOKENS) as told:
            await change_from_outside(url, CHANGES[change])
            if database.is_postgres:
                await told.wait()
    after = await principals.of(secret, clock())
    assert before is not None
    assert before.scopes == {VIEW, LOOK_UP}
    left = {
        "a user is permitted less": {LOOK_UP},
        "a group is permitted less": {VIEW},
        "a user leaves a group": {VIEW},
    }
    assert (None if after is None else after.scopes) == left.get(change)
    await database.close()
    await databases.give_back(url)


async def test_what_is_given_is_felt_at_once_too(databases: Databases, clock: Clock) -> None:
    """R93: joining a group counts without signing in again."""
    url = await databases.borrow()
    database = Database(url)
    await database.open([TOKENS])
    principals = Principals(database)
    user = await user_with((VIEW,), ())
    secret = await token_of(user, VIEW, LOOK_UP)
    await principals.of(secret, clock())
    async with asyncio.timeout(60):
        while database.epoch(TOKENS) is None:  # noqa: ASYNC110  # it has no event for it
            await asyncio.sleep(0.01)
        before = await principals.of(secret, clock())
        with database.signals.watching(TOKENS) as told:
            given = f"""UPDATE user_group SET permissions = '["{LOOK_UP}"]'"""
            await change_from_outside(url, given)
            if database.is_postgres:
                await told.wait()
    after = await principals.of(secret, clock())
    assert before is not None
    assert after is not None
    assert before.scopes == {VIEW}
    assert after.scopes == {VIEW, LOOK_UP}
    await database.close()
    await databases.give_back(url)


async def test_the_binding_of_a_token_is_that_of_its_principal(
    database: Database, act: ActorContext, clock: Clock
) -> None:
    """R99."""
    partner = await add_customer(database, act, "RESELLER_OTHER", name="Partner")
    user = await user_with((VIEW,), reseller_id=partner.id)
    for secret in (await token_of(user, VIEW, reseller_id=partner.id), await token_of(user, VIEW)):
        principal = await Principals(database).of(secret, clock())
        assert principal is not None
        assert principal.reseller_id == partner.id
    token, secret = new_token("Integration", frozenset({VIEW}), clock(), timedelta(days=1))
    token.reseller_id = partner.id
    await token.save(force_create=True)
    principal = await Principals(database).of(secret, clock())
    assert principal is not None
    assert (principal.reseller_id, principal.user_id) == (partner.id, None)
    assert principal.expires_at == clock() + timedelta(days=1)


async def test_the_database_lets_no_binding_be_changed(
    database: Database, act: ActorContext
) -> None:
    """R99: not even by code without the check."""
    partner = await add_customer(database, act, "RESELLER_OTHER", name="Partner")
    other = await add_customer(database, act, "RESELLER_OTHER", name="Other")
    bound = await user_with((VIEW,), reseller_id=partner.id)
    await token_of(bound, VIEW, reseller_id=partner.id)
    refused = (IntegrityError, OperationalError)
    for change in ({"reseller_id": None}, {"reseller_id": other.id}, {"user_id": None}):
        with pytest.raises(refused, match="never changes"):
            await AccessToken.all().update(**change)
    for reseller_id in (None, other.id):
        with pytest.raises(refused, match="never changes"):
            await User.all().update(reseller_id=reseller_id)
    assert await Customer.all().count() == 2
    assert {token.reseller_id for token in await AccessToken.all()} == {partner.id}
    assert (await User.get()).reseller_id == partner.id
