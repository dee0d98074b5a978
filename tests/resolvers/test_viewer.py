"""The viewer tells a caller its reseller, the limits, and what is left of them."""

from datetime import timedelta
from typing import Any

from models.tables.access import Scope
from models.tables.mail_quota import QuotaUse
from tests.clock import Clock
from tests.databases import Databases
from tests.graphql_client import Api, running_api
from tests.partner_world import bound_token, two_partners

REQUEST = """{ viewer { limits { request { maxCost maxRequestBytes maxDocumentTokens maxDepth
  maxFields maxRootFields maxAliases maxListEntries maxPageSize } } } }"""
ALLOWANCES = """{ viewer { limits { points { ...A } companySearches { ...A } mails { ...A } } } }
  fragment A on Allowance { limit remaining windowSeconds resetAt }"""
MAILS = "{ viewer { limits { mails { remaining limit resetAt } } } }"


async def test_the_limits_of_a_request_are_those_of_the_settings(
    databases: Databases, clock: Clock
) -> None:
    wanted: dict[str, Any] = {
        "max_cost": 500,
        "max_depth": 7,
        "max_fields": 10**12,
        "max_aliases": 3,
    }
    async with running_api(databases, clock, **wanted) as api:
        found = (await api.data(REQUEST))["viewer"]["limits"]["request"]
    assert found == {
        "maxCost": 500,
        "maxRequestBytes": 1_000_000,
        "maxDocumentTokens": 5_000,
        "maxDepth": 7,
        "maxFields": 2**31 - 1,
        "maxRootFields": 50,
        "maxAliases": 3,
        "maxListEntries": 1_000,
        "maxPageSize": 500,
    }


async def test_what_is_left_of_each_allowance_is_told(databases: Databases, clock: Clock) -> None:
    settings: dict[str, Any] = {
        "cost_budget": 200_000,
        "cost_window_s": 100,
        "company_searches": 12,
    }
    async with running_api(databases, clock, **settings) as api:
        answer = await api.answer(ALLOWANCES)
        limits = answer["data"]["viewer"]["limits"]
        cost = answer["extensions"]["cost"]
        await api.error(
            '{ companySearch(query: "acme") { companyNumber } }'
        )  # nothing listens there
        searches = (await api.data(ALLOWANCES))["viewer"]["limits"]["companySearches"]
    # The answer's own extensions are made after unused points came back.
    held = limits["points"].pop("remaining")
    assert cost["remaining"] - cost["requested"] <= held <= cost["remaining"]
    assert limits["points"] == {"limit": 200_000, "windowSeconds": 100, "resetAt": cost["resetAt"]}
    assert limits["companySearches"] == {
        "limit": 12,
        "remaining": 4,
        "windowSeconds": 60,
        "resetAt": None,
    }
    assert limits["mails"] == {
        "limit": 2_000,
        "remaining": 2_000,
        "windowSeconds": 3_600,
        "resetAt": None,
    }
    assert searches["remaining"] == 3
    assert searches["resetAt"] == (clock() + timedelta(seconds=5)).isoformat()


async def test_points_without_a_limit_are_null(databases: Databases, clock: Clock) -> None:
    async with running_api(databases, clock, cost_budget=0) as api:
        assert (await api.data("{ viewer { limits { points { limit } } } }"))["viewer"] == {
            "limits": {"points": None}
        }


async def test_a_partner_sees_its_own_mails_and_reseller(api: Api) -> None:
    world = await two_partners(api.platform.database, api.clock)
    await QuotaUse.all().delete()
    for number in range(3):
        at = api.clock() - timedelta(minutes=number)
        await QuotaUse.create(key=f"partner {world.reseller.id}", subject=f"a {number}", at=at)
        await QuotaUse.create(key="partner other", subject=f"b {number}", at=at)
        await QuotaUse.create(key="platform", subject=f"a {number}", at=at)
    if not api.platform.database.is_postgres:  # whose own clock decides there
        found = await api.data(MAILS, token=world.ours.token)
        full_at = (api.clock() + timedelta(hours=1)).isoformat()
        assert found["viewer"]["limits"]["mails"] == {
            "limit": 100,
            "remaining": 97,
            "resetAt": full_at,
        }
    query = "{ viewer { reseller { id name } } }"
    found = await api.data(query, token=world.ours.token)
    assert found["viewer"]["reseller"] == {
        "id": world.reseller.id,
        "name": world.reseller.name,
    }
    assert (await api.data(query))["viewer"]["reseller"] is None
    _, without = await bound_token(world.reseller.id, api.clock(), Scope.CONTACTS_READ)
    error = await api.error(query, token=without)
    assert error["extensions"]["code"] == "FORBIDDEN"
