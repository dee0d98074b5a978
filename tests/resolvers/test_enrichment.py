"""Enrichment through the API, with the application's worker and a sandbox over real sockets."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from enrichment.sandbox import SandboxConfig
from models import EnrichmentRun, Job, Suggestion
from models.jobs.kinds import ENRICH
from models.rules.enrichment_status import EnrichmentStatus
from models.rules.profile import ACCOUNTS_FIELDS
from models.tables.access import Scope
from tests.clock import START, Clock
from tests.databases import Databases
from tests.enrichment.accounts.documents import FIGURES
from tests.graphql_client import API_KEY, Api, Json, LiveApi, document_of, running_live_api, stored

NOW = START.isoformat()
ALPHA: Json = {
    "name": "Sandbox Alpha Trading Ltd",
    "classCode": "COMPANY_UK_LIMITED",
    "companyNumber": "101",
}
MONEY = "source retrievedAt value currency periodEndOn scope isDerived isGroupAccounts warnings"
PROFILE = f"""
  profile {{
    companyName companyStatus companyType jurisdiction sicCodes accountsPeriodEndOn accountsFiledOn
    registeredAddress {{ source retrievedAt value {{ lines }} isDefault isDisputed }}
    incorporatedOn {{ source value }}
    employees {{ source value periodEndOn }}
    fixedAssets {{ {MONEY} }} currentAssets {{ value }} totalAssets {{ value isDerived }}
    totalAssetsLessCurrentLiabilities {{ value }} netAssets {{ value }}
  }}
