"""Values that cannot be read are user errors beside the others, and never stored."""

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from models import Customer
from models.rules.errors import Refusal, RefusalCode
from schema.base.input_faults import MalformedValue, faults_in, in_input_order, note_faults
from schema.base.scalars import SCALARS
from schema.types.customer_changes import CompanyProfileInput, MoneyInput, SaveCustomerInput
from tests.graphql_client import Api, Json, stored
from tests.input_kinds import PYTHON

ROOT = Path(__file__).parents[3]
TOLD = "userErrors { code path message limit minimum }"


@pytest.mark.parametrize(
    ("kind", "typed", "value"),
    [
        (date, "2026-03-31", date(2026, 3, 31)),
        (date, "0001-01-01", date(1, 1, 1)),
        (date, "2025-02-29", None),
        (date, "2026-3-31", None),
        (date, "20260331", None),
        (date, "2026-W01-1", None),
        (date, "2026-03-31T00:00:00Z", None),
        (date, "\uff12026-03-31", None),
        (date, "", None),
        (date, 20260331, None),
        (datetime, "2026-03-31T09:30:00Z", datetime(2026, 3, 31, 9, 30, tzinfo=UTC)),
        (datetime, "2026-03-31T10:30:00+01:00", datetime(2026, 3, 31, 9, 30, tzinfo=UTC)),
        (datetime, "2026-03-31T09:30:00", None),
        (datetime, "2026-03-31", None),
        (datetime, "2026-03-31T25:30:00Z", None),
        (datetime, "", None),
        (datetime, 1774949400, None),
        (datetime, None, None),
        (Decimal, "-17540.50", Decimal("-17540.50")),
        (Decimal, 12, Decimal(12)),
        (Decimal, "1,000", None),
        (Decimal, "", None),
        (Decimal, True, None),
        (Decimal, [], None),
    ],
)
def test_a_scalar_reads_a_value_or_says_what_it_must_be(
    kind: type, typed: object, value: object
) -> None:
    read: Any = SCALARS[kind].parse_value
    if value is not None:
        assert read(typed) == value
        return
    with pytest.raises(MalformedValue) as malformed:
        read(typed)
    assert type(malformed.value.stand_in) is kind
    message = str(malformed.value)
    assert message.startswith("The value must be a d")
    assert not PYTHON.search(message)


def test_the_faults_of_an_input_have_full_paths_and_its_order() -> None:
    money, profile = MoneyInput(value=Decimal()), CompanyProfileInput()
    profile.net_assets = money
    given = SaveCustomerInput(profile=profile)

    def fault(field: str) -> dict[str, Refusal]:
        return {field: Refusal(RefusalCode.BAD_FORMAT, "Wrong.", (field,))}

    note_faults(money, fault("value"))
    note_faults(profile, fault("incorporatedOn"))
    note_faults(given, fault("expectedVersion"))
    paths = {one.path for one in faults_in(given)}
    assert paths == {
        ("expectedVersion",),
        ("profile", "incorporatedOn"),
        ("profile", "netAssets", "value"),
    }
    others = [Refusal(RefusalCode.BLANK, "Blank.", path) for path in (("consent",), ("name",), ())]
    assert [one.path for one in in_input_order(given, [*others, *faults_in(given)])] == [
        (),
        ("expectedVersion",),
        ("name",),
        ("profile", "incorporatedOn"),
        ("profile", "netAssets", "value"),
        ("consent",),
    ]


def test_an_input_without_faults_has_none() -> None:
    assert faults_in(SaveCustomerInput(profile=CompanyProfileInput())) == []


async def refused(api: Api, document: str, **variables: Any) -> list[Json]:
    """Return the user errors of saveCustomer, which must have stored nothing."""
    before = await stored()
    told: list[Json] = (await api.data(document, **variables))["saveCustomer"]["userErrors"]
    assert await stored() == before
    return told


BAD_DATE = {
    "code": "BAD_FORMAT",
    "path": ["profile", "incorporatedOn"],
    "message": "The date of incorporation must be a date that the calendar has.",
    "limit": None,
    "minimum": None,
}


WHOLE = f"mutation($v: SaveCustomerInput!) {{ saveCustomer(input: $v) {{ {TOLD} }} }}"
PART = f"""mutation($v: CompanyProfileInput) {{
  saveCustomer(input: {{ name: "A", classCode: "CHARITY", profile: $v }}) {{ {TOLD} }} }}"""


