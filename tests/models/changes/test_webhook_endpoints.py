"""Webhook endpoints of a reseller that is none any more at the same time."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from models import Customer, WebhookEndpoint
from models.changes.customer_editing import change_class, delete_customer
from models.changes.webhook_endpoint_editing import WithSecret, save_endpoint
from models.rules.errors import RefusalCode, Refused
from models.rules.event_type import EventType
from models.storage.database import Database
from models.storage.secret_cipher import SecretCipher
from models.tables.access import Principal, Scope
from models.tables.audit import ActorContext
from tests.blocked import until_blocked
from tests.clock import Clock
from tests.factories import add_customer, shipped

ENOUGH_S = 120.0
NEW: dict[str, Any] = {
    "url": "https://hooks.example/in",
    "event_types": [EventType.CUSTOMER_CREATED],
}

End = Callable[[ActorContext, Customer], Awaitable[Any]]


async def reclassify(act: ActorContext, partner: Customer) -> None:
    charity = await shipped("CHARITY")
    await change_class(act, partner.id, charity.id, "Sells no more", None)


async def erase(act: ActorContext, partner: Customer) -> None:
    await delete_customer(act, partner.id, None)


async def save(
    act: ActorContext, endpoint_id: str | None, values: dict[str, Any]
) -> WebhookEndpoint:
    saved: WithSecret = await save_endpoint(
        act, endpoint_id, values, None, cipher=SecretCipher(), allows_private=False
    )
    return saved.endpoint


def of(partner: Customer, clock: Clock) -> ActorContext:
    scopes = frozenset({Scope.WEBHOOKS_WRITE, Scope.CUSTOMERS_READ})
    return ActorContext(Principal("tok_1", "Partner", scopes, partner.id), clock(), "request-1")


@pytest.mark.parametrize("end", [reclassify, erase])
async def test_an_endpoint_that_is_created_meanwhile_is_switched_off_too(
    database: Database, act: ActorContext, clock: Clock, end: End
) -> None:
    """R99, R101: the end of the reseller waits for the endpoint."""
    partner = await add_customer(database, act, "RESELLER_OTHER")
    is_done, may_commit = asyncio.Event(), asyncio.Event()

    async def create_and_wait() -> None:
        await save(of(partner, clock), None, NEW)
        is_done.set()
        await may_commit.wait()

    async with asyncio.timeout(ENOUGH_S):
        first = asyncio.create_task(database.transaction(create_and_wait))
        await is_done.wait()
        second = asyncio.create_task(database.transaction(lambda: end(act, partner)))
        await until_blocked(database, second)
        may_commit.set()
        await asyncio.gather(first, second)
    assert [one.is_active for one in await WebhookEndpoint.all()] == [False]


@pytest.mark.parametrize("end", [reclassify, erase])
async def test_an_endpoint_is_neither_created_nor_enabled_for_a_former_reseller(
    database: Database, act: ActorContext, clock: Clock, end: End
) -> None:
    """R99, R101."""
    partner = await add_customer(database, act, "RESELLER_OTHER")
    mine = of(partner, clock)
    off = await database.transaction(lambda: save(mine, None, {**NEW, "is_active": False}))
    is_done, may_commit = asyncio.Event(), asyncio.Event()

    async def end_and_wait() -> None:
        await end(act, partner)
        is_done.set()
        await may_commit.wait()

    async with asyncio.timeout(ENOUGH_S):
        first = asyncio.create_task(database.transaction(end_and_wait))
        await is_done.wait()
        others = [
            asyncio.create_task(database.transaction(lambda: save(mine, None, NEW))),
            asyncio.create_task(
                database.transaction(lambda: save(mine, off.id, {"is_active": True}))
            ),
        ]
        may_commit.set()
        await first
        codes = []
        for other in others:
            with pytest.raises(Refused) as refused:
                await other
            codes += [one.code for one in refused.value.refusals]
    expected = RefusalCode.NOT_FOUND if end is erase else RefusalCode.INVALID_RESELLER
    assert codes == [expected, expected]
    assert [(one.id, one.is_active) for one in await WebhookEndpoint.all()] == [(off.id, False)]
