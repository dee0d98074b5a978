"""Suggestions through the API: both values side by side, and several settled at once."""

from typing import Any

import pytest

from models import AuditEntry, Suggestion
from models.rules.profile import ValueSource
from models.tables.enrichment import SuggestionStatus
from tests.factories import entry
from tests.graphql_client import Api, Json, stored

REGISTER = ValueSource.SANDBOX
SUGGESTIONS = """suggestions {
  id field status value { display source } current { display source } customer { id } }"""
BOTH = "suggestions { id status } customers { id version profile { employees { value } } }"


async def suggest(api: Api, customer_id: str, field: str, value: Any, **more: Any) -> str:
    row = await Suggestion.create(
        customer_id=customer_id,
        field=field,
        entry={**entry(value, REGISTER), **more},
        status=SuggestionStatus.OPEN,
        created_at=api.clock(),
    )
    return row.id


async def customer_with(api: Api, **values: Any) -> str:
    saved = await api.save_customer(profile={"employees": 99}, **values)
    return str(saved["id"])


OFFERED: dict[str, Json] = {
    "registered_address": {
        "value": {"premises": "101", "address_line_1": "Sandbox Street", "postal_code": "ZZ1"}
    },
    "incorporated_on": {"value": "2012-03-04"},
    "employees": {"value": 1250, "exact_value": "1249.7"},
    "net_assets": {"value": "-1250.50", "currency": "EUR"},
}
"""The register's entry for each of the typed fields."""

TYPED: Json = {
    "registeredAddress": {"addressLine1": "7 High Street", "locality": "Leeds"},
    "incorporatedOn": "1999-12-31",
    "employees": 99,
    "netAssets": {"value": "1000.00"},
}


async def test_both_values_are_read_side_by_side_without_aliases(api: Api) -> None:
    """R86: whatever the types of the values."""
    customer = await api.save_customer(profile=TYPED)
    for field, offered in OFFERED.items():
        await suggest(api, customer["id"], field, **offered)
    found = (await api.customer(customer["id"], SUGGESTIONS))["suggestions"]
    assert [one.pop("id")[:4] for one in found] == ["sug_"] * 4
    assert found == [
        {
            "field": field,
            "status": "OPEN",
            "value": {"display": suggested, "source": "SANDBOX"},
            "current": {"display": typed, "source": "USER"},
            "customer": {"id": customer["id"]},
        }
        for field, typed, suggested in [
            ("EMPLOYEES", "99", "1,250"),
            ("INCORPORATED_ON", "31 December 1999", "4 March 2012"),
            ("NET_ASSETS", "GBP 1,000.00", "EUR -1,250.50"),
            ("REGISTERED_ADDRESS", "7 High Street, Leeds", "101, Sandbox Street, ZZ1"),
        ]
    ]


async def test_the_current_value_follows_the_profile(api: Api) -> None:
    customer_id = await customer_with(api)
    suggestion_id = await suggest(api, customer_id, "employees", 12)
    node = """query($id: ID!) { node(id: $id) { ... on Suggestion {
      status value { display } current { display source } } } }"""
    await api.save_customer(id=customer_id, profile={"employees": None})
    assert (await api.data(node, id=suggestion_id))["node"] == {
        "status": "OPEN",
        "value": {"display": "12"},
        "current": None,
    }
    await api.done("acceptSuggestion", "", id=suggestion_id)
    assert (await api.data(node, id=suggestion_id))["node"] == {
        "status": "ACCEPTED",
        "value": {"display": "12"},
        "current": {"display": "12", "source": "SANDBOX"},
    }


