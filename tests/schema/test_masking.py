"""Callers who may not see personal data cannot read it by any query (R93)."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
import strawberry
from graphql import GraphQLInterfaceType, get_named_type

from models import ConsentEntry, Contact
from models.tables.personal_columns import Content, columns_with
from schema.base.field_mapping import computed
from schema.base.personal_guard import UnmaskedError, refuse_unmasked
from tests.clock import Clock
from tests.completeness import assert_complete
from tests.databases import Databases
from tests.factories import TABLES
from tests.graphql_client import Api, Json, connected, running_api, serving, the_schema
from tests.marked_world import MARKERS, MASKING, add_marked_world, markers_in, masked_token
from tests.selecting import everything_of

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(databases: Databases) -> AsyncIterator[Api]:
    """Yield a shared application where personal data needs its scope."""
    async with running_api(databases, Clock(), **MASKING) as started:
        yield started


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ids(api: Api) -> dict[str, str]:
    """Create the personal data; return the ids."""
    return await add_marked_world(api)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def masked(api: Api) -> str:
    """Return a token with all permissions except reading personal data."""
    return await masked_token(api)


NAMED = (
    "customer",
    "contact",
    "suggestion",
    "run",
    "template",
    "user",
    "group",
    "token",
    "endpoint",
    "import",
    "job",
)
"""The objects that queries take the id of."""


def queries(ids: dict[str, str]) -> dict[str, str]:
    """Return, by root field, arguments with which it returns the marked objects."""
    quoted = {name: f'"{one}"' for name, one in ids.items()}
    period = 'fromAt: "2026-01-01T00:00:00Z", untilAt: "2027-01-01T00:00:00Z"'
    return {
        "viewer": "",
        "node": f"(id: {quoted['contact']})",
        "nodes": f"(ids: [{', '.join(quoted.values())}])",
        "customerClass": '(code: "SOLE_TRADER")',
        "customerClasses": "",
        "customer": f"(id: {quoted['customer']})",
        "customers": "",
        "customerTemplates": "",
        "customerTemplate": f"(id: {quoted['template']})",
        "contact": f"(id: {quoted['contact']})",
        "contacts": "",
        "suggestion": f"(id: {quoted['suggestion']})",
        "enrichmentRun": f"(id: {quoted['run']})",
        "user": f"(id: {quoted['user']})",
        "userGroup": f"(id: {quoted['group']})",
        "accessToken": f"(id: {quoted['token']})",
        "platformDefaults": "",
        "deliveryExposure": f"({period})",
        "deliveryRules": "",
        "enrichmentBacklog": "",
        "consentEvidence": f"(customerId: {quoted['customer']})",
        "verifyConsentLedger": f"(customerId: {quoted['customer']})",
        "consentAdvisoryCounts": "",
        "customersOverTime": "(metrics: [CUSTOMERS, LOOKUPS], interval: WEEK,"
        ' fromOn: "2026-01-01", untilOn: "2027-01-01", groupBy: CLASS)',
        "customerReport": "(groupBy: [RESELLER, CLASS, COMPANY_STATUS])",
        "auditTrail": "(first: 500)",
        "events": "(first: 500)",
        "eventTypes": "",
        "permissions": "",
        "users": "",
        "userGroups": "",
        "accessTokens": "",
        "deprecatedUses": "",
        "usage": '(fromOn: "2026-10-01", untilOn: "2026-11-01")',
        "webhookEndpoint": f"(id: {quoted['endpoint']})",
        "webhookEndpoints": "",
        "webhookDeliveries": "",
        "importJob": f"(id: {quoted['import']})",
        "imports": "",
        "job": f"(id: {quoted['job']})",
        "jobs": "",
    }


def documents(ids: dict[str, str]) -> dict[str, str]:
    """Return documents that select everything below each root field, one per possible type."""
    core = the_schema()._schema
    assert core.query_type is not None
    arguments = {"at": '"2026-11-01T00:00:00Z"'}
    asked = {}
    for name, given in queries(ids).items():
        kind = get_named_type(core.query_type.fields[name].type)
        if not isinstance(kind, GraphQLInterfaceType):
            asked[name] = f"{{ {name}{given} {everything_of(kind, arguments)} }}"
            continue
        for one in core.get_implementations(kind).objects:
            select = everything_of(one, arguments)
            asked[f"{name} {one.name}"] = f"{{ {name}{given} {{ ... on {one.name} {select} }} }}"
    return asked


async def test_every_query_of_the_schema_is_asked() -> None:
    query = the_schema()._schema.query_type
    assert query is not None
    asked = queries(dict.fromkeys(NAMED, ""))
    # Companies that the register finds by name are public data.
    public = {"companySearch"}
    assert_complete(
        "queries in tests/schema/test_masking.py",
        asked.keys() | public,
        query.fields,
        "the arguments by which the query returns something",
    )


UNMARKED = {
    "confirmation.email": "no query shows the table",
    "confirmation.email_key": "no query shows the table",
    "consent_testimony.request_digest": "a digest",
    "consent_testimony.salt": "random",
    "contact.address_salt": "random",
    "customer.account_number_key": "a number",
    "upstream_response.body": "no query shows the table",
}
"""Personal columns that hold nothing to look for in answers, and why."""


@pytest.mark.usefixtures("ids")
async def test_every_personal_column_holds_a_marker() -> None:
    marked = set()
    personal = {(model, one) for model in TABLES for one in columns_with(model, Content.PERSONAL)}
    for model, column in personal:
        stored = await model.all().values_list(column, flat=True)
        if markers_in(" ".join(map(str, stored))):
            marked.add(f"{model._meta.db_table}.{column}")
    columns = {f"{model._meta.db_table}.{column}" for model, column in personal}
    assert_complete(
        "add_marked_world in tests/marked_world.py",
        marked,
        columns - UNMARKED.keys(),
        "the marker of a new column to the object that has it",
    )


async def test_no_query_tells_personal_data_to_who_may_not_see_it(
    api: Api, ids: dict[str, str], masked: str
) -> None:
    """R93: callers who may see it get all of it, which proves that the queries are complete."""
    seen: set[str] = set()
    for name, document in documents(ids).items():
        shown = await api.post(document)
        hidden = await api.post(document, token=masked)
        assert "errors" not in shown.json(), (name, shown.json()["errors"])
        assert "errors" not in hidden.json(), (name, hidden.json()["errors"])
        assert markers_in(hidden.text) == set(), name
        seen |= markers_in(shown.text)
    table = "MARKERS in tests/marked_world.py"
    assert_complete(table, MARKERS, seen, "a row with the marker to add_marked_world")


async def test_what_is_no_persons_is_shown_to_everybody(api: Api, masked: str) -> None:
    company = await api.save_customer(
        name="Acme", profile={"registeredAddress": {"locality": "Leeds"}}
    )
    document = """query($id: ID) { customer(id: $id) {
      name profile { registeredAddress { value { lines } } } } }"""
    data = await api.data(document, token=masked, id=company["id"])
    assert data["customer"] == {
        "name": "Acme",
        "profile": {"registeredAddress": {"value": {"lines": ["Leeds"]}}},
    }


async def test_what_stands_for_personal_data_is_as_the_schema_says(
    api: Api, ids: dict[str, str], masked: str
) -> None:
    document = """query($id: ID) { customer(id: $id) {
      name parent { name } profile { registeredAddress { source } companyName }
      contacts { name email receivesBills } classHistory { reason }
      suggestions { field current { display } value {
        display ... on AddressValue { value { lines } } } }
      consent { entry { givenBy statement evidenceReference isPseudonymised } }
      deliveryPreview { contacts { name email hasEmail } }
      auditTrail { nodes { operation before after reason } } } }"""
    customer: Json = (await api.data(document, token=masked, id=ids["customer"]))["customer"]
    trail = {one["operation"]: one for one in customer.pop("auditTrail")["nodes"]}
    edited, moved = trail["CUSTOMER_EDITED"], trail["CUSTOMER_CLASS_CHANGED"]
    assert edited["before"] == edited["after"] == {"name": "***"}
    assert moved["after"].keys() == {"classId"}
    assert moved["after"]["classId"].startswith("cls_")
    assert {one["reason"] for one in trail.values()} == {None}
    assert customer == {
        "name": "***",
        "parent": {"name": "***"},
        "profile": {"registeredAddress": None, "companyName": None},
        "contacts": [{"name": "***", "email": None, "receivesBills": True}],
        "classHistory": [{"reason": "***"}, {"reason": "***"}],
        "suggestions": [
            {
                "field": "REGISTERED_ADDRESS",
                "current": {"display": ""},
                "value": {"display": "", "value": {"lines": []}},
            }
        ],
        "consent": {
            "entry": {
                "givenBy": None,
                "statement": None,
                "evidenceReference": None,
                "isPseudonymised": False,
            }
        },
        "deliveryPreview": {"contacts": [{"name": "***", "email": None, "hasEmail": True}]},
    }


async def test_what_was_done_about_access_is_told_without_the_persons(
    api: Api, ids: dict[str, str], masked: str
) -> None:
    """R93: permissions are not personal data; names and reasons are."""
    select = "auditTrail { nodes { operation before after reason } }"
    document = f"""query($ids: [ID!]!) {{ nodes(ids: $ids) {{
      ... on User {{ {select} }} ... on AccessToken {{ {select} }} }} }}"""
    wanted = [ids["user"], ids["token"]]
    nodes = (await api.data(document, token=masked, ids=wanted))["nodes"]
    trails = [node["auditTrail"]["nodes"] for node in nodes]
    assert {entry.pop("reason") for trail in trails for entry in trail} == {None}
    of_user, of_token = [
        {one["operation"]: (one["before"], one["after"]) for one in trail} for trail in trails
    ]
    names = {"name": "***", "email": "***"}
    assert of_user == {
        "USER_CREATED": ({}, names),
        "USER_EDITED": (names, names),
        "PERMISSIONS_GRANTED": ({"permissions": []}, {"permissions": ["CUSTOMERS_READ"]}),
        "USER_DISABLED": ({"disabledAt": None}, {"disabledAt": "2026-10-01T09:30:00+00:00"}),
    }
    issued = {
        "name": "***",
        "scopes": ["CUSTOMERS_READ"],
        "userId": ids["user"],
        "expiresAt": "2026-12-30T09:30:00+00:00",
    }
    assert of_token == {
        "TOKEN_ISSUED": ({}, issued),
        "TOKEN_REVOKED": ({"revokedAt": None}, {"revokedAt": "2026-10-01T09:30:00+00:00"}),
    }


@pytest.mark.usefixtures("ids")
async def test_lists_are_neither_searched_nor_ordered_by_what_is_masked(
    api: Api, masked: str
) -> None:
    """R93: neither a cursor nor an order reveals a name."""
    refused = (
        'customers(filter: { text: "zq" }) { totalCount }',
        'contacts(filter: { email: "zq@zq.example" }) { totalCount }',
        'auditTrail(filter: { reason: "zq-moved" }) { totalCount }',
    )
    for field in refused:
        error = await api.error(f"{{ {field} }}", token=masked)
        assert error["extensions"]["requiredScopes"] == ["PERSONAL_DATA_READ"]
        assert "errors" not in await api.answer(f"{{ {field} }}")
    list_ = "nodes { accountNumber } pageInfo { endCursor }"
    for sort, is_backward in (("NAME_ASC", False), ("NAME_DESC", True)):
        document = f"{{ customers(first: 500, sort: {sort}) {{ {list_} }} }}"
        page = (await api.data(document, token=masked))["customers"]
        numbers = [node["accountNumber"] for node in page["nodes"]]
        assert numbers == sorted(numbers, reverse=is_backward)
        by_name = (await api.data(document))["customers"]["pageInfo"]["endCursor"]
        error = await api.error(f'{{ customers(after: "{by_name}") {{ {list_} }} }}', token=masked)
        assert error["extensions"]["code"] == "BAD_USER_INPUT"
    nested = '{{ customerClass(code: "SOLE_TRADER") {{ customers(first: 1{}) {{ {} }} }} }}'
    first = (await api.data(nested.format("", list_), token=masked))["customerClass"]["customers"]
    after = f', after: "{first["pageInfo"]["endCursor"]}"'
    assert first["nodes"] == [{"accountNumber": "AC-1"}]
    second = await api.data(nested.format(after, list_), token=masked)
    assert {"accountNumber": "AC-1"} not in second["customerClass"]["customers"]["nodes"]


async def test_exports_are_masked_too(api: Api, ids: dict[str, str], masked: str) -> None:
    period = "fromAt=2026-01-01T00:00:00Z&untilAt=2027-01-01T00:00:00Z"
    for path in (
        f"/exports/consent-evidence.csv?customerId={ids['customer']}",
        f"/exports/delivery-exposure.csv?{period}",
        "/exports/customer-report.csv?groupBy=RESELLER",
    ):
        shown, hidden = [
            await api.http.get(path, headers={"Authorization": f"Bearer {token}"})
            for token in (api.token, masked)
        ]
        assert (shown.status_code, hidden.status_code) == (200, 200)
        assert markers_in(shown.text) != set()
        assert markers_in(hidden.text) == set()
        assert len(hidden.text.splitlines()) == len(shown.text.splitlines())


async def test_over_a_websocket_it_is_masked_as_well(
    api: Api, ids: dict[str, str], masked: str
) -> None:
    document = "query($id: ID) { customer(id: $id) { name contacts { name email } } }"
    async with serving(api.app) as address, connected(address) as socket:
        await socket.sign_in(masked)
        answer = await socket.ask(document, id=ids["customer"])
    shown = {"name": "***", "contacts": [{"name": "***", "email": None}]}
    assert answer["data"]["customer"] == shown


async def test_a_schema_that_shows_a_personal_column_unmasked_is_not_built() -> None:
    """R93: a column is personal unless declared otherwise, in every kind of field mapping."""

    @strawberry.type
    class Shown:
        email: str
        mine: str = computed(str, "name", description="Made of a column.")
        open: str = computed(str, "mail_failure", description="Made of one that is open.")

    @strawberry.type
    class Said:
        said: str = computed(str, "testimony.statement", description="Of another table.")

    refuse_unmasked()
    for kind, model, unmasked in (
        (Shown, Contact, "Shown.email, Shown.mine."),
        (Said, ConsentEntry, "Said.said."),
    ):
        with pytest.raises(UnmaskedError) as caught:
            refuse_unmasked({kind: model})
        assert f"columns: {unmasked} Mask" in str(caught.value)


async def test_advisories_do_not_tell_how_a_masked_name_ends(api: Api, masked: str) -> None:
    """R93: neither in queries nor in the response to a class change."""
    document = "query($id: ID) { customer(id: $id) { advisories { code } } }"
    trader = await api.class_of("SOLE_TRADER")
    for name in ("Rosa Smith", "Rosa Smith Ltd"):
        customer = await api.save_customer(name=name, classCode="RESIDENTIAL")
        shown = await api.data(document, id=customer["id"])
        expected = [{"code": "NAME_DOES_NOT_FIT_CLASS"}] if name.endswith("Ltd") else []
        assert shown["customer"]["advisories"] == expected
        hidden = await api.data(document, token=masked, id=customer["id"])
        assert hidden["customer"]["advisories"] == []
        moved = await api.done(
            "changeCustomerClass",
            "advisories { code }",
            token=masked,
            customerId=customer["id"],
            classId=trader["id"],
            reason="Trades",
        )
        assert moved["advisories"] == []


async def test_the_company_of_a_sole_trader_is_pointed_out_by_its_number(api: Api) -> None:
    """R5."""
    customer = await api.save_customer(
        name="Jo Bloggs", classCode="SOLE_TRADER", companyNumber="12345678"
    )
    document = (
        "query($id: ID) { customer(id: $id) { advisories { code message suggestedClassCode } } }"
    )
    shown = (await api.data(document, id=customer["id"]))["customer"]["advisories"]
    assert shown == [
        {
            "code": "CLASS_MISMATCH",
            "message": "The customer's company number is that of a company, but the class is for"
            " individuals: check the class and the number.",
            "suggestedClassCode": "COMPANY_UK_LIMITED",
        }
    ]
