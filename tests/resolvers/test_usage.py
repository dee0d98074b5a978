"""Each call is counted by day, credential and operation; a partner sees its own."""

from datetime import timedelta
from typing import Any

import pytest

from models import ApiUsage
from models.tables.access import AccessToken, Scope
from models.tables.api_usage import store_usage
from tests.access_world import add_user, sign_in
from tests.clock import Clock
from tests.databases import Databases
from tests.graphql_client import Api, Json, connected, counted_statements, running_api, serving
from tests.partner_world import TwoPartners, bound_token, two_partners

DAYS = {"fromOn": "2026-10-01", "untilOn": "2026-10-03"}
USAGE = """query Usage($fromOn: Date!, $untilOn: Date!, $first: Int, $after: String,
    $filter: UsageFilter, $sort: UsageSort) {
  usage(fromOn: $fromOn, untilOn: $untilOn, first: $first, after: $after, filter: $filter,
      sort: $sort) {
    totalCount totals { callCount pointCount refusalCount userErrorCount limitHitCount }
    pageInfo { endCursor hasNextPage }
    nodes { usedOn credentialId userId resellerId operationName operationType callCount pointCount
      refusalCount userErrorCount limitHitCount lastLimitedAt
      accessToken { name } user { name } } } }"""
LIST = "query List { customers(first: 2) { nodes { id } } }"
SAVE = (
    'mutation Save { saveCustomer(input: { name: "", classCode: "NONE" }) { userErrors { code } } }'
)
FOLLOW = "subscription Follow($id: ID!) { customerEnriched(customerId: $id) { id } }"
COUNTS = ("operationName", "operationType", "callCount", "refusalCount", "userErrorCount")


async def stored_usage(api: Api) -> None:
    await store_usage(api.app.state.usage, api.platform.database)


async def usage(api: Api, token: str | None = None, **variables: Any) -> Json:
    """Store what was counted, and return the usage; the query itself is counted after that."""
    await stored_usage(api)
    found: Json = (await api.data(USAGE, token=token, **{**DAYS, **variables}))["usage"]
    return found


def brief(found: Json) -> list[tuple[Any, ...]]:
    return [tuple(one[name] for name in COUNTS) for one in found["nodes"]]


async def test_calls_over_http_are_counted(api: Api) -> None:
    for _ in range(3):
        await api.post(LIST)
    await api.post(SAVE)
    await api.post("{ customers(first: 2) { nodes { id } } }")
    await api.post("query Wrong { nothing }")
    await api.post("query Unread {")
    await api.post("query Deep { " + "customers { nodes { " * 30 + "id" + " } }" * 30 + " }")
    await api.post("query NoToken { viewer { id } }", token="ccl_" + "x" * 43)  # is none
    found = await usage(api, filter={"operationType": "MUTATION"})
    assert brief(found) == [("Save", "MUTATION", 1, 0, 2)]
    found = await usage(api, sort="CALLS_DESC")
    assert brief(found)[0] == ("List", "QUERY", 3, 0, 0)
    assert sorted(brief(found)[1:], key=str) == [
        ("Deep", "QUERY", 1, 1, 0),
        ("Save", "MUTATION", 1, 0, 2),
        ("Usage", "QUERY", 1, 0, 0),
        ("Wrong", "QUERY", 1, 1, 0),
        (None, "QUERY", 1, 0, 0),
        (None, None, 1, 1, 0),
    ]
    assert found["totals"]["callCount"] == 9
    assert found["totalCount"] == 7
    token = await AccessToken.get(name="Tess Tester")
    first = found["nodes"][0]
    assert first["credentialId"] == token.id
    assert first["accessToken"] == {"name": "Tess Tester"}
    assert (first["usedOn"], first["userId"], first["user"], first["resellerId"]) == (
        "2026-10-01",
        None,
        None,
        None,
    )


async def test_points_are_those_that_were_charged(databases: Databases, clock: Clock) -> None:
    for budget in (0, 1_000_000):
        async with running_api(databases, clock, cost_budget=budget) as api:
            await api.save_customer(name="Acme")
            body = await api.answer(LIST)
            assert body["extensions"]["cost"]["actual"] == 2
            assert body["extensions"]["cost"]["requested"] == 3
            await api.answer(LIST)
            (found,) = (await usage(api, filter={"operationName": "List"}))["nodes"]
            size = (len(LIST) - 250) // 50 if len(LIST) > 250 else 0
            assert found["pointCount"] == str(2 * 2 + size)


async def test_the_hits_of_a_limit_are_counted(databases: Databases, clock: Clock) -> None:
    settings: dict[str, Any] = {"max_cost": 300, "cost_budget": 300, "cost_window_s": 1_000}
    async with running_api(databases, clock, **settings) as api:
        other = await api.token_for(Scope.ACCESS_READ, name="Other")
        costly = 'query Costly { __type(name: "Query") { name } }'  # 20 points and more
        answers = [await api.post(costly) for _ in range(20)]
        limited = [one for one in answers if one.status_code == 429]
        assert 0 < len(limited) < 20
        found = await usage(api, other, filter={"hasHitLimit": True}, first=10)
        assert sum(one["limitHitCount"] for one in found["nodes"]) == len(limited)
        assert sum(one["refusalCount"] for one in found["nodes"]) == len(limited)
        assert found["nodes"][0]["lastLimitedAt"] == clock().isoformat()
        (row,) = found["nodes"]
        assert (row["operationName"], row["callCount"]) == ("Costly", 20)
        assert 0 < int(row["pointCount"]) <= 330