"""
FIELDS = "fields { field outcome source }"
FILED = tuple(name.upper() for name in ACCOUNTS_FIELDS)


async def test_a_save_answers_at_once_and_the_profile_is_filled_after(live: LiveApi) -> None:
    """R81, R83, R84, R85, R92, A22."""
    saved = await live.save_customer(
        f"id version enrichment {{ status requestedAt finishedAt }} {PROFILE}", **ALPHA
    )
    assert saved["enrichment"] == {"status": "PENDING", "requestedAt": NOW, "finishedAt": None}
    assert saved["profile"]["employees"] is None
    enrichment = await live.settled(
        saved["id"],
        f"status reason attempts finishedAt nextAttemptAt {FIELDS} history {{ trigger }}",
    )
    assert enrichment == {
        "status": "SUCCEEDED",
        "reason": None,
        "attempts": 1,
        "finishedAt": NOW,
        "nextAttemptAt": None,
        "fields": [
            {"field": name, "outcome": "FOUND", "source": "SANDBOX"}
            for name in ("REGISTERED_ADDRESS", "INCORPORATED_ON", *FILED)
        ],
        "history": [{"trigger": "SAVE"}],
    }
    found = await live.customer(
        saved["id"],
        f"version lastModifiedAt suggestions {{ id }} advisories {{ code }} {PROFILE}"
        " auditTrail { nodes { operation actorName actorId } }",
    )
    assert (found["version"], found["lastModifiedAt"]) == (1, NOW)
    assert (found["suggestions"], found["advisories"]) == ([], [])
    assert found["auditTrail"]["nodes"][0] == {
        "operation": "CUSTOMER_ENRICHED",
        "actorName": "system",
        "actorId": "system",
    }
    assert found["profile"] == {
        "companyName": "SANDBOX ALPHA TRADING LIMITED",
        "companyStatus": "active",
        "companyType": "ltd",
        "jurisdiction": "england-wales",
        "sicCodes": ["61900"],
        "accountsPeriodEndOn": "2025-12-31",
        "accountsFiledOn": "2026-07-19",
        "registeredAddress": {
            "source": "SANDBOX",
            "retrievedAt": NOW,
            "value": {"lines": ["101 Sandbox Street", "Testford", "ZZ1 1ZZ", "England"]},
            "isDefault": False,
            "isDisputed": False,
        },
        "incorporatedOn": {"source": "SANDBOX", "value": "2012-03-14"},
        "employees": {"source": "SANDBOX", "value": 12, "periodEndOn": "2025-12-31"},
        "fixedAssets": {
            "source": "SANDBOX",
            "retrievedAt": NOW,
            "value": "120000",
            "currency": "GBP",
            "periodEndOn": "2025-12-31",
            "scope": "COMPANY",
            "isDerived": False,
            "isGroupAccounts": False,
            "warnings": [],
        },
        "currentAssets": {"value": "80000"},
        "totalAssets": {"value": "200000", "isDerived": True},
        "totalAssetsLessCurrentLiabilities": {"value": "155000"},
        "netAssets": {"value": "140000"},
    }
    assert len(live.sandbox.requests) == 5


ENDS = [
    ("COMPANY_UK_PLC", "102", "SUCCEEDED", None, ["NAME_MISMATCH", "DUPLICATE_COMPANY_NUMBER"]),
    ("RESELLER_UK_COMPANY", "106", "SUCCEEDED", None, ["NAME_MISMATCH"]),
    (
        "COMPANY_UK_LIMITED",
        "102",
        "SUCCEEDED",
        None,
        ["CLASS_MISMATCH", "NAME_MISMATCH", "DUPLICATE_COMPANY_NUMBER"],
    ),
    ("COMPANY_UK_LIMITED", "104", "SUCCEEDED", None, ["NAME_MISMATCH"]),
    ("COMPANY_UK_LIMITED", "201", "PARTIAL", "ACCOUNTS_PDF_ONLY", ["NAME_MISMATCH"]),
    ("COMPANY_UK_LIMITED", "202", "PARTIAL", "NO_ACCOUNTS_YET", ["NAME_MISMATCH"]),
    ("COMPANY_UK_LIMITED", "203", "PARTIAL", "NO_ACCOUNTS_YET", ["NAME_MISMATCH"]),
    ("COMPANY_UK_LIMITED", "204", "PARTIAL", "ACCOUNTS_UNAVAILABLE", ["NAME_MISMATCH"]),
    ("COMPANY_UK_LIMITED", "205", "PARTIAL", "EMPLOYEES_NOT_DISCLOSED", ["NAME_MISMATCH"]),
    ("COMPANY_UK_LIMITED", "301", "SUCCEEDED", None, ["NAME_MISMATCH", "COMPANY_DISSOLVED"]),
    (
        "COMPANY_UK_LIMITED",
        "OC310",
        "PARTIAL",
        "NOT_LIMITED_OR_PLC",
        ["CLASS_MISMATCH", "NAME_MISMATCH"],
    ),
    ("COMPANY_UK_LIMITED", "401", "NOT_FOUND", "UNKNOWN_COMPANY_NUMBER", []),
    ("COMPANY_UK_LIMITED", "411", "SUCCEEDED", None, ["NAME_MISMATCH"]),
    ("COMPANY_UK_LIMITED", "501", "PARTIAL", "ACCOUNTS_UNREADABLE", ["NAME_MISMATCH"]),
    ("COMPANY_UK_LIMITED", "502", "PARTIAL", "IDENTITY_MISMATCH", ["NAME_MISMATCH"]),
    ("COMPANY_UK_LIMITED", "504", "SUCCEEDED", None, ["NAME_MISMATCH"]),
    ("COMPANY_UK_LIMITED", "505", "PARTIAL", "ACCOUNTS_UNAVAILABLE", ["NAME_MISMATCH"]),
]
"""Class, company number, and the expected end of the lookup: status, reason, advisories."""


async def test_a_lookup_ends_as_the_register_has_it(live: LiveApi) -> None:
    """R81, R82, R83, R85, R87, A21, A24: for each kind of company."""
    customers = []
    for code, number, *_ in ENDS:
        live.clock.advance(timedelta(seconds=10))  # the budget follows the clock
        customer = await live.save_customer(name="Other", classCode=code, companyNumber=number)
        await live.settled(customer["id"])
        customers.append(customer)
    ended = []
    for (code, number, *_), customer in zip(ENDS, customers, strict=True):
        found = await live.customer(
            customer["id"], "enrichment { status reason } advisories { code }"
        )
        codes = [advisory["code"] for advisory in found["advisories"]]
        ended.append((code, number, *found["enrichment"].values(), codes))
    assert ended == ENDS


async def test_accounts_on_paper_leave_the_figures_empty_but_say_so(live: LiveApi) -> None:
    """R85, A24: an older year is not shown as the current one."""
    customer = await live.save_customer(**ALPHA | {"companyNumber": "201"})
    enrichment = await live.settled(customer["id"], FIELDS)
    outcomes = {one["field"]: one["outcome"] for one in enrichment["fields"]}
    assert outcomes == {"REGISTERED_ADDRESS": "FOUND", "INCORPORATED_ON": "FOUND"} | dict.fromkeys(
        FILED, "UNREADABLE"
    )
    profile = (await live.customer(customer["id"], PROFILE))["profile"]
    assert [profile[name] for name in FIGURES] == [None] * 6
    assert profile["accountsPeriodEndOn"] == "2025-12-31"


async def test_without_a_number_a_lookup_needs_one_and_a_search_offers_some(
    live: LiveApi,
) -> None:
    """R88, A11: nothing is filled from a name."""
    customer = await live.save_customer(
        "id enrichment { status reason } profile { companyName }",
        name="Sandbox Alpha",
        classCode="COMPANY_UK_LIMITED",
    )
    assert customer["enrichment"] == {"status": "NEEDS_COMPANY_NUMBER", "reason": None}
    (refusal,) = await live.refused(
        "requestEnrichment", "NEEDS_COMPANY_NUMBER", target={"customerId": customer["id"]}
    )
    assert "companySearch" in refusal["hint"]
    search = """
      query($q: String!) {
        companySearch(query: $q) {
          companyNumber name companyStatus companyType incorporatedOn address
        }
      }
    """
    found = await live.data(search, q=" alpha trading ")
    assert found["companySearch"] == [
        {
            "companyNumber": "00000101",
            "name": "SANDBOX ALPHA TRADING LIMITED",
            "companyStatus": "active",
            "companyType": "ltd",
            "incorporatedOn": "2012-03-14",
            "address": "101 Sandbox Street, Testford, England, ZZ1 1ZZ",
        }
    ]
    assert (await live.data(search, q="nobody of that name"))["companySearch"] == []
    for query in ("", "  ", " x ", "x" * 161):
        error = await live.error(search, q=query)
        assert error["extensions"] == {"code": "BAD_USER_INPUT"}
    profile = await live.customer(customer["id"], "profile { companyName }")
    assert profile == {"profile": {"companyName": None}}


async def test_a_class_that_is_not_checked_never_looks_anybody_up(live: LiveApi) -> None:
    """R81."""
    customer = await live.save_customer("id enrichment { status }", companyNumber="101")
    assert customer["enrichment"] == {"status": "NOT_APPLICABLE"}
    await live.save_customer(id=customer["id"], name="Saved again")
    await live.refused(
        "requestEnrichment", "ENRICHMENT_NOT_APPLICABLE", target={"customerId": customer["id"]}
    )
    assert await Job.filter(kind=ENRICH).count() == 0
    assert live.sandbox.requests == []


async def test_values_of_a_user_are_kept_and_the_registers_are_suggested(live: LiveApi) -> None:
    """R86, A12."""
    customer = await live.save_customer(
        **ALPHA,
        profile={
            "employees": 99,
            "incorporatedOn": "2012-03-14",
            "netAssets": {"value": "1.00", "periodEndOn": "2025-12-31"},
        },
    )
    enrichment = await live.settled(customer["id"], FIELDS)
    outcomes = {one["field"]: one["outcome"] for one in enrichment["fields"]}
    kept = {name for name, outcome in outcomes.items() if outcome == "KEPT_USER_VALUE"}
    assert kept == {"EMPLOYEES", "INCORPORATED_ON", "NET_ASSETS"}
    select = """
      version profile { employees { value source } netAssets { value source } }
      suggestions {
        id field value { source ... on CountValue { count: value } ... on MoneyValue { value } }
      }
    """
    found = await live.customer(customer["id"], select)
    mine = {
        "employees": {"value": 99, "source": "USER"},
        "netAssets": {"value": "1.00", "source": "USER"},
    }
    assert (found["version"], found["profile"]) == (1, mine)
    employees, net_assets = found["suggestions"]
    assert (employees["field"], employees["value"]) == (
        "EMPLOYEES",
        {"source": "SANDBOX", "count": 12},
    )
    assert (net_assets["field"], net_assets["value"]) == (
        "NET_ASSETS",
        {"source": "SANDBOX", "value": "140000"},
    )
    before = await stored()
    tried = await live.done(
        "acceptSuggestion", f"customer {{ {select} }}", id=employees["id"], dryRun=True
    )
    assert tried["customer"]["profile"]["employees"] == {"value": 12, "source": "SANDBOX"}
    assert await stored() == before
    accepted = await live.done("acceptSuggestion", f"customer {{ {select} }}", id=employees["id"])
    assert accepted["customer"] == {
        "version": 2,
        "profile": mine | {"employees": {"value": 12, "source": "SANDBOX"}},
        "suggestions": [net_assets],
    }
    rejected = await live.done("rejectSuggestion", f"customer {{ {select} }}", id=net_assets["id"])
    assert (rejected["customer"]["suggestions"], rejected["customer"]["profile"]["netAssets"]) == (
        [],
        mine["netAssets"],
    )
    await live.refused("rejectSuggestion", "SUGGESTION_SETTLED", id=employees["id"])
    await live.refused("acceptSuggestion", "SUGGESTION_SETTLED", id=net_assets["id"])
    await live.refused("acceptSuggestion", "NOT_FOUND", id="sug_x")
    await live.done("acceptSuggestion", "", id=employees["id"])
    # The same suggestion is not made again.
    await live.save_customer(id=customer["id"], name="Saved again")
    await live.settled(customer["id"])
    assert (await live.customer(customer["id"], "suggestions { id }"))["suggestions"] == []
    assert await Suggestion.all().count() == 2


async def test_a_suggestion_is_settled_for_the_version_that_was_read(live: LiveApi) -> None:
    """R101."""
    customer = await live.save_customer(**ALPHA, profile={"employees": 99})
    await live.settled(customer["id"])
    (open_one,) = (await live.customer(customer["id"], "suggestions { id }"))["suggestions"]
    for mutation in ("acceptSuggestion", "rejectSuggestion"):
        before = await stored()
        payload = await live.do(
            mutation, "customer { version }", id=open_one["id"], expectedVersion=7
        )
        assert payload["customer"] == {"version": 1}
        assert [error["code"] for error in payload["userErrors"]] == ["VERSION_CONFLICT"]
        assert await stored() == before


async def test_another_number_is_another_company(live: LiveApi) -> None:
    """R89, R86: the register's values of the old company are removed, typed values are kept."""
    customer = await live.save_customer(**ALPHA, profile={"employees": 99})
    await live.settled(customer["id"])
    saved = await live.save_customer(
        "suggestions { id } profile { companyName employees { value } netAssets { value } }",
        id=customer["id"],
        companyNumber="401",
    )
    assert saved == {
        "suggestions": [],
        "profile": {"companyName": None, "employees": {"value": 99}, "netAssets": None},
    }
    assert (await live.settled(customer["id"]))["status"] == "NOT_FOUND"


