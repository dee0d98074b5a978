"""The query deprecatedUses: what requests have used, by credential and day."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from models import DeprecatedUse
from models.storage.database import Database
from models.tables.access import Principal, Scope
from models.tables.audit import ActorContext
from models.tables.deprecated_use import DeprecatedUseCounter
from tests.clock import Clock
from tests.databases import Databases
from tests.deprecated_schema import REASON, running_deprecated_api
from tests.factories import add_customer
from tests.graphql_client import Api
from tests.partner_world import bound_token

USES = """query ($first: Int, $after: String, $filter: DeprecatedUseFilter) {
  deprecatedUses(first: $first, after: $after, filter: $filter) {
    nodes { coordinate reason removedOn credentialId userId resellerId usedOn useCount lastUsedAt }
    pageInfo { hasNextPage endCursor } totalCount
  }
}"""
WORDING = "{ customers(first: 1) { nodes { invoiceWording } } }"


@pytest.fixture
async def aged(databases: Databases, clock: Clock) -> AsyncIterator[Api]:
    """Yield the application with a schema that has deprecated parts."""
    async with running_deprecated_api(databases, clock) as started:
        yield started


async def flush(api: Api) -> None:
    await api.platform.deprecated_uses.flush(api.platform.database)


async def test_requests_are_counted_by_credential(aged: Api) -> None:
    credential = (await aged.data("{ viewer { credential { actorId } } }"))["viewer"]
    for _ in range(3):
        await aged.data(WORDING)
    await aged.data("{ viewer { name } }")
    used_at = aged.clock()
    aged.clock.advance(timedelta(minutes=1))
    await flush(aged)
    found = (await aged.data(USES))["deprecatedUses"]
    assert found == {
        "nodes": [
            {
                "coordinate": "Customer.invoiceWording",
                "reason": REASON,
                "removedOn": "2027-06-01",
                "credentialId": credential["credential"]["actorId"],
                "userId": None,
                "resellerId": None,
                "usedOn": "2026-10-01",
                "useCount": 3,
                "lastUsedAt": used_at.isoformat(),
            }
        ],
        "pageInfo": {"hasNextPage": False, "endCursor": found["pageInfo"]["endCursor"]},
        "totalCount": 1,
    }


async def test_a_partner_sees_its_own_uses_only(aged: Api, act: ActorContext) -> None:
    resellers = [
        await add_customer(aged.platform.database, act, "RESELLER_OTHER", name=name)
        for name in ("Ours", "Theirs")
    ]
    tokens = [await bound_token(one.id, aged.clock()) for one in resellers]
    for _, secret in tokens:
        await aged.data(WORDING, token=secret)
    await aged.data(WORDING)
    await flush(aged)
    everything = (await aged.data(USES))["deprecatedUses"]
    assert everything["totalCount"] == 3
    for (token, secret), reseller in zip(tokens, resellers, strict=True):
        seen = (await aged.data(USES, token=secret))["deprecatedUses"]
        assert seen["totalCount"] == 1
        assert [(one["credentialId"], one["resellerId"]) for one in seen["nodes"]] == [
            (token.id, reseller.id)
        ]
    foreign = {"resellerId": resellers[1].id}
    asked = await aged.data(USES, token=tokens[0][1], filter=foreign)
    assert asked["deprecatedUses"]["nodes"] == []
    error = await aged.error(USES, token=await aged.token_for(Scope.CUSTOMERS_READ))
    assert error["extensions"]["code"] == "FORBIDDEN"


async def test_uses_are_filtered_and_paged(aged: Api) -> None:
    counter, clock = aged.platform.deprecated_uses, aged.clock
    for name, days in (("A.a", 0), ("B.b", 0), ("A.a", 1), ("A.a", 2)):
        who = Principal(f"tok_{name[0]}", "Somebody", frozenset(Scope))
        counter.count(who, [(name, "Use `x`.")], clock() + timedelta(days=days))
        await flush(aged)
    for given, expected in (
        ({}, [("A.a", 3), ("A.a", 2), ("B.b", 1), ("A.a", 1)]),
        ({"coordinate": "A.a"}, [("A.a", 3), ("A.a", 2), ("A.a", 1)]),
        ({"coordinate": "A.a", "fromOn": "2026-10-02"}, [("A.a", 3), ("A.a", 2)]),
        ({"credentialId": "tok_B"}, [("B.b", 1)]),
        ({"credentialId": "tok_C"}, []),
        ({"resellerId": "cus_x"}, []),
    ):
        found: list[tuple[str, int]] = []
        after = None
        while True:
            page = (await aged.data(USES, first=2, after=after, filter=given))["deprecatedUses"]
            assert page["totalCount"] == len(expected)
            found += [(one["coordinate"], int(one["usedOn"][-2:])) for one in page["nodes"]]
            after = page["pageInfo"]["endCursor"]
            if not page["pageInfo"]["hasNextPage"]:
                break
        assert found == expected, given


async def test_what_was_counted_is_stored_when_the_process_ends(
    databases: Databases, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored: list[int] = []
    flush_last = DeprecatedUseCounter.flush_last

    async def look(counter: DeprecatedUseCounter, database: Database) -> None:
        await flush_last(counter, database)
        stored.append(await DeprecatedUse.all().count())

    monkeypatch.setattr(DeprecatedUseCounter, "flush_last", look)
    async with running_deprecated_api(databases, clock) as api:
        await api.data(WORDING)
    assert stored == [1]