async def test_operations_of_a_websocket_are_counted(databases: Databases, clock: Clock) -> None:
    async with (
        running_api(databases, clock) as api,
        serving(api.app) as host,
    ):
        customer = await api.save_customer()
        async with connected(host) as socket:
            await socket.sign_in(api.token)
            for _ in range(2):
                await socket.ask(LIST)
            await socket.subscribe(FOLLOW, id=customer["id"])
            await socket.ask("query Last { viewer { id } }")
        for name, count in (("List", 2), ("Last", 1), ("Follow", 1)):
            for _ in range(200):
                found = await usage(api, filter={"operationName": name})
                if found["totals"]["callCount"]:
                    break
            assert found["totals"]["callCount"] == count, name


@pytest.fixture
async def world(api: Api) -> TwoPartners:
    return await two_partners(api.platform.database, api.clock)


async def test_a_partner_sees_its_own_usage_only(api: Api, world: TwoPartners) -> None:
    _, second = await bound_token(world.reseller.id, api.clock(), Scope.CUSTOMERS_READ)
    await ApiUsage.all().delete()  # the rows of the world
    for token in (api.token, world.ours.token, second, world.theirs.token):
        await api.post(LIST, token=token)
    found = await usage(api, world.ours.token)
    ours = {one["resellerId"] for one in found["nodes"]}
    assert ours == {world.reseller.id}
    assert {name for name, *_ in brief(found)} == {"List"}
    assert (found["totalCount"], found["totals"]["callCount"]) == (2, 2)
    for one in (await usage(api))["nodes"]:
        if one["resellerId"] != world.reseller.id:
            for key, column in (("credentialId", "credentialId"), ("resellerId", "resellerId")):
                if one[column]:
                    wanted = {key: one[column]}
                    none = await usage(api, world.ours.token, filter=wanted)
                    assert (none["nodes"], none["totals"]["callCount"]) == ([], 0)


async def test_a_user_of_the_identity_provider_has_rows_without_a_token(api: Api) -> None:
    user = await add_user(api, "Uma", Scope.CUSTOMERS_READ)
    token = await sign_in(api, user, Scope.CUSTOMERS_READ)
    await api.post(LIST, token=token)
    await ApiUsage.all().delete()
    await stored_usage(api)
    await ApiUsage.filter(operation="List").update(credential_id=user)
    (found,) = (await usage(api, filter={"userId": user, "operationName": "List"}))["nodes"]
    assert (found["credentialId"], found["accessToken"], found["user"]) == (
        user,
        None,
        {"name": "Uma"},
    )


async def test_pages_follow_each_other_in_every_order(api: Api) -> None:
    for number in range(7):
        for _ in range(1 + number % 3):
            await api.post(f"query Op{number} {{ viewer {{ id }} }}")
        if number == 4:
            api.clock.advance(timedelta(days=1))
    await stored_usage(api)
    for sort in ("DAY_DESC", "DAY_ASC", "CALLS_DESC", "POINTS_DESC"):
        rows: list[Json] = []
        after = None
        while True:
            page = (await api.data(USAGE, **DAYS, first=2, after=after, sort=sort))["usage"]
            rows += page["nodes"]
            after = page["pageInfo"]["endCursor"]
            if not page["pageInfo"]["hasNextPage"]:
                break
        assert sorted(one["operationName"] for one in rows) == [f"Op{n}" for n in range(7)]
        key = {"DAY_DESC": "usedOn", "DAY_ASC": "usedOn", "CALLS_DESC": "callCount"}.get(sort)
        if key:
            values = [one[key] for one in rows]
            assert values == sorted(values, reverse=sort != "DAY_ASC")


@pytest.mark.parametrize(
    ("from_on", "until_on", "is_good"),
    [
        ("2026-10-01", "2026-10-02", True),
        ("2026-10-01", "2026-10-01", False),  # no day
        ("2026-10-02", "2026-10-01", False),
        ("2025-01-01", "2026-02-05", True),  # 400 days
        ("2025-01-01", "2026-02-06", False),
    ],
)
async def test_the_period_is_of_1_to_400_days(
    api: Api, from_on: str, until_on: str, is_good: bool
) -> None:
    answer = await api.answer(USAGE, fromOn=from_on, untilOn=until_on)
    codes = [one["extensions"]["code"] for one in answer.get("errors", ())]
    assert codes == ([] if is_good else ["BAD_USER_INPUT"])


async def test_totals_are_one_statement_when_asked_for(api: Api) -> None:
    query = """query($f: Date!, $u: Date!) { usage(fromOn: $f, untilOn: $u) { %s } }"""
    values = {"f": DAYS["fromOn"], "u": DAYS["untilOn"]}
    numbers = []
    for select in ("nodes { callCount }", "totals { callCount pointCount }"):
        await api.data(query % select, **values)
        with counted_statements() as seen:
            await api.data(query % select, **values)
        numbers.append(len([one for one in seen if "api_usage" in one]))
    assert numbers == [1, 1]
