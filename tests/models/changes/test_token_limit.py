"""How many valid tokens an owner can have, and that rotation works at the limit."""

from datetime import timedelta

import pytest

from models import AccessToken, AuditEntry
from models.changes.granting import grant_permissions
from models.changes.token_issuing import Issued, TokenRequest, issue, revoke, rotate
from models.changes.token_limit import MAX_REPLACED_TOKENS, MAX_VALID_TOKENS, REPLACED
from models.changes.user_editing import create_user
from models.rules.errors import RefusalCode, Refused
from models.storage.database import Database
from models.storage.tenant_scope import bind_tenant, preserve_tenant_scope
from models.tables.access import OPERATOR, Principal, Scope, new_token
from models.tables.audit import ActorContext
from tests.clock import Clock
from tests.factories import add_customer

VIEW = frozenset({Scope.CUSTOMERS_READ})
DAY = timedelta(days=1)


async def add_tokens(clock: Clock, count: int, user_id: str | None, reseller_id: str | None) -> str:
    """Store valid tokens of an owner, and a revoked and an expired one; return a valid one's id."""
    tokens = [new_token("old", VIEW, clock(), DAY)[0] for _ in range(count + 2)]
    for token in tokens:
        token.user_id, token.reseller_id = user_id, reseller_id
    tokens[-2].revoked_at = tokens[-1].expires_at = clock()
    await AccessToken.bulk_create(tokens)
    return tokens[0].id


@pytest.fixture
def operator(clock: Clock) -> ActorContext:
    """Return the context of the operator on the command line."""
    return ActorContext(OPERATOR, clock(), "command-1")


async def refuses(database: Database, act: ActorContext, wanted: TokenRequest) -> bool:
    """Return whether a token is refused because of the limit; if so, nothing is stored."""
    before = await AccessToken.all().count(), await AuditEntry.all().count()
    try:
        await database.transaction(lambda: issue(act, wanted, None))
    except Refused as refused:
        codes = [one.code for one in refused.refusals]
    else:
        return False
    assert codes == [RefusalCode.ACCESS_TOKEN_LIMIT]
    assert (await AccessToken.all().count(), await AuditEntry.all().count()) == before
    return True


async def test_a_user_has_so_many_valid_tokens_and_no_more(
    database: Database, clock: Clock, operator: ActorContext
) -> None:
    async def add() -> str:
        user = await create_user(operator, {"name": "Uma"}, None)
        await grant_permissions(operator, user.id, [*VIEW], None, None)
        return user.id

    uma = await database.transaction(add)
    last = await add_tokens(clock, MAX_VALID_TOKENS - 1, uma, None)
    wanted = TokenRequest("x", [*VIEW], 90, uma)
    assert not await refuses(database, operator, wanted)
    assert await refuses(database, operator, wanted)

    async def rotated(token_id: str, overlap: timedelta = DAY) -> Issued:
        return await rotate(operator, token_id, overlap, None, None)

    successor = await database.transaction(lambda: rotated(last))
    assert (await AccessToken.get(id=last)).is_valid(clock())
    assert await refuses(database, operator, wanted)  # the new token counts
    await database.transaction(
        lambda: revoke(operator, last, None, None)
    )  # the old one did not count
    assert await refuses(database, operator, wanted)
    second = await database.transaction(lambda: rotated(successor.token.id, timedelta()))
    assert await refuses(database, operator, wanted)
    await database.transaction(lambda: revoke(operator, second.token.id, None, None))
    assert not await refuses(database, operator, wanted)
    assert not await refuses(
        database, operator, TokenRequest("x", [*VIEW], 90)
    )  # tokens without a user


async def test_rotating_again_and_again_neither_fails_nor_piles_up_valid_tokens(
    database: Database, act: ActorContext, clock: Clock, operator: ActorContext
) -> None:
    """R99: beyond a limit, the replaced tokens that would expire first end at once."""
    own, other = [
        (await add_customer(database, act, "RESELLER_OTHER", name=name)).id for name in "AB"
    ]
    newest = await add_tokens(clock, MAX_VALID_TOKENS, None, own)
    await add_tokens(clock, 2, None, other)
    principal = Principal("tok_1", "Partner", VIEW, own)
    replaced = []
    for _ in range(MAX_REPLACED_TOKENS + 3):
        partner = ActorContext(principal, clock.advance(timedelta(minutes=1)), "request-1")
        replaced.append(newest)
        with preserve_tenant_scope():
            bind_tenant(own)
            rotated = await database.transaction(
                lambda: rotate(partner, newest, timedelta(hours=6), None, None)  # noqa: B023  # at once
            )
        newest = rotated.token.id
    tokens = {one.id: one for one in await AccessToken.filter(reseller_id=own)}
    assert not any(tokens[one].is_valid(clock()) for one in replaced[:3])
    assert all(tokens[one].is_valid(clock()) for one in replaced[3:])
    assert sum(one.is_valid(clock()) for one in tokens.values()) == (
        MAX_VALID_TOKENS + MAX_REPLACED_TOKENS
    )
    entries = await AuditEntry.filter(operation="token.revoked").order_by("id")
    assert [(one.subject_id, one.reason) for one in entries] == [
        (one, REPLACED) for one in replaced[:3]
    ]
    assert await refuses(database, operator, TokenRequest("x", [*VIEW], 90, None, own))
    assert not await refuses(database, operator, TokenRequest("x", [*VIEW], 90, None, other))
