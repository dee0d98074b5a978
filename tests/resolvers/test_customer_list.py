"""Lists of customers: filters, orders, pages in both directions, totals."""

import base64
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.clock import Clock
from tests.databases import Databases
from tests.graphql_client import Api, Json, running_api

pytestmark = pytest.mark.asyncio(loop_scope="module")

LIST = """
  query($first: Int, $after: String, $last: Int, $before: String, $filter: CustomerFilter,
        $sort: CustomerSort) {
    customers(first: $first, after: $after, last: $last, before: $before, filter: $filter,
              sort: $sort) {
      totalCount
      edges { cursor node { id } }
      nodes { id name accountNumber createdAt }
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    }
  }
"""
SORTS = {
    "NAME_ASC": lambda row: (row["name"].casefold(), row["id"]),
    "CREATED_AT_ASC": lambda row: (row["createdAt"], row["id"]),
    "ACCOUNT_NUMBER_ASC": lambda row: (row["accountNumber"], row["id"]),
}
NAMES = ("acme", "Acme", "ACME", "Émile", "zeta", "beta & co", "100%_sure", "o'neil", "Straße")
CODES = ("CHARITY", "RESELLER_OTHER", "SOLE_TRADER", "COMPANY_UK_LIMITED")
MANY = 45


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(databases: Databases) -> AsyncIterator[Api]:
    """Fill a database with customers that share few names and creation times."""
    async with running_api(databases, Clock()) as started:
        for number in range(MANY):
            if number % 7 == 0:
                started.clock.advance(timedelta(microseconds=1))
            await started.save_customer(
                name=NAMES[number % len(NAMES)],
                classCode=CODES[number % len(CODES)],
                accountNumber=f"{'aB'[number % 2]}-{number:02}",
                externalReference=f"crm-{number}",
                companyNumber=f"{101 + number % 2}" if number % 3 == 0 else None,
            )
        reseller = await started.data('{ customer(accountNumber: "B-01") { id } }')
        for number in (0, 4):
            one = await started.data(f'{{ customer(accountNumber: "a-{number:02}") {{ id }} }}')
            await started.save_customer(
                id=one["customer"]["id"], parentId=reseller["customer"]["id"]
            )
        yield started


async def page(api: Api, **variables: Any) -> Json:
    """Read one page, assert what every page must have, and return it."""
    found: Json = (await api.data(LIST, **variables))["customers"]
    cursors = [edge["cursor"] for edge in found["edges"]]
    assert [edge["node"]["id"] for edge in found["edges"]] == [n["id"] for n in found["nodes"]]
    info = found["pageInfo"]
    ends = (cursors[0], cursors[-1]) if cursors else (None, None)
    assert (info["startCursor"], info["endCursor"]) == ends
    return found


async def forwards(api: Api, size: int, **variables: Any) -> list[Json]:
    """Return all customers, read page by page from the beginning."""
    rows: list[Json] = []
    after = None
    while True:
        found = await page(api, first=size, after=after, **variables)
        assert found["pageInfo"]["hasPreviousPage"] is (after is not None)
        rows += found["nodes"]
        if not found["pageInfo"]["hasNextPage"]:
            return rows
        assert len(found["nodes"]) == size
        after = found["pageInfo"]["endCursor"]


async def backwards(api: Api, size: int, **variables: Any) -> list[Json]:
    """Return all customers, read page by page from the end."""
    rows: list[Json] = []
    before = None
    while True:
        found = await page(api, last=size, before=before, **variables)
        assert found["pageInfo"]["hasNextPage"] is (before is not None)
        rows = found["nodes"] + rows
        if not found["pageInfo"]["hasPreviousPage"]:
            return rows
        assert len(found["nodes"]) == size
        before = found["pageInfo"]["startCursor"]


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    sort=st.sampled_from(sorted(SORTS)),
    descends=st.booleans(),
    size=st.integers(4, MANY + 1),
    code=st.none() | st.sampled_from(CODES),
)
async def test_pages_lose_and_double_no_customer_in_any_order_or_direction(
    api: Api, sort: str, descends: bool, size: int, code: str | None
) -> None:
    """R98, R18: also if many customers have the same name or creation time."""
    order = sort.replace("ASC", "DESC") if descends else sort
    wanted = {"classCodes": None if code is None else [code]}
    ahead = await forwards(api, size, sort=order, filter=wanted)
    back = await backwards(api, size, sort=order, filter=wanted)
    assert ahead == back
    assert ahead == sorted(ahead, key=SORTS[sort], reverse=descends)
    assert len({row["id"] for row in ahead}) == len(ahead)
    numbers = [number for number in range(MANY) if code in {None, CODES[number % len(CODES)]}]
    assert sorted(row["accountNumber"][2:] for row in ahead) == [f"{n:02}" for n in numbers]