async def test_saves_while_a_lookup_waits_are_one_lookup(api: Api) -> None:
    """R89: and a changed number supersedes it."""
    customer = await api.save_customer(**ALPHA)
    for name in ("B", "C"):
        await api.save_customer(id=customer["id"], name=name)
    assert await Job.filter(kind=ENRICH).count() == 1
    payload = await api.done(
        "requestEnrichment", "queuedLookupCount", target={"customerId": customer["id"]}
    )
    assert payload["queuedLookupCount"] == 0
    saved = await api.save_customer(
        "enrichment { status history { status reason companyNumber } }",
        id=customer["id"],
        companyNumber="102",
    )
    assert saved["enrichment"] == {
        "status": "PENDING",
        "history": [
            {"status": "PENDING", "reason": None, "companyNumber": "00000102"},
            {
                "status": "CANCELLED",
                "reason": "COMPANY_NUMBER_CHANGED",
                "companyNumber": "00000101",
            },
        ],
    }


@pytest.mark.parametrize(
    ("status", "is_due", "is_told"),
    [
        ("PENDING", False, True),
        ("PENDING", True, False),
        ("RETRYING", False, True),
        ("RETRYING", True, False),
        ("RUNNING", False, False),
        ("SUCCEEDED", False, False),
        ("CANCELLED", False, False),
    ],
)
async def test_the_next_attempt_is_never_in_the_past(
    api: Api, status: str, is_due: bool, is_told: bool
) -> None:
    """R87: a lookup that only waits for its turn has no next attempt."""
    customer = await api.save_customer(**ALPHA)
    due_at = api.clock() + timedelta(seconds=0 if is_due else 1)
    await EnrichmentRun.all().update(status=EnrichmentStatus(status), next_attempt_at=due_at)
    found = await api.customer(
        customer["id"], "enrichment { nextAttemptAt history { nextAttemptAt } }"
    )
    told = {"nextAttemptAt": due_at.isoformat() if is_told else None}
    assert found["enrichment"] == {**told, "history": [told]}


