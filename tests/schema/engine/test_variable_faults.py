"""Wrong values of variables are told in one error, with variable, path and code."""

import json
from typing import Any

import pytest

from models.rules.consent import ConsentMethod
from schema.engine.plan.variable_faults import MAX_FAULTS
from tests.clock import Clock
from tests.databases import Databases
from tests.graphql_client import Api, Json, connected, document_of, running_api, serving, stored
from tests.input_kinds import PYTHON

SAVE = """mutation($input: SaveCustomerInput!) {
  saveCustomer(input: $input) { userErrors { code } } }"""
OF_A_VALUE = """mutation($v: Decimal!) {
  saveCustomer(input: { profile: { netAssets: { value: $v } } }) { userErrors { code } } }"""
FOLLOW = "subscription($v: DateTime) { customerEnriched(customerId: 1, since: $v) { id } }"
CUSTOMERS = "query($v: %s) { customers(%s: $v) { totalCount } }"
INT = {"minimum": -(2**31), "limit": 2**31 - 1}
BASES = ["TERMS_ACCEPTED", "PRIVACY_POLICY_CONSENT", "WRITTEN_OPT_IN"]
METHODS = [one.value for one in ConsentMethod]

# fmt: off
FAULTS: tuple[tuple[str, Json, list[tuple[str, str, dict[str, Any]]]], ...] = (
    # document, values, and path, code and bounds of each fault
    (SAVE, {}, [("", "REQUIRED", {})]),
    (SAVE, {"input": None}, [("", "REQUIRED", {})]),
    (SAVE, {"input": "x"}, [("", "BAD_FORMAT", {})]),
    (SAVE, {"input": []}, [("", "BAD_FORMAT", {})]),
    (SAVE, {"input": {"name": 7}}, [("name", "BAD_FORMAT", {})]),
    (SAVE, {"input": {"id": 1.5}}, [("id", "BAD_FORMAT", {})]),
    (SAVE, {"input": {"dryRun": "yes"}}, [("dryRun", "BAD_FORMAT", {})]),
    (SAVE, {"input": {"expectedVersion": "1"}}, [("expectedVersion", "BAD_FORMAT", {})]),
    (SAVE, {"input": {"expectedVersion": 1.5}}, [("expectedVersion", "BAD_FORMAT", {})]),
    (SAVE, {"input": {"expectedVersion": True}}, [("expectedVersion", "BAD_FORMAT", {})]),
    (SAVE, {"input": {"nmae": "x"}}, [("nmae", "UNKNOWN_FIELD", {})]),
    (
        SAVE, {"input": {"name": 7, "profile": {"netAssets": {}}}},
        [("name", "BAD_FORMAT", {}), ("profile.netAssets.value", "REQUIRED", {})],
    ),
    (
        SAVE, {"input": {"name": 7, "consent": {"basis": "", "givenBy": 1}}},
        [
            ("name", "BAD_FORMAT", {}),
            ("consent.basis", "REQUIRED", {"allowedValues": BASES}),
            ("consent.givenBy", "BAD_FORMAT", {}),
            ("consent.method", "REQUIRED", {"allowedValues": METHODS}),
            ("consent.evidenceReference", "REQUIRED", {}),
        ],
    ),
    (
        SAVE,
        {"input": {"consent": {"basis": "WORD", "method": "PAPER", "givenBy": 1, "colour": "red"}}},
        [  # in the order of the fields, and unknown ones last
            ("consent.basis", "VALUE_NOT_ALLOWED", {"allowedValues": BASES}),
            ("consent.givenBy", "BAD_FORMAT", {}),
            ("consent.evidenceReference", "REQUIRED", {}),
            ("consent.colour", "UNKNOWN_FIELD", {}),
        ],
    ),
    (  # a date that could have a stand-in is told with what cannot
        SAVE, {"input": {"name": 7, "profile": {"incorporatedOn": "x", "employees": 10**12}}},
        [
            ("name", "BAD_FORMAT", {}),
            ("profile.incorporatedOn", "BAD_FORMAT", {}),
            ("profile.employees", "OUT_OF_RANGE", INT),
        ],
    ),
    (CUSTOMERS % ("Int", "first"), {"v": "x"}, [("", "BAD_FORMAT", {})]),
    (CUSTOMERS % ("Int", "first"), {"v": 2**31}, [("", "OUT_OF_RANGE", INT)]),
    (
        CUSTOMERS % ("CustomerFilter", "filter"), {"v": {"classIds": ["x", None, 2.5]}},
        [("classIds.1", "REQUIRED", {}), ("classIds.2", "BAD_FORMAT", {})],
    ),
    (
        "query($v: AuditFilter) { auditTrail(filter: $v) { totalCount } }",
        {"v": {"fromAt": "2026-01-01", "untilAt": "later", "reason": 1}},
        [
            ("fromAt", "BAD_FORMAT", {}),
            ("untilAt", "BAD_FORMAT", {}),
            ("reason", "BAD_FORMAT", {}),
        ],
    ),
    (
        OF_A_VALUE, {"v": "x"},
        [("", "BAD_FORMAT", {})],  # a variable of its own has no stand-in
    ),
)
# fmt: on


