"""A user has so many valid tokens, and a reseller so many of nobody's."""

from datetime import timedelta

import pytest

from models import AccessToken, AuditEntry
from models.access import OPERATOR, Principal, Scope, new_token
from models.audit import Act
from models.database import Database
from models.errors import RefusalCode, Refused
from models.granting import grant_permissions
from models.reach import bind, kept
from models.token_issuing import MOST_VALID_TOKENS, Issued, TokenRequest, issue, revoke, rotate
from models.user_editing import create_user
from tests.conftest import Clock
from tests.factories import add_customer

VIEW = frozenset({Scope.CUSTOMERS_READ})
DAY = timedelta(days=1)


async def add_tokens(clock: Clock, count: int, user_id: str | None, reseller_id: str | None) -> str:
    """Store valid tokens of somebody's, and one that was revoked and one that has expired."""
    tokens = [new_token("old", VIEW, clock(), DAY)[0] for _ in range(count + 2)]
    for token in tokens:
        token.user_id, token.reseller_id = user_id, reseller_id
    tokens[-2].revoked_at = tokens[-1].expires_at = clock()
    await AccessToken.bulk_create(tokens)
    return tokens[0].id


@pytest.fixture
def operator(clock: Clock) -> Act:
    """Act as the operator."""
    return Act(OPERATOR, clock(), "command-1")


async def refuses(database: Database, act: Act, wanted: TokenRequest) -> bool:
    """Tell whether a token is one too many; then nothing is stored."""
    before = await AccessToken.all().count(), await AuditEntry.all().count()
    try:
        await database.transaction(lambda: issue(act, wanted, None))
    except Refused as refused:
        codes = [one.code for one in refused.refusals]
    else:
        return False
    assert codes == [RefusalCode.TOO_MANY_TOKENS]
    assert (await AccessToken.all().count(), await AuditEntry.all().count()) == before
    return True


async def test_a_user_has_so_many_valid_tokens_and_no_more(
    database: Database, clock: Clock, operator: Act
) -> None:
    async def add() -> str:
        user = await create_user(operator, {"name": "Uma"}, None)
        await grant_permissions(operator, user.id, [*VIEW], None, None)
        return user.id

    uma = await database.transaction(add)
    last = await add_tokens(clock, MOST_VALID_TOKENS - 1, uma, None)
    wanted = TokenRequest("x", [*VIEW], 90, uma)
    assert not await refuses(database, operator, wanted)
    assert await refuses(database, operator, wanted)

    async def rotated(overlap: timedelta) -> Issued:
        return await rotate(operator, last, overlap, None, None)

    with pytest.raises(Refused, match="There are 100 valid tokens"):
        await database.transaction(lambda: rotated(DAY))
    assert (await AccessToken.get(id=last)).version == 1
    successor = await database.transaction(lambda: rotated(timedelta()))  # in place of the old one
    assert await refuses(database, operator, wanted)
    await database.transaction(lambda: revoke(operator, successor.token.id, None, None))
    assert not await refuses(database, operator, wanted)
    assert not await refuses(database, operator, TokenRequest("x", [*VIEW], 90))  # of nobody's


async def test_a_partner_gets_no_more_by_rotating_tokens_of_nobodys(
    database: Database, act: Act, clock: Clock, operator: Act
) -> None:
    """R99: each rotation with overlap leaves one more."""
    own, other = [
        (await add_customer(database, act, "RESELLER_OTHER", name=name)).id for name in "AB"
    ]
    last = await add_tokens(clock, MOST_VALID_TOKENS, None, own)
    partner = Act(Principal("tok_1", "Partner", VIEW, own), clock(), "request-1")
    with kept():
        bind(own)
        with pytest.raises(Refused) as refused:
            await database.transaction(lambda: rotate(partner, last, DAY, None, None))
    assert [one.code for one in refused.value.refusals] == [RefusalCode.TOO_MANY_TOKENS]
    assert await AccessToken.all().count() == MOST_VALID_TOKENS + 2
    assert await refuses(database, operator, TokenRequest("x", [*VIEW], 90, None, own))
    assert not await refuses(database, operator, TokenRequest("x", [*VIEW], 90, None, other))