async def test_pages_of_one_lose_nobody(api: Api) -> None:
    rows = await forwards(api, 1, filter={"text": "acme"})
    assert len(rows) == 15
    assert rows == await backwards(api, 1, filter={"text": "acme"})


FILTERS: list[tuple[Json | None, int]] = [
    (None, 45),
    ({}, 45),
    ({"classCodes": []}, 0),
    ({"classCodes": ["CHARITY"]}, 12),
    ({"classCodes": ["CHARITY", "SOLE_TRADER", "NOTHING"]}, 23),
    ({"labels": ["RESELLER"]}, 11),
    ({"isReseller": None}, 45),
    ({"isReseller": True}, 11),
    ({"isReseller": False}, 34),
    ({"isReseller": False, "classCodes": ["CHARITY", "RESELLER_OTHER"]}, 12),
    ({"isReseller": True, "subscriberKind": "INDIVIDUAL"}, 0),
    ({"parentId": None}, 43),
    ({"parentId": None, "classCodes": ["CHARITY"]}, 10),
    ({"parentId": None, "isReseller": False}, 32),
    ({"labels": ["INDIVIDUAL", "SOLE_TRADER"]}, 11),
    ({"labels": ["INDIVIDUAL", "RESELLER"]}, 0),
    ({"labels": []}, 45),
    ({"subscriberKind": "INDIVIDUAL"}, 11),
    ({"subscriberKind": "CORPORATE"}, 34),
    ({"enrichmentStatuses": ["PENDING"]}, 4),
    ({"enrichmentStatuses": ["NEEDS_COMPANY_NUMBER"]}, 7),
    ({"enrichmentStatuses": ["PENDING", "NOT_APPLICABLE"]}, 38),
    ({"companyNumber": "101"}, 8),
    ({"companyNumber": " 0000 0102"}, 7),
    ({"companyNumber": "103"}, 0),
    ({"externalReference": "crm-3"}, 1),
    ({"externalReferences": ["crm-3", "crm-8", "CRM-9"]}, 2),
    ({"externalReferences": []}, 0),
    ({"externalReference": "CRM-3"}, 0),
    ({"parentId": "cus_x"}, 0),
    ({"text": "ACME"}, 15),
    ({"text": "émile"}, 5),
    ({"text": "emile"}, 5),  # without its accent
    ({"text": "e\u0301mile"}, 5),  # with the accent as a character of its own
    ({"text": "Beta  &\u00a0co"}, 5),
    ({"text": "ze\u200bta"}, 5),
    ({"text": "ac\u200bme\u202e"}, 15),
    ({"text": "STRASSE"}, 5),
    ({"text": "100%_"}, 5),
    ({"text": "%"}, 5),
    ({"text": "_"}, 5),
    ({"text": "'"}, 5),
    ({"text": "\\"}, 0),
    ({"text": "b-0"}, 5),
    ({"text": "CRM-4"}, 5),
    ({"text": "0000010"}, 15),
    ({"text": "  "}, 45),
    ({"text": "acme", "labels": ["RESELLER"]}, 4),
]


async def test_a_filter_lets_through_what_meets_all_of_it(api: Api) -> None:
    """R31, R98."""
    counted = []
    for wanted, _ in FILTERS:
        found = await page(api, first=100, filter=wanted)
        assert len(found["nodes"]) == found["totalCount"]
        counted.append((wanted, found["totalCount"]))
    assert counted == FILTERS


async def test_customers_are_filtered_by_class_id_and_by_parent(api: Api) -> None:
    """R32."""
    charity = await api.class_of("CHARITY")
    found = await page(api, filter={"classIds": [charity["id"], "cls_x"]})
    assert found["totalCount"] == 12
    reseller = await api.data('{ customer(accountNumber: "B-01") { id } }')
    found = await page(api, filter={"parentId": reseller["customer"]["id"]})
    assert {node["accountNumber"] for node in found["nodes"]} == {"a-00", "a-04"}