@pytest.mark.parametrize(("document", "values", "wanted"), FAULTS)
async def test_each_fault_has_its_path_and_code(
    api: Api, document: str, values: Json, wanted: list[tuple[str, str, Json]]
) -> None:
    before = await stored()
    for _ in range(2):
        error = await api.error(document, **values)
        assert error["extensions"].keys() == {"code", "faults"}
        assert error["extensions"]["code"] == "BAD_USER_INPUT"
        told = error["extensions"]["faults"]
        assert {one.pop("variable") for one in told} == {"input" if document == SAVE else "v"}
        messages = [error["message"], *(one.pop("message") for one in told)]
        assert not any(PYTHON.search(message) for message in messages), messages
        assert [(".".join(one.pop("path")), one.pop("code"), one) for one in told] == wanted
    assert await stored() == before


async def test_the_message_tells_the_first_fault_and_how_many_there_are(api: Api) -> None:
    one = await api.error(SAVE, input={"name": 7})
    assert one["message"] == (
        "Variable `$input` has a wrong value at `name`: The name must be text."
    )
    assert one["locations"] == [{"line": 1, "column": 10}]
    two = await api.error(SAVE, input={"name": 7, "consent": 1})
    assert two["message"] == (
        "Variable `$input` has a wrong value at `name`: The name must be text."
        " `faults` lists all 2 faults."
    )


ACCEPT = "mutation($input: AcceptSuggestionsInput!) { acceptSuggestions(input: $input) { %s } }"


async def test_a_fault_of_an_entry_speaks_of_each_entry(api: Api) -> None:
    document = ACCEPT % "userErrors { code }"
    error = await api.error(document, input={"ids": [None], "expectedVersions": [1]})
    told = [(one["path"], one["message"]) for one in error["extensions"]["faults"]]
    assert told == [
        (["ids", "0"], "Each of the ids is required."),
        (["expectedVersions", "0"], "Each of the expected versions must be an object."),
    ]


async def test_an_expected_version_is_at_least_one(api: Api) -> None:
    version = {"customerId": "x", "expectedVersion": -(2**40)}
    document = ACCEPT % "userErrors { code path message minimum }"
    data = await api.data(document, input={"ids": [], "expectedVersions": [version]})
    _, fault = data["acceptSuggestions"]["userErrors"]
    assert fault["message"] == "The expected version must be from 1 to 2,147,483,647."
    assert (fault["code"], fault["minimum"]) == ("OUT_OF_RANGE", 1)
    assert fault["path"] == ["expectedVersions", "0", "expectedVersion"]


@pytest.mark.parametrize(
    ("document", "values"),
    [
        ("query($v: Boolean = true) { viewer @include(if: $v) { id } }", {"v": None}),
        ("query($v: [ID!] = []) { nodes(ids: $v) { id } }", {"v": None}),
        ('query($v: ID = "x") { customers(filter: {classIds: [$v]}) { totalCount } }', {"v": None}),
        ("{ customers(first: true) { totalCount } }", {}),
        ("{ customers(filter: { isReseller: null, classIds: [null] }) { totalCount } }", {}),
        ('{ customers(filter: { classIds: [{ a: "x" }] }) { totalCount } }', {}),
        ('query($v: Decimal = "x") { viewer { id } }', {}),
        ('{ auditTrail(filter: { fromAt: "2026-01-01" }) { totalCount } }', {}),
    ],
)
async def test_no_message_speaks_python(api: Api, document: str, values: Json) -> None:
    errors = (await api.answer(document, **values))["errors"]
    assert errors
    for error in errors:
        assert not PYTHON.search(error["message"]), error["message"]


async def test_similar_names_are_suggested_for_the_first_faults(api: Api) -> None:
    error = await api.error(SAVE, input={"nmae": 1, "nmaes": 2, "idd": 3, "naame": 4})
    suggesting = ["Did you mean" in one["message"] for one in error["extensions"]["faults"]]
    assert suggesting == [True, True, True, False]