async def test_a_move_to_an_unchecked_class_cancels_the_lookup(api: Api) -> None:
    """R91."""
    customer = await api.save_customer(**ALPHA)
    charity = await api.class_of("CHARITY")
    payload = await api.done(
        "changeCustomerClass",
        "customer { enrichment { status reason finishedAt } }",
        customerId=customer["id"],
        classId=charity["id"],
        reason="Became one",
    )
    assert payload["customer"]["enrichment"] == {
        "status": "CANCELLED",
        "reason": "CLASS_CHANGED",
        "finishedAt": NOW,
    }
    assert await api.work() == 0


async def test_what_was_filled_stays_after_a_move_and_a_move_back_looks_up(live: LiveApi) -> None:
    """R91, R81."""
    customer = await live.save_customer(**ALPHA)
    await live.settled(customer["id"])
    charity, limited = [await live.class_of(c) for c in ("CHARITY", "COMPANY_UK_LIMITED")]
    select = "customer { enrichment { status } profile { employees { value source } } }"
    values = {"customerId": customer["id"], "reason": "Moved"}
    payload = await live.done("changeCustomerClass", select, classId=charity["id"], **values)
    assert payload["customer"] == {
        "enrichment": {"status": "NOT_APPLICABLE"},
        "profile": {"employees": {"value": 12, "source": "SANDBOX"}},
    }
    payload = await live.done("changeCustomerClass", select, classId=limited["id"], **values)
    assert payload["customer"]["enrichment"] == {"status": "PENDING"}
    ended = await live.settled(customer["id"], "status history { trigger }")
    assert ended == {
        "status": "SUCCEEDED",
        "history": [{"trigger": "CLASS_CHANGE"}, {"trigger": "SAVE"}],
    }


