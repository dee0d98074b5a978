"""Reports that count customers in groups."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from models import Customer
from models.lists import customer_report as report_list
from models.tables.access import Scope
from tests.graphql_client import Api, Json
from tests.resolvers.consent_inputs import GRANTED

KEYS = {
    "CLASS": "customerClass { code } classId",
    "RESELLER": "reseller { name } resellerId",
    "LEGAL_STATUS": "subscriberKind",
    "IS_RESELLER": "isReseller",
    "CONSENT": "isConsentGiven",
    "ENRICHMENT_STATUS": "enrichmentStatus",
    "COMPANY_STATUS": "companyStatus",
    "CREATED_MONTH": "createdMonthOn",
}
DAY = timedelta(days=1)
SUMS = """contactCount employees { total customerCount }
  netAssets { currency total customerCount }"""


async def report(
    api: Api, *group_by: str, select: str = "", token: str | None = None, **filter_: Any
) -> Json:
    """Return a report, with the keys of its dimensions and other selected fields of its rows."""
    keys = " ".join(KEYS[one] for one in group_by)
    document = f"""query($by: [CustomerReportDimension!]!, $filter: CustomerFilter) {{
      customerReport(groupBy: $by, filter: $filter) {{
        at customerCount isTruncated rows {{ {keys} customerCount {select} }} }} }}"""
    data = await api.data(document, token=token, by=group_by, filter=filter_ or None)
    found: Json = data["customerReport"]
    return found


async def rows(api: Api, *group_by: str, **options: Any) -> list[tuple[Any, ...]]:
    """Return the rows of a report as tuples, without ids."""
    found = await report(api, *group_by, **options)
    return [
        tuple(
            next(iter(value.values())) if isinstance(value, dict) else value
            for name, value in row.items()
            if not name.endswith("Id")
        )
        for row in found["rows"]
    ]


@pytest.fixture
async def world(api: Api) -> Api:
    """Add customers of several classes, resellers and months, some with consent."""

    async def add(name: str, code: str, **values: Any) -> str:
        saved = await api.save_customer(name=name, classCode=code, **values)
        return str(saved["id"])

    async def consent(customer_id: str, **values: Any) -> None:
        await api.done("recordConsent", "", customerId=customer_id, **{**GRANTED, **values})

    today = api.clock()
    reseller = await add("Resell", "RESELLER_OTHER", accountNumber="R-1")
    ann = await add("Ann", "RESIDENTIAL", parentId=reseller)
    bob = await add("Bob", "SOLE_TRADER", parentId=reseller)
    charity = await add("Help", "CHARITY")
    await add("More help", "CHARITY", parentId=reseller)
    gone = await add("Gone", "CHARITY")
    await api.done("deleteCustomer", "", id=gone)
    await consent(ann)
    await consent(charity)
    await api.done("withdrawConsent", "", customerId=charity)
    await consent(bob, effectiveAt=(today + DAY).isoformat())
    for customer_id, status in ((ann, "SUCCEEDED"), (bob, "FAILED")):
        await Customer.filter(id=customer_id).update(enrichment_status=status)
    await Customer.filter(id=reseller).update(created_at=datetime(2026, 8, 31, 23, 59, tzinfo=UTC))
    await Customer.filter(id=ann).update(created_at=datetime(2026, 9, 1, tzinfo=UTC))
    return api


async def test_customers_are_counted_by_class_in_display_order(world: Api) -> None:
    """R97: deleted customers are not counted."""
    found = await report(world, "CLASS")
    assert [(row["customerClass"]["code"], row["customerCount"]) for row in found["rows"]] == [
        ("RESIDENTIAL", 1),
        ("SOLE_TRADER", 1),
        ("CHARITY", 2),
        ("RESELLER_OTHER", 1),
    ]
    charity = await world.class_of("CHARITY")
    assert found["rows"][2]["classId"] == charity["id"]
    assert (found["customerCount"], found["isTruncated"]) == (5, False)
    assert found["at"] == world.clock().isoformat()


@pytest.mark.parametrize(
    ("group_by", "wanted"),
    [
        (["RESELLER"], [("Resell", 3), (None, 2)]),
        (["LEGAL_STATUS"], [("INDIVIDUAL", 2), ("CORPORATE", 3)]),
        (["IS_RESELLER"], [(True, 1), (False, 4)]),
        (["CONSENT"], [(True, 1), (False, 4)]),
        (["ENRICHMENT_STATUS"], [("NOT_APPLICABLE", 3), ("SUCCEEDED", 1), ("FAILED", 1)]),
        (["COMPANY_STATUS"], [(None, 5)]),
        (["CREATED_MONTH"], [("2026-08-01", 1), ("2026-09-01", 1), ("2026-10-01", 3)]),
        (
            ["LEGAL_STATUS", "CONSENT"],
            [("INDIVIDUAL", True, 1), ("INDIVIDUAL", False, 1), ("CORPORATE", False, 3)],
        ),
        (
            ["RESELLER", "CONSENT", "CLASS"],
            [
                ("Resell", True, "RESIDENTIAL", 1),
                ("Resell", False, "SOLE_TRADER", 1),
                ("Resell", False, "CHARITY", 1),
                (None, False, "CHARITY", 1),
                (None, False, "RESELLER_OTHER", 1),
            ],
        ),
    ],
)
async def test_each_dimension_groups_by_its_key(
    world: Api, group_by: list[str], wanted: list[tuple[Any, ...]]
) -> None:
    """R97: consent from tomorrow on, and withdrawn consent, is not given now."""
    assert await rows(world, *group_by) == wanted


async def test_consent_is_counted_as_of_the_time_of_the_report(world: Api) -> None:
    world.clock.advance(2 * DAY)
    assert await rows(world, "CONSENT") == [(True, 2), (False, 3)]


async def test_a_report_has_the_filter_of_the_list(world: Api) -> None:
    assert await rows(world, "CONSENT", subscriberKind="INDIVIDUAL") == [(True, 1), (False, 1)]
    assert await rows(world, "LEGAL_STATUS", classCodes=["CHARITY"]) == [("CORPORATE", 2)]
    assert await rows(world, "CLASS", isConsentGiven=True) == [("RESIDENTIAL", 1)]
    assert await rows(world, "CLASS", parentId=None, text="help") == [("CHARITY", 1)]
    assert await rows(world, "CLASS", text="nobody") == []


async def test_sums_say_how_many_customers_have_the_number(api: Api) -> None:
    """R97: amounts are exact, and those in other currencies have a sum of their own."""
    amounts = [("999999999999999.99", "GBP"), ("0.01", "GBP"), ("-0.05", "EUR"), ("-7.5", "EUR")]
    for value, currency in amounts:
        money = {"value": value, "currency": currency}
        profile = {"netAssets": money, "employees": 10_000_000}
        saved = await api.save_customer(profile=profile)
    await api.save_customer()
    await api.done("saveContact", "", customerId=saved["id"], name="Cleo")
    deleted = await api.done("saveContact", "contact { id }", customerId=saved["id"], name="Dan")
    await api.done("deleteContact", "", id=deleted["contact"]["id"])
    (row,) = (await report(api, "CLASS", select=SUMS))["rows"]
    assert (row["customerCount"], row["contactCount"]) == (5, 1)
    assert row["employees"] == {"total": "40000000", "customerCount": 4}
    assert row["netAssets"] == [
        {"currency": "EUR", "total": "-7.55", "customerCount": 2},
        {"currency": "GBP", "total": "1000000000000000.00", "customerCount": 2},
    ]


async def test_sums_of_nothing_are_zero(api: Api) -> None:
    await api.save_customer()
    (row,) = (await report(api, "CLASS", select=SUMS))["rows"]
    assert row["employees"] == {"total": "0", "customerCount": 0}
    assert (row["netAssets"], row["contactCount"]) == ([], 0)


async def test_company_statuses_come_from_the_profile(api: Api) -> None:
    for status in ("liquidation", "active", "active"):
        saved = await api.save_customer()
        profile = {"details": {"company_status": status}}
        await Customer.filter(id=saved["id"]).update(profile=profile)
    await api.save_customer()
    assert await rows(api, "COMPANY_STATUS") == [("active", 2), ("liquidation", 1), (None, 1)]


async def test_the_largest_groups_are_kept_if_there_are_too_many(
    world: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report_list, "MAX_GROUPS", 2)
    found = await report(world, "CLASS")
    assert [row["customerCount"] for row in found["rows"]] == [1, 2]
    assert found["rows"][1]["customerClass"]["code"] == "CHARITY"
    assert (found["customerCount"], found["isTruncated"]) == (5, True)


@pytest.mark.parametrize(
    "group_by",
    [[], ["CLASS", "CLASS"], ["CLASS", "CONSENT", "RESELLER", "IS_RESELLER"]],
)
async def test_a_report_has_one_to_three_different_dimensions(
    api: Api, group_by: list[str]
) -> None:
    document = """query($by: [CustomerReportDimension!]!) {
      customerReport(groupBy: $by) { customerCount } }"""
    error = await api.error(document, by=group_by)
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert error["message"] == "`groupBy` must have from 1 to 3 different dimensions."


async def test_the_number_of_contacts_needs_its_permission(world: Api) -> None:
    token = await world.token_for(Scope.CUSTOMERS_READ)
    document = """{ customerReport(groupBy: [IS_RESELLER]) {
      rows { customerCount contactCount } } }"""
    body = await world.answer(document, token=token)
    shown = body["data"]["customerReport"]["rows"]
    assert shown == [
        {"customerCount": 1, "contactCount": None},
        {"customerCount": 4, "contactCount": None},
    ]
    assert {one["extensions"]["code"] for one in body["errors"]} == {"FORBIDDEN"}


async def export(api: Api, query: str, token: str | None = None) -> tuple[int, str]:
    """Download a report as CSV; return status and text."""
    headers = {"Authorization": f"Bearer {token or api.token}"}
    answer = await api.http.get(f"/exports/customer-report.csv?{query}", headers=headers)
    return answer.status_code, answer.text


async def test_a_report_can_be_downloaded_as_csv(world: Api) -> None:
    """R97."""
    charity = await world.class_of("CHARITY", "id name")
    profile = {"netAssets": {"value": "-12.5"}, "employees": 3}
    await world.save_customer(classId=charity["id"], profile=profile)
    status, text = await export(world, "groupBy=CLASS&groupBy=CONSENT&classCodes=CHARITY")
    assert status == 200
    assert text.splitlines() == [
        (
            "classId,classCode,className,isConsentGiven,customerCount,contactCount,employees,"
            "employeesCustomerCount,netAssetsGbp,netAssetsGbpCustomerCount"
        ),
        f"{charity['id']},CHARITY,{charity['name']},false,3,0,3,1,-12.50,1",
    ]


async def test_the_parameters_of_a_download_filter_customers(world: Api) -> None:
    token = await world.token_for(Scope.CUSTOMERS_READ)
    reseller = await Customer.get(name="Resell")
    for query, wanted in {
        "groupBy=IS_RESELLER": ["true,1,0,0", "false,4,0,0"],
        "groupBy=IS_RESELLER&isReseller=true": ["true,1,0,0"],
        "groupBy=CONSENT&isConsentGiven=false": ["false,4,0,0"],
        "groupBy=CONSENT&subscriberKind=INDIVIDUAL": ["true,1,0,0", "false,1,0,0"],
        "groupBy=LEGAL_STATUS&enrichmentStatuses=FAILED": ["INDIVIDUAL,1,0,0"],
        f"groupBy=RESELLER&parentId={reseller.id}": [f"{reseller.id},R-1,Resell,3,0,0"],
        "groupBy=CREATED_MONTH&classCodes=RESIDENTIAL": ["2026-09-01,1,0,0"],
        "groupBy=COMPANY_STATUS&classIds=cls_none": [],
    }.items():
        status, text = await export(world, query, token)
        assert (query, status, text.splitlines()[1:]) == (query, 200, wanted)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("", "`groupBy` must have from 1 to 3 different dimensions."),
        ("groupBy=CLASS&groupBy=CLASS", "`groupBy` must have from 1 to 3 different dimensions."),
        (
            "groupBy=SIZE",
            (
                "The parameter `groupBy` must be one of CLASS, RESELLER, LEGAL_STATUS, IS_RESELLER,"
                " CONSENT, ENRICHMENT_STATUS, COMPANY_STATUS, CREATED_MONTH."
            ),
        ),
        ("groupBy=CLASS&size=1", "There is no parameter `size`."),
        (
            "groupBy=CLASS&isReseller=true&isReseller=true",
            "The parameter `isReseller` may be given only once.",
        ),
        ("groupBy=CLASS&isReseller=1", "The parameter `isReseller` must be true or false."),
        (
            "groupBy=CLASS&parentId=",
            "The parameter `parentId` is empty; leave it out, or send a value.",
        ),
        (
            "groupBy=CLASS&classCodes=%00",
            "The parameter `classCodes` must not contain the character NUL.",
        ),
    ],
)
async def test_a_download_refuses_wrong_parameters(api: Api, query: str, message: str) -> None:
    status, text = await export(api, query)
    (error,) = json.loads(text)["errors"]
    assert (status, error["message"]) == (400, message)
    assert error["extensions"]["code"] == "BAD_USER_INPUT"


async def test_a_download_is_complete_or_refused(
    world: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report_list, "MAX_GROUPS", 2)
    status, text = await export(world, "groupBy=CLASS")
    (error,) = json.loads(text)["errors"]
    assert status == 400
    assert error["message"].startswith("The report has more than 10,000 rows.")