async def test_names_are_not_told_where_the_schema_is_not_shown(
    databases: Databases, clock: Clock
) -> None:
    async with running_api(databases, clock, introspection=False) as api:
        consent = {"basis": "WRITEN_OPT_IN"}
        error = await api.error(SAVE, input={"nmae": 1, "consent": consent})
        assert "mean" not in json.dumps(error)
        assert "WRITTEN" not in json.dumps(error)
        codes = {one["code"] for one in error["extensions"]["faults"]}
        assert codes == {"UNKNOWN_FIELD", "VALUE_NOT_ALLOWED", "REQUIRED"}
        document = SAVE.replace("{ code }", "{ code message allowedValues }")
        told = json.dumps(await api.data(document, input={"consent": consent}))
        assert "VALUE_NOT_ALLOWED" in told
        assert "WRITTEN" not in told
        assert "PAPER" not in told


async def test_what_is_said_of_variables_does_not_grow_with_them(api: Api) -> None:
    unknown = {f"{'x' * 2_000}{number}": "y" * 2_000 for number in range(200)}
    response = await api.post(SAVE, {"input": unknown})
    (error,) = response.json()["errors"]
    assert len(error["extensions"]["faults"]) == MAX_FAULTS
    assert len(error["message"]) <= 501
    assert len(response.content) < 30_000


async def test_a_websocket_tells_the_same(api: Api) -> None:
    over_http = await api.error(SAVE, input={"name": 7})
    async with serving(api.app) as host, connected(host) as socket:
        await socket.sign_in(api.token)
        await socket.subscribe(SAVE, input={"name": 7})
        assert (await socket.receive())["payload"]["errors"] == [over_http]
        assert (await socket.receive())["type"] == "complete"
        await socket.subscribe(FOLLOW, v="2026-01-01")
        (error,) = (await socket.receive())["payload"]
        (fault,) = error["extensions"]["faults"]
        assert (fault["variable"], fault["code"]) == ("v", "BAD_FORMAT")


@pytest.mark.parametrize(
    ("mutation", "values", "path", "message"),
    [
        ("saveContact", {"isActive": "yes"}, "isActive", "`isActive` must be true or false."),
        ("saveCustomer", {"dryRun": "yes"}, "dryRun", "`dryRun` must be true or false."),
        ("saveCustomer", {"id": 1.5}, "id", "`id` must be an id, written as text."),
        ("acceptSuggestions", {}, "ids", "The ids are required."),
    ],
)  # fmt: skip
async def test_faults_of_a_client_read_well(
    api: Api, mutation: str, values: Json, path: str, message: str
) -> None:
    error = await api.error(document_of(mutation, ""), input=values)
    (told,) = (one for one in error["extensions"]["faults"] if one["path"] == [path])
    assert told["message"] == message


@pytest.mark.parametrize(
    ("mutation", "values", "path", "message"),
    [
        ("saveCustomer", {"onConflict": None}, "onConflict", "Choose the action on a conflict."),
        ("grantPermissions", {}, "granteeId", "Choose the grantee."),
        ("grantPermissions", {}, "permissions", "The permissions are required."),
        ("issueAccessToken", {}, "scopes", "The permissions are required."),
        ("issueAccessToken", {}, "name", "Enter the name."),
        ("saveCustomer", {"consent": {"basis": ""}}, "consent.basis", "Choose the basis."),
        ("saveCustomer", {"name": "Acme"}, "classId", "Choose the class of the new customer."),
        (
            "saveCustomer", {"profile": {"incorporatedOn": "2026-02-30"}}, "profile.incorporatedOn",
            "The date of incorporation must be a date that the calendar has.",
        ),
    ],
)  # fmt: skip
async def test_faults_of_a_user_read_well(
    api: Api, mutation: str, values: Json, path: str, message: str
) -> None:
    document = document_of(mutation, "userErrors { path message }")
    told = (await api.data(document, input=values))[mutation]["userErrors"]
    assert [one["message"] for one in told if one["path"] == path.split(".")] == [message]


async def test_the_bounds_of_a_period_read_well(api: Api) -> None:
    document = CUSTOMERS % ("CustomerFilter", "filter")
    error = await api.error(document, v={"createdFromAt": "yesterday"})
    (told,) = error["extensions"]["faults"]
    assert told["message"].startswith("The earliest date of creation must be a date and time")