async def test_lookups_are_asked_for_by_customer_or_for_a_whole_class(live: LiveApi) -> None:
    """R23."""
    token = await live.token_for(Scope.ENRICHMENT_RUN)
    own = await live.save_class(name="Checked")
    customers = [
        await live.save_customer(name=n, classId=own["id"], companyNumber=number)
        for n, number in (("A", "101"), ("B", "102"), ("C", None))
    ]
    await live.save_class(id=own["id"], checkCompaniesHouse=True)
    one = customers[0]["id"]
    wrong: list[tuple[Json, str]] = [
        ({}, "REQUIRED"),
        ({"customerId": one, "classId": own["id"]}, "CONTRADICTORY_VALUES"),
        ({"customerId": None}, "REQUIRED"),
    ]
    for target, code in wrong:
        document = document_of("requestEnrichment", "queuedLookupCount")
        error = await live.error(document, input={"target": target})
        (fault,) = error["extensions"]["faults"]
        assert (fault["path"], fault["code"]) == (["target"], code)
    document = """mutation($id: ID) { requestEnrichment(input: { target: { customerId: $id } }) {
      queuedLookupCount } }"""
    error = await live.error(document, id=one)
    assert "must be non-nullable" in error["message"]
    await live.refused("requestEnrichment", "NOT_FOUND", target={"customerId": "cus_x"})
    await live.refused("requestEnrichment", "NOT_FOUND", target={"classId": "cls_x"})
    before = await stored()
    values: dict[str, Any] = {"target": {"classId": own["id"]}}
    tried = await live.done("requestEnrichment", "queuedLookupCount", **values, dryRun=True)
    assert await stored() == before
    payload = await live.done("requestEnrichment", "queuedLookupCount", token=token, **values)
    assert (tried["queuedLookupCount"], payload["queuedLookupCount"]) == (2, 2)
    ended = [await live.settled(customer["id"], "status") for customer in customers]
    assert [one["status"] for one in ended] == ["SUCCEEDED", "SUCCEEDED", "NEEDS_COMPANY_NUMBER"]
    again = await live.done(
        "requestEnrichment",
        "queuedLookupCount customer { enrichment { status } }",
        target={"customerId": customers[0]["id"]},
    )
    assert (again["queuedLookupCount"], again["customer"]) == (
        1,
        {"enrichment": {"status": "PENDING"}},
    )