async def test_a_page_has_fifty_entries_unless_it_is_said(api: Api) -> None:
    assert len((await page(api))["nodes"]) == MANY
    none = await page(api, first=0)
    assert (none["nodes"], none["totalCount"]) == ([], MANY)
    assert none["pageInfo"]["hasNextPage"] is True
    assert len((await page(api, first=500))["nodes"]) == MANY
    assert len((await page(api, first=None, sort=None))["nodes"]) == MANY


def cursor(*parts: Any) -> str:
    """Return a forged cursor."""
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


async def test_arguments_that_contradict_each_other_are_refused(api: Api) -> None:
    good = (await page(api, first=1))["pageInfo"]["endCursor"]
    misuse: list[Json] = [
        {"first": 1, "last": 1},
        {"first": -1},
        {"last": -1},
        {"first": 501},
        {"last": 501},
        {"first": 1, "before": good},
        {"last": 1, "after": good},
        {"before": good},
        {"first": 1, "after": good, "before": good},
        {"first": 1, "after": ""},
        {"first": 1, "after": "!"},
        {"first": 1, "after": "é"},
        {"first": 1, "after": "AAAA"},
        {"first": 1, "after": good + "x"},
        {"first": 1, "after": good, "sort": "NAME_DESC"},
        {"first": 1, "after": good, "sort": "CREATED_AT_ASC"},
        {"first": 1, "after": cursor("customers-NAME_ASC", "a")},
        {"first": 1, "after": cursor("customers-NAME_ASC", "a", 1)},
        {"first": 1, "after": cursor("customers-NAME_ASC", None, "a")},
        {"first": 1, "after": cursor("customers-NAME_ASC", "a\0", "b")},
        {"first": 1, "after": cursor("customers-NAME_ASC", "a", "b", "c")},
        {"first": 1, "after": cursor("customer-classes", 1, "a", "b")},
        {"first": 1, "after": cursor()},
        {"first": 1, "after": cursor(["customers-NAME_ASC", "a", "b"])},
        {
            "first": 1,
            "sort": "CREATED_AT_ASC",
            "after": cursor("customers-CREATED_AT_ASC", "soon", "x"),
        },
        {
            "first": 1,
            "sort": "CREATED_AT_ASC",
            "after": cursor("customers-CREATED_AT_ASC", "2026-01-01", "x"),
        },
        {
            "first": 1,
            "sort": "CREATED_AT_ASC",
            "after": cursor("customers-CREATED_AT_ASC", "0001-01-01T00:00:00+23:59", "x"),
        },
    ]
    for variables in misuse:
        error = await api.error(LIST, **variables)
        assert error["extensions"] == {"code": "BAD_USER_INPUT"}, variables


async def test_customers_that_come_and_go_between_pages_disturb_nothing_else(api: Api) -> None:
    ordered = [row["id"] for row in await forwards(api, 50, filter={"text": "zeta"})]
    first = await page(api, first=3, filter={"text": "zeta"})
    # Delete the cursor's customer, and add one that sorts before it.
    await api.save_customer(id=ordered[2], name="Zeta 9")
    new = await api.save_customer(name="A zeta")
    after = first["pageInfo"]["endCursor"]
    rest = await page(api, first=9, after=after, filter={"text": "zeta"})
    assert [node["id"] for node in rest["nodes"]] == [*ordered[3:], ordered[2]]
    await api.save_customer(id=ordered[2], name="zeta")
    await api.done("deleteCustomer", "", id=new["id"])


async def test_a_cursor_of_a_class_belongs_to_classes(api: Api) -> None:
    listed = await api.data("{ customerClasses(first: 1) { pageInfo { endCursor } } }")
    of_classes = listed["customerClasses"]["pageInfo"]["endCursor"]
    error = await api.error(LIST, first=1, after=of_classes)
    assert error["extensions"] == {"code": "BAD_USER_INPUT"}
    classes = "query($a: String) { customerClasses(after: $a) { totalCount } }"
    of_customers = (await page(api, first=1))["pageInfo"]["endCursor"]
    for after in (of_customers, "x", cursor("CustomerClass-DISPLAY_POSITION_ASC", 2**80, "a", "b")):
        error = await api.error(classes, a=after)
        assert error["extensions"] == {"code": "BAD_USER_INPUT"}


async def test_names_are_ordered_whatever_their_case_or_script(api: Api) -> None:
    """R18."""
    names = [row["name"] for row in await forwards(api, 50)]
    assert [name.casefold() for name in names] == sorted(name.casefold() for name in names)
