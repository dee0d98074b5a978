"""Mutations of users and tokens run one after the other, also with concurrent transactions."""

import asyncio
from datetime import timedelta

import pytest

from models import AccessToken, User
from models.changes.granting import grant_permissions
from models.changes.token_issuing import Issued, TokenRequest, issue, rotate
from models.changes.user_editing import create_user, disable_user
from models.rules.errors import RefusalCode, Refused
from models.storage.database import Database
from models.tables.access import OPERATOR, Principal, Scope
from models.tables.audit import ActorContext
from tests.blocked import until_blocked
from tests.clock import Clock
from tests.factories import add_customer, move

ENOUGH_S = 120.0


async def add_administrator(database: Database, clock: Clock, name: str) -> Principal:
    """Add a user who may administer access, with a token; return the token's principal."""
    act = ActorContext(OPERATOR, clock(), "command-1")

    async def add() -> Principal:
        user = await create_user(act, {"name": name}, None)
        await grant_permissions(act, user.id, [Scope.ACCESS_ADMINISTER], None, None)
        request = TokenRequest("laptop", [Scope.ACCESS_ADMINISTER], 90, user.id)
        issued = await issue(act, request, None)
        scopes = frozenset({Scope.ACCESS_ADMINISTER})
        return Principal(issued.token.id, "laptop", scopes, None, user.id, name)

    return await database.transaction(add)


async def test_two_administrators_can_not_lock_each_other_out_at_once(
    database: Database, clock: Clock
) -> None:
    """R93, R101: the second waits, and then sees that no administrator would remain."""
    uma = await add_administrator(database, clock, "Uma")
    vic = await add_administrator(database, clock, "Vic")
    is_done, may_commit = asyncio.Event(), asyncio.Event()

    async def disable_and_wait() -> None:
        assert vic.user_id is not None
        await disable_user(ActorContext(uma, clock(), "request-1"), vic.user_id, None, None)
        is_done.set()
        await may_commit.wait()

    async def disable_back() -> User:
        assert uma.user_id is not None
        return await disable_user(ActorContext(vic, clock(), "request-2"), uma.user_id, None, None)

    async with asyncio.timeout(ENOUGH_S):
        first = asyncio.create_task(database.transaction(disable_and_wait))
        await is_done.wait()
        second = asyncio.create_task(database.transaction(disable_back))
        await until_blocked(database, second)
        may_commit.set()
        await first
        with pytest.raises(Refused) as refused:
            await second
    assert [one.code for one in refused.value.refusals] == [RefusalCode.LAST_ADMINISTRATOR]
    assert [user.name for user in await User.filter(disabled_at=None)] == ["Uma"]


async def test_no_token_escapes_by_rotation_when_its_reseller_is_none_any_more(
    database: Database, act: ActorContext, clock: Clock
) -> None:
    """R99, R101: the move waits for the rotation, and revokes the new token too."""
    partner = await add_customer(database, act, "RESELLER_OTHER", name="Partner")
    operator = ActorContext(OPERATOR, clock(), "command-1")
    request = TokenRequest("Integration", [Scope.CUSTOMERS_READ], 90, None, partner.id)
    issued = await database.transaction(lambda: issue(operator, request, None))
    is_done, may_commit = asyncio.Event(), asyncio.Event()

    async def rotate_and_wait() -> Issued:
        rotated = await rotate(operator, issued.token.id, timedelta(hours=24), None, None)
        is_done.set()
        await may_commit.wait()
        return rotated

    async with asyncio.timeout(ENOUGH_S):
        first = asyncio.create_task(database.transaction(rotate_and_wait))
        await is_done.wait()
        second = asyncio.create_task(move(database, act, partner, "CHARITY"))
        await until_blocked(database, second)
        may_commit.set()
        await asyncio.gather(first, second)
    tokens = await AccessToken.filter(reseller_id=partner.id)
    assert [token.revoked_at for token in tokens] == [act.now, act.now]