async def test_a_register_that_is_down_fails_no_save_and_is_tried_again(live: LiveApi) -> None:
    """R83, R90."""
    customer = await live.save_customer(
        "id enrichment { status }", **ALPHA | {"companyNumber": "414"}
    )
    assert customer["enrichment"] == {"status": "PENDING"}
    select = "enrichment { status reason attempts nextAttemptAt finishedAt }"
    found = await _until(live, customer["id"], "RETRYING", select)
    assert (found["reason"], found["attempts"], found["finishedAt"]) == (
        "REGISTER_UNAVAILABLE",
        1,
        None,
    )
    assert found["nextAttemptAt"] > NOW
    saved = await live.save_customer("version", id=customer["id"], name="Still editable")
    assert saved == {"version": 2}
    # Requesting the lookup makes it start now.
    await live.done("requestEnrichment", "", target={"customerId": customer["id"]})
    async with asyncio.timeout(60):
        while (await live.customer(customer["id"], select))["enrichment"]["attempts"] < 2:  # noqa: ASYNC110  # as a client would
            await asyncio.sleep(0.01)


async def test_a_refused_key_stops_all_lookups_and_shows_in_readiness(
    databases: Databases, clock: Clock
) -> None:
    """R90: 401 is not retried, so that a bad key causes no further requests."""
    async with running_live_api(
        databases, clock, companies_house_api_key=SecretStr("invalid-key")
    ) as live:
        await _until_ready(live)
        first = await live.save_customer(**ALPHA)
        ended = await live.settled(first["id"], "status reason attempts")
        assert ended == {"status": "FAILED", "reason": "BLOCKED", "attempts": 1}
        response = await live.http.get("/readyz?all=1")
        assert response.status_code == 200
        assert response.json()["information"] == {
            "worker": "ok",
            "companies_house": "blocked: UNAUTHORISED",
            "mail": "ok",
            "jobs": "ok",
        }
        assert (await live.http.get("/healthz")).status_code == 200
        second = await live.save_customer(**ALPHA)
        found = await _until(
            live, second["id"], "PENDING", "enrichment { status reason }", "BLOCKED"
        )
        assert found == {"status": "PENDING", "reason": "BLOCKED"}
        error = await live.error('{ companySearch(query: "alpha") { name } }')
        assert error["extensions"]["code"] == "COMPANIES_HOUSE_UNAVAILABLE"
        assert error["extensions"]["retryAfterSeconds"] > 0
        assert [request.status for request in live.sandbox.requests] == [401]


async def test_a_search_says_when_the_register_can_not_be_asked(api: Api) -> None:
    error = await api.error('{ companySearch(query: "alpha") { name } }')
    assert error["extensions"]["code"] == "COMPANIES_HOUSE_UNAVAILABLE"


async def test_the_key_goes_to_the_apis_and_to_nobody_else(
    databases: Databases, clock: Clock
) -> None:
    async with running_live_api(databases, clock, SandboxConfig(latency_ms=1)) as live:
        customer = await live.save_customer(**ALPHA)
        await live.settled(customer["id"])
        keys = {(request.origin, request.key) for request in live.sandbox.requests}
        assert keys == {("api", API_KEY), ("document", API_KEY), ("storage", None)}


async def _until(
    live: LiveApi, customer_id: str, status: str, select: str, reason: str | None = None
) -> Any:
    async with asyncio.timeout(60):
        while True:
            found = (await live.customer(customer_id, select))["enrichment"]
            if found["status"] == status and reason in {None, found["reason"]}:
                return found
            await asyncio.sleep(0.01)


async def _until_ready(live: LiveApi) -> httpx.Response:
    async with asyncio.timeout(60):
        while True:
            response = await live.http.get("/readyz")
            if response.status_code == 200:
                return response
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("number", ["415", "416"])
async def test_an_answer_that_breaks_off_is_asked_for_again(live: LiveApi, number: str) -> None:
    """R90."""
    customer = await live.save_customer(**ALPHA | {"companyNumber": number})
    async with asyncio.timeout(60):
        while True:
            found = await live.customer(customer["id"], "enrichment { status }")
            if found["enrichment"]["status"] == "SUCCEEDED":
                break
            if found["enrichment"]["status"] == "RETRYING":  # a running job would run again
                live.clock.advance(timedelta(seconds=10))
                await live.done("requestEnrichment", "", target={"customerId": customer["id"]})
            await asyncio.sleep(0.02)
