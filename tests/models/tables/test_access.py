"""Scopes, and the tokens that have them."""

import asyncio
from datetime import timedelta

import pytest

from models import AccessToken
from models.storage.database import Database
from models.tables.access import TOKENS, Principal, Principals, Scope, hash_of, issue_token
from models.tables.audit import ActorContext
from tests.clock import Clock
from tests.databases import Databases
from tests.factories import add_class
from tests.graphql_client import counted_statements
from tests.models.tables.outside_changes import change_from_outside

CLASS_VIEW, CLASS_EDIT = Scope.CUSTOMER_CLASSES_READ, Scope.CUSTOMER_CLASSES_WRITE
CLASS_ADMIN = Scope.CUSTOMER_CLASSES_ADMINISTER
VIEW, EDIT, LOOK_UP = Scope.CUSTOMERS_READ, Scope.CUSTOMERS_WRITE, Scope.ENRICHMENT_RUN


@pytest.fixture
def principals(database: Database) -> Principals:
    """Return the cache of tokens' principals, as in a running server."""
    return Principals(database)


@pytest.mark.parametrize(
    ("given", "allowed"),
    [
        (None, set()),  # no scopes
        (CLASS_VIEW, {CLASS_VIEW}),
        (CLASS_EDIT, {CLASS_VIEW, CLASS_EDIT}),  # edit implies view
        (CLASS_ADMIN, {CLASS_VIEW, CLASS_EDIT, CLASS_ADMIN}),  # and administer implies both
        (VIEW, {VIEW}),
        (EDIT, {VIEW, EDIT}),
        (LOOK_UP, {LOOK_UP}),  # implied by no other scope
        (Scope.ACCESS_ADMINISTER, {Scope.ACCESS_ADMINISTER, Scope.ACCESS_READ}),
        (Scope.PERSONAL_DATA_READ, {Scope.PERSONAL_DATA_READ}),
    ],
)
def test_a_stronger_scope_implies_the_weaker_ones(given: Scope | None, allowed: set[Scope]) -> None:
    """R93, A20."""
    principal = Principal("tok_a", "A", frozenset([given] if given else []))
    assert {scope for scope in Scope if principal.may(scope)} == allowed


async def test_a_token_stands_for_its_principal_and_is_stored_hashed(
    principals: Principals, clock: Clock
) -> None:
    secret = await issue_token("Billing", frozenset({EDIT, CLASS_VIEW}), clock())
    token = await AccessToken.get()
    assert await principals.of(secret, clock()) == Principal(
        token.id, "Billing", frozenset({EDIT, CLASS_VIEW})
    )
    assert token.hash == hash_of(secret)
    assert secret not in repr(await AccessToken.all().values())
    assert secret.startswith(token.shown_prefix)
    assert await principals.of(secret + "x", clock()) is None


async def test_an_expired_or_revoked_token_opens_nothing(
    principals: Principals, clock: Clock
) -> None:
    secret = await issue_token("Short", frozenset(), clock(), timedelta(hours=1))
    assert await principals.of(secret, clock.advance(timedelta(minutes=59))) is not None
    assert await principals.of(secret, clock.advance(timedelta(minutes=1))) is None
    secret = await issue_token("Long", frozenset(), clock())
    await AccessToken.filter(name="Long").update(revoked_at=clock())
    assert await principals.of(secret, clock()) is None


async def test_scopes_of_another_version_are_dropped(principals: Principals, clock: Clock) -> None:
    secret = await issue_token("Old", frozenset({VIEW}), clock())
    await AccessToken.all().update(scopes=["customers:read", "invoices:read"])
    principal = await principals.of(secret, clock())
    assert principal is not None
    assert principal.scopes == {VIEW}


async def test_the_last_use_is_noted_to_the_minute(principals: Principals, clock: Clock) -> None:
    secret = await issue_token("Busy", frozenset(), clock())
    first = clock()
    await principals.of(secret, first)
    await principals.of(secret, clock.advance(timedelta(seconds=59)))
    assert (await AccessToken.get()).last_used_at == first
    later = clock.advance(timedelta(seconds=1))
    await principals.of(secret, later)
    assert (await AccessToken.get()).last_used_at == later