async def test_several_are_accepted_at_once_and_each_customer_changes_once(api: Api) -> None:
    """R86, R96, R101."""
    one, other = await customer_with(api), await customer_with(api)
    ids = [
        await suggest(api, other, "employees", 7),
        await suggest(api, one, "employees", 12),
        await suggest(api, one, "incorporated_on", "2012-03-14"),
    ]
    given: Json = {
        "ids": [*ids, ids[0]],
        "expectedVersions": [{"customerId": one, "expectedVersion": 1}],
    }
    before = await stored()
    tried = await api.done("acceptSuggestions", BOTH, **given, dryRun=True)
    assert await stored() == before
    assert [suggestion["status"] for suggestion in tried["suggestions"]] == ["ACCEPTED"] * 3
    accepted = await api.done("acceptSuggestions", BOTH, **given)
    assert accepted["suggestions"] == [{"id": id_, "status": "ACCEPTED"} for id_ in ids]
    assert accepted["customers"] == [
        {"id": one, "version": 2, "profile": {"employees": {"value": 12}}},
        {"id": other, "version": 2, "profile": {"employees": {"value": 7}}},
    ]
    entries = await AuditEntry.filter(operation="suggestion.accepted").order_by("id")
    assert [audited.before for audited in entries if audited.subject_id == one] == [
        {"employees": entry(99)},
        {"incorporated_on": None},
    ]
    assert [audited.subject_id for audited in entries] == [other, one, one]
    again = await api.done("acceptSuggestions", BOTH, ids=ids)
    assert [customer["version"] for customer in again["customers"]] == [2, 2]


async def test_several_are_rejected_at_once_and_the_customers_stay_as_they_are(api: Api) -> None:
    """R86."""
    customer_id = await customer_with(api)
    ids = [
        await suggest(api, customer_id, "employees", 12),
        await suggest(api, customer_id, "incorporated_on", "2012-03-14"),
    ]
    rejected = await api.done("rejectSuggestions", BOTH, ids=ids)
    assert rejected["suggestions"] == [{"id": id_, "status": "REJECTED"} for id_ in ids]
    assert rejected["customers"] == [
        {"id": customer_id, "version": 1, "profile": {"employees": {"value": 99}}}
    ]
    assert await AuditEntry.filter(operation="suggestion.rejected").count() == 2


async def test_one_that_cannot_be_settled_stops_all_and_every_fault_is_told(api: Api) -> None:
    """R86, R101."""
    customer_id = await customer_with(api)
    kept = await suggest(api, customer_id, "employees", 12)
    gone = await suggest(api, customer_id, "incorporated_on", "2012-03-14")
    await api.done("rejectSuggestion", "", id=gone)
    before = await stored()
    payload = await api.do(
        "acceptSuggestions",
        BOTH,
        ids=[kept, "sug_none", gone],
        expectedVersions=[
            {"customerId": customer_id, "expectedVersion": 3},
            {"customerId": "cus_none", "expectedVersion": 1},
        ],
    )
    assert await stored() == before
    assert [(error["code"], error["path"]) for error in payload["userErrors"]] == [
        ("NOT_FOUND", ["ids", "1"]),
        ("SUGGESTION_SETTLED", ["ids", "2"]),
        ("VERSION_CONFLICT", ["expectedVersions", "0", "expectedVersion"]),
    ]
    assert payload["suggestions"] == []
    assert payload["customers"] == [
        {"id": customer_id, "version": 1, "profile": {"employees": {"value": 99}}}
    ]


async def test_a_version_is_expected_of_a_customer_of_the_suggestions_only(api: Api) -> None:
    suggestion_id = await suggest(api, await customer_with(api), "employees", 12)
    other = {"customerId": await customer_with(api), "expectedVersion": 1}
    (refusal,) = await api.refused(
        "acceptSuggestions", "NOT_FOUND", ids=[suggestion_id], expectedVersions=[other]
    )
    assert refusal["path"] == ["expectedVersions", "0", "customerId"]
    assert refusal["message"] == "No suggestion in `ids` belongs to this customer."


@pytest.mark.parametrize("mutation", ["acceptSuggestions", "rejectSuggestions"])
async def test_a_hundred_are_settled_at_once_and_no_more(api: Api, mutation: str) -> None:
    (refusal,) = await api.refused(mutation, "TOO_MANY_ITEMS", ids=["sug_x"] * 101)
    assert refusal["path"] == ["ids"]
    assert await api.done(mutation, "suggestions { id }", ids=[]) == {
        "suggestions": [],
        "userErrors": [],
    }
