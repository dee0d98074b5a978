"""The application behind a pooler that shares server sessions between transactions (ADR 31)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from pydantic import ValidationError

from models.storage.database import PLANNER_SETTING, Database
from models.storage.pooler import has_planner_setting, is_transaction_pooler, receives_notifications
from models.tables.access import Scope, issue_token
from settings import Settings
from tests.clock import Clock
from tests.databases import Databases
from tests.graphql_client import Api, api_on
from tests.pgbouncer import pgbouncer, setting
from tests.processes import run

AT_ONCE = 24
"""Concurrent requests: eight for each server session of the pooler."""


@asynccontextmanager
async def pooled_api(databases: Databases, clock: Clock) -> AsyncIterator[Api]:
    """Start the application behind a pgbouncer in transaction mode."""
    url = await databases.borrow()
    async with (
        pgbouncer(url) as pooled,
        api_on(pooled, clock, database_direct_url=url, database_pooler="transaction") as api,
    ):
        yield api
    await databases.give_back(url)


async def test_saves_and_reads_at_once_all_succeed(databases: Databases, clock: Clock) -> None:
    async with pooled_api(databases, clock) as api:
        saved = await asyncio.gather(
            *(api.save_customer("id version", name=f"Acme {number}") for number in range(AT_ONCE))
        )
        query = "query($id: ID) { customer(id: $id) { name customerClass { code } } }"
        read = await asyncio.gather(
            *(api.data(query, id=one["id"]) for one in saved for _ in range(4))
        )
        assert sorted({one["customer"]["name"] for one in read}) == sorted(
            f"Acme {number}" for number in range(AT_ONCE)
        )
        names = [f"Acme {number}" for number in range(AT_ONCE)]
        edited, listed = await asyncio.gather(
            asyncio.gather(
                *(
                    api.save_customer("name", id=one["id"], name=f"{name} again")
                    for one, name in zip(saved, names, strict=True)
                )
            ),
            asyncio.gather(
                *(api.data("{ customers(first: 50) { totalCount } }") for _ in range(AT_ONCE))
            ),
        )
        assert [one["name"] for one in edited] == [f"{name} again" for name in names]
        assert {one["customers"]["totalCount"] for one in listed} == {AT_ONCE}


async def test_a_dry_run_leaves_nothing(databases: Databases, clock: Clock) -> None:
    async with pooled_api(databases, clock) as api:
        await api.done(
            "saveCustomer", "customer { id }", name="Acme", classCode="CHARITY", dryRun=True
        )
        assert await api.data("{ customers { totalCount } }") == {"customers": {"totalCount": 0}}


async def test_a_revocation_is_heard_at_once(databases: Databases, clock: Clock) -> None:
    """R95: over the direct URL, because a pooler in transaction mode delivers no notifications."""
    async with pooled_api(databases, clock) as api:
        token = await issue_token("Rita", frozenset(Scope), clock(), timedelta(days=1))
        assert await api.data("{ viewer { name } }", token=token) == {"viewer": {"name": "Rita"}}
        # Wait for the notification for less time than a token is cached.
        await api.change_tokens("Rita", revoked_at=clock())
        assert (await api.post("{ viewer { name } }", token=token)).status_code == 401


async def test_jobs_are_run_and_wake_each_other(databases: Databases, clock: Clock) -> None:
    async with pooled_api(databases, clock) as api:
        customer = await api.save_customer(name="Acme")
        made = await api.done(
            "saveContact",
            "contact { id }",
            customerId=customer["id"],
            name="Ann",
            email="ann@acme.example",
        )
        await api.done("requestEmailVerification", "", contactId=made["contact"]["id"])
        assert await api.work() == 1
        assert len(list(api.platform.settings.mailbox.iterdir())) == 1


async def test_migrations_go_to_the_direct_address(databases: Databases) -> None:
    empty = await databases.create_empty()
    async with pgbouncer(empty) as pooled:
        behind = {
            "DATABASE_URL": pooled,
            "DATABASE_DIRECT_URL": empty,
            "DATABASE_POOLER": "transaction",
        }
        status, out, err = await run("migrate", **behind)
        assert (status, err) == (0, "")
        assert out.startswith("applied 0001_initial")
        # The server sessions have the planner setting, which clients of the pooler cannot set.
        assert await setting(pooled, PLANNER_SETTING) == "off"
        assert await has_planner_setting(pooled)
        status, out, err = await run("token", "issue", "--scopes", "all", **behind)
        assert (status, out.startswith("Token ccl_"), err) == (0, True, "")
    await databases.drop(empty)


@pytest.mark.parametrize(
    ("mode", "is_shared"), [("session", False), ("transaction", True), ("statement", True)]
)
async def test_a_pooler_that_shares_sessions_is_recognised(
    databases: Databases, mode: str, *, is_shared: bool
) -> None:
    url = await databases.borrow()
    async with pgbouncer(url, mode) as pooled:
        assert await is_transaction_pooler(pooled) is is_shared
        assert await is_transaction_pooler(url) is False
    await databases.give_back(url)


async def test_a_direct_address_of_another_database_hears_nothing(databases: Databases) -> None:
    url, other = await databases.borrow(), await databases.borrow()
    if not url.startswith("postgres"):
        pytest.skip("only PostgreSQL has notifications")
    assert await receives_notifications(Database(url, direct_url=url))
    assert not await receives_notifications(Database(url, direct_url=other))
    for each in (url, other):
        await databases.give_back(each)


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({"database_pooler": "transaction"}, "DATABASE_POOLER=transaction needs"),
        ({"database_direct_url": "sqlite://x"}, "DATABASE_DIRECT_URL must begin with"),
        (
            {"database_url": "sqlite://x", "database_direct_url": "postgres://db/x"},
            "only if DATABASE_URL is a postgres:// address",
        ),
    ],
)
def test_a_pooler_needs_a_direct_address(given: dict[str, str], word: str) -> None:
    with pytest.raises(ValidationError, match=word):
        Settings(**{"database_url": "postgres://db/x", **given})  # type: ignore[arg-type]