@pytest.mark.parametrize("is_whole", [True, False])
async def test_a_value_that_cannot_be_read_is_a_user_error(api: Api, is_whole: bool) -> None:
    profile = {"incorporatedOn": "2025-02-29"}
    whole = {"name": "A", "classCode": "CHARITY", "profile": profile}
    for _ in range(3):
        document, values = (WHOLE, whole) if is_whole else (PART, profile)
        assert await refused(api, document, v=values) == [BAD_DATE]


async def test_a_stand_in_is_not_stored_by_an_edit_either(api: Api) -> None:
    customer = await api.save_customer(profile={"incorporatedOn": "1999-12-31"})
    given = {"id": customer["id"], "profile": {"incorporatedOn": "1999-12-32"}}
    assert await refused(api, WHOLE, v=given) == [BAD_DATE]
    assert await refused(api, WHOLE, v={**given, "dryRun": True}) == [BAD_DATE]
    stored_customer = await Customer.get(id=customer["id"])
    assert stored_customer.profile["incorporated_on"]["value"] == "1999-12-31"
    assert stored_customer.version == 1


async def test_a_number_beyond_int_is_told_with_the_bounds_of_its_field(api: Api) -> None:
    given = {"name": "A", "classCode": "CHARITY", "profile": {"employees": 3_000_000_000}}
    (told,) = await refused(api, WHOLE, v=given)
    assert (told["code"], told["minimum"], told["limit"]) == ("OUT_OF_RANGE", 0, 10_000_000)


@pytest.mark.parametrize("typed", ["abc", "12", "", 1.5])
async def test_text_in_place_of_a_whole_number_is_told_beside_the_others(
    api: Api, typed: str | float
) -> None:
    profile = {"incorporatedOn": "2025-02-29", "employees": typed}
    given = {"name": " ", "classCode": "CHARITY", "profile": profile}
    found = await refused(api, WHOLE, v=given)
    assert [(one["code"], one["path"]) for one in found] == [
        ("BLANK", ["name"]),
        ("BAD_FORMAT", ["profile", "incorporatedOn"]),
        ("BAD_FORMAT", ["profile", "employees"]),
    ]
    assert found[2]["message"] == "The number of employees must be a whole number, such as 12."


async def test_each_mutation_of_a_document_tells_its_own_faults(api: Api) -> None:
    document = f"""mutation($good: SaveCustomerInput!, $bad: SaveCustomerInput!) {{
      first: saveCustomer(input: $good) {{ customer {{ name }} {TOLD} }}
      second: saveCustomer(input: $bad) {{ customer {{ name }} {TOLD} }} }}"""
    good: Json = {"name": "Good", "classCode": "CHARITY"}
    bad = {**good, "profile": {"incorporatedOn": "2025-02-29"}}
    data = await api.data(document, good=good, bad=bad)
    assert data["first"] == {"customer": {"name": "Good"}, "userErrors": []}
    assert data["second"] == {"customer": None, "userErrors": [BAD_DATE]}
    assert await Customer.all().count() == 1


async def test_a_value_in_the_document_makes_the_document_invalid(api: Api) -> None:
    before = await stored()
    error = await api.error(
        'mutation { saveCustomer(input: { name: "A", classCode: "CHARITY",'
        ' profile: { incorporatedOn: "2025-02-29" } }) { userErrors { code } } }'
    )
    assert error["extensions"] == {"code": "INVALID_OPERATION"}
    assert error["message"] == (
        "Expected value of type 'Date', but encountered error"
        " 'The value must be a date that the calendar has.'; found: \"2025-02-29\"."
    )
    assert error["locations"] == [{"line": 1, "column": 94}]
    assert await stored() == before


def test_the_checks_of_a_change_know_the_faults_of_its_input() -> None:
    """`Checks()` would not refuse stand-ins before the change writes something."""
    found = [
        f"{path.relative_to(ROOT)}"
        for folder in ("models/changes", "resolvers")
        for path in (ROOT / folder).glob("*.py")
        if re.search(r"\bChecks\(", path.read_text())
    ]
    assert found == [], "make checks by `act.checks()`"