async def test_a_last_use_from_the_future_is_put_right(
    principals: Principals, clock: Clock
) -> None:
    """A process whose clock is an hour ahead stored it."""
    secret = await issue_token("Busy", frozenset(), clock())
    await AccessToken.all().update(last_used_at=clock() + timedelta(hours=1))
    await principals.of(secret, clock())
    assert (await AccessToken.get()).last_used_at == clock()


async def test_a_token_is_read_once_until_any_is_changed(
    databases: Databases, clock: Clock
) -> None:
    """Another process makes the change, and only the database notifies of it."""
    url = await databases.borrow()
    database = Database(url)
    await database.open([TOKENS])
    principals = Principals(database)
    secret = await issue_token("Kept", frozenset({VIEW}), clock())
    await principals.of(secret, clock())  # stores the use, a change that SQLite counts
    async with asyncio.timeout(60):
        while database.epoch(TOKENS) is None:  # noqa: ASYNC110  # it has no event for it
            await asyncio.sleep(0.01)
        await principals.of(secret, clock())
        with counted_statements() as statements:
            assert await principals.of(secret, clock()) is not None
        assert statements == []
        with database.signals.watching(TOKENS) as told:
            await change_from_outside(url, "UPDATE access_token SET revoked_at = created_at")
            if database.is_postgres:
                await told.wait()
    assert await principals.of(secret, clock()) is None
    await database.close()
    await databases.give_back(url)


async def test_other_writes_make_no_token_be_read_again(
    databases: Databases, clock: Clock, act: ActorContext
) -> None:
    url = await databases.borrow()
    database = Database(url)
    await database.open([TOKENS])
    principals = Principals(database)
    secret = await issue_token("Kept", frozenset({VIEW}), clock())
    async with asyncio.timeout(60):
        while database.epoch(TOKENS) is None:  # noqa: ASYNC110  # it has no event for it
            await asyncio.sleep(0.01)
    assert await principals.of(secret, clock()) is not None
    await principals.of(secret, clock())  # again, because the use was stored meanwhile
    await add_class(database, act, "Another")
    with counted_statements() as statements:
        assert await principals.of(secret, clock()) is not None
    assert statements == []
    await database.close()
    await databases.give_back(url)


async def test_what_is_remembered_ends_with_the_token_itself(
    principals: Principals, clock: Clock
) -> None:
    secret = await issue_token("Short", frozenset(), clock(), timedelta(seconds=30))
    for _ in range(3):
        assert await principals.of(secret, clock()) is not None
    assert await principals.of(secret, clock.advance(timedelta(seconds=30))) is None


async def test_tokens_of_nobody_are_not_looked_for_twice_and_fill_no_memory(
    databases: Databases, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.tables.access.MAX_REMEMBERED", 10)
    url = await databases.borrow()
    database = Database(url)
    await database.open([TOKENS])
    principals = Principals(database)
    async with asyncio.timeout(60):
        while database.epoch(TOKENS) is None:  # noqa: ASYNC110  # it has no event for it
            await asyncio.sleep(0.01)
    guesses = [f"ccl_{number:043}" for number in range(25)]
    for guess in guesses:
        assert await principals.of(guess, clock()) is None
    assert len(principals._unknown) <= 10
    with counted_statements() as statements:
        assert await principals.of(guesses[-1], clock()) is None
        assert await principals.of("ccl_short", clock()) is None
    assert statements == []
    secret = await issue_token("Later", frozenset(), clock())
    assert await principals.of(secret, clock()) is not None
    await database.close()
    await databases.give_back(url)


@pytest.mark.parametrize(
    ("reseller_id", "user_id", "quota_key", "caller"),
    [
        (None, None, "tok_1", "tok_1"),
        ("cus_1", None, "cus_1", "cus_1"),
        (None, "usr_1", "usr_1", "usr_1"),
        (
            "cus_1",
            "usr_1",
            "usr_1",
            "cus_1",
        ),  # partners' users share a cache entry that others need too
    ],
)
def test_who_pays_and_who_shares_is_what_can_not_be_multiplied(
    reseller_id: str | None, user_id: str | None, quota_key: str, caller: str
) -> None:
    principal = Principal("tok_1", "", frozenset(), reseller_id, user_id)
    assert (principal.quota_key, principal.caller) == (quota_key, caller)
