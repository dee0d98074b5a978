"""Whoever may not see personal data finds none of it, wherever it is asked for (R93)."""

import base64
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from graphql import GraphQLInterfaceType, get_named_type
from strawberry.types import get_object_definition
from tortoise.expressions import F
from tortoise.models import Model

from models import (
    AuditEntry,
    ClassChange,
    ConsentEntry,
    Contact,
    Customer,
    CustomerClass,
    CustomerTemplate,
    Suggestion,
    UserGroup,
)
from models.access import Principal, Scope
from models.audit import Act
from models.consent_chain import TESTIMONY
from models.enrichment import SuggestionStatus
from schema.personal import PERSONAL
from schema.reads import READ, Brought, Derived, Needs, models_of
from schema.selections import known_fields
from tests.access_world import issue
from tests.conftest import Clock
from tests.databases import Databases
from tests.graphql_client import Api, Json, connected, running_api, serving, the_schema
from tests.mutations import MUTATIONS
from tests.selecting import everything_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

MARKERS = {
    "customer",
    "address",
    "contact",
    "email",
    "giver",
    "role",
    "statement",
    "evidence",
    "asker",
    "why",
    "correction",
    "suggested",
    "moved",
    "renamed",
    "staff",
    "mailbox",
    "dismissal",
    "leak",
}
"""What personal data holds, each place its own: `zq-customer` and so on."""

CURSOR = re.compile(r"[A-Za-z0-9_-]{20,}")


def zq(name: str) -> str:
    assert name in MARKERS
    return f"zq-{name}"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(databases: Databases) -> AsyncIterator[Api]:
    """Give one application where personal data needs its scope."""
    wide: dict[str, Any] = {"max_aliases": 10_000, "max_fields": 10**6, "max_depth": 200}
    wide |= {"max_cost": 10**9, "cost_budget": 0}
    async with running_api(databases, Clock(), personal_data_needs_scope=True, **wide) as started:
        yield started


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ids(api: Api) -> dict[str, str]:
    """Make a sole trader with everything that is personal; give the ids, quoted."""
    parent = await api.save_customer(name=zq("customer"), classCode="RESELLER_SOLE_TRADER")
    customer = await api.save_customer(
        name=zq("renamed"),
        classCode="RESIDENTIAL",
        parentId=parent["id"],
        accountNumber="AC-1",
        profile={"registeredAddress": {"addressLine1": zq("address")}},
    )
    await api.save_customer(id=customer["id"], name=zq("customer"))
    sole_trader = await api.class_of("SOLE_TRADER")
    await api.done(
        "changeCustomerClass",
        "",
        customerId=customer["id"],
        classId=sole_trader["id"],
        reason=zq("moved"),
    )
    contact = await api.done(
        "saveContact",
        "contact { id }",
        customerId=customer["id"],
        name=zq("contact"),
        email="zq-email@a.example",
        receivesBills=True,
    )
    grant = await api.done(
        "recordConsent",
        "entry { id }",
        customerId=customer["id"],
        basis="WRITTEN_OPT_IN",
        method="PAPER",
        givenBy=zq("giver"),
        givenByRole=zq("role"),
        statement=zq("statement"),
        evidenceReference=zq("evidence"),
        documentName="Terms",
        documentVersion="1",
        isEmailingCovered=True,
        effectiveAt="2026-09-01T00:00:00Z",
    )
    await api.done("correctConsent", "", entryId=grant["entry"]["id"], reason=zq("correction"))
    await api.done(
        "requestNonItemisedBills",
        "",
        customerId=customer["id"],
        askedBy=zq("asker"),
        effectiveAt="2026-11-15T00:00:00Z",
        reason=zq("why"),
    )
    suggestion = await Suggestion.create(
        customer_id=customer["id"],
        field="registered_address",
        entry={"value": {"address_line_1": zq("suggested")}, "source": "SANDBOX"},
        status=SuggestionStatus.OPEN,
        created_at=api.clock(),
    )
    return {
        "customer": customer["id"],
        "contact": contact["contact"]["id"],
        "suggestion": suggestion.id,
        **await staff(api),
    }


async def staff(api: Api) -> dict[str, str]:
    """Make a user who was called otherwise before, with a token; their names are not masked."""
    before = {"name": zq("staff"), "email": "zq-mailbox@a.example"}
    user = (await api.done("saveUser", "user { id }", **before))["user"]["id"]
    await api.done("saveUser", "", id=user, name="Uma", email="uma@a.example")
    await api.done("grantPermissions", "", granteeId=user, permissions=[Scope.CUSTOMERS_READ])
    token = (await issue(api, user, Scope.CUSTOMERS_READ))["accessToken"]["id"]
    await api.done("revokeAccessToken", "", id=token, reason=zq("leak"))
    await api.done("disableUser", "", id=user, reason=zq("dismissal"))
    group = await api.done("saveUserGroup", "userGroup { id }", name="Auditors")
    return {"user": user, "token": token, "group": group["userGroup"]["id"]}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def masked(api: Api) -> str:
    """Give a token that may do everything but see personal data."""
    return await api.token_for(*(one for one in Scope if one is not Scope.PERSONAL_DATA_READ))


def told(text: str) -> set[str]:
    """Name the markers in an answer, and in what its cursors are made of."""
    encoded = [one for one in CURSOR.findall(text) if len(one) % 4 != 1]
    cursors = [base64.urlsafe_b64decode(f"{one}==") for one in encoded]
    whole = text + b" ".join(cursors).decode(errors="replace")
    return {marker for marker in MARKERS if f"zq-{marker}" in whole.casefold()}


def queries(ids: dict[str, str]) -> dict[str, str]:
    """Give the arguments of each root field, for it to show what there is."""
    quoted = {name: f'"{one}"' for name, one in ids.items()}
    period = 'from: "2026-01-01T00:00:00Z", to: "2027-01-01T00:00:00Z"'
    return {
        "viewer": "",
        "node": f"(id: {quoted['contact']})",
        "nodes": f"(ids: [{', '.join(quoted.values())}])",
        "customerClass": '(code: "SOLE_TRADER")',
        "customerClasses": "",
        "customer": f"(id: {quoted['customer']})",
        "customers": "",
        "customerTemplates": "",
        "platformDefaults": "",
        "deliveryExposure": f"({period})",
        "deliveryRules": "",
        "consentEvidence": f"(customerId: {quoted['customer']})",
        "verifyConsentLedger": f"(customerId: {quoted['customer']})",
        "consentAdvisoryCounts": "",
        "auditTrail": "(first: 500)",
        "permissions": "",
        "users": "",
        "userGroups": "",
        "accessTokens": "",
    }


def documents(ids: dict[str, str]) -> dict[str, str]:
    """Ask each root field for all that it leads to; for each type that it may be, if several."""
    core = the_schema()._schema
    assert core.query_type is not None
    arguments = {"instant": '"2026-11-01T00:00:00Z"'}
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
    asked = queries({"customer": "", "contact": "", "suggestion": ""})
    # What the register offers by name is public, and nobody of ours.
    assert query.fields.keys() - asked.keys() == {"companySearch"}


async def test_no_query_tells_personal_data_to_who_may_not_see_it(
    api: Api, ids: dict[str, str], masked: str
) -> None:
    """R93: and all of it to who may, so that the walk has been everywhere."""
    seen: set[str] = set()
    for name, document in documents(ids).items():
        shown = await api.post(document)
        hidden = await api.post(document, token=masked)
        assert "errors" not in shown.json(), (name, shown.json()["errors"])
        assert "errors" not in hidden.json(), (name, hidden.json()["errors"])
        assert told(hidden.text) == set(), name
        seen |= told(shown.text)
    assert seen == MARKERS


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
      suggestions { field value { ... on AddressValue { value { lines } } } }
      consent { entry { givenBy statement evidenceReference isPseudonymised } }
      deliveryPreview { contacts { name email hasAddress } }
      auditTrail { operation before after reason } } }"""
    customer: Json = (await api.data(document, token=masked, id=ids["customer"]))["customer"]
    edited = next(one for one in customer["auditTrail"] if one["operation"] == "customer.edited")
    moved = next(one for one in customer["auditTrail"] if "class_changed" in one["operation"])
    assert edited["before"] == edited["after"] == {"name": "***"}
    assert moved["after"].keys() == {"customer_class_id"}
    assert moved["after"]["customer_class_id"].startswith("cls_")
    assert {one["reason"] for one in customer.pop("auditTrail")} == {None}
    assert customer == {
        "name": "***",
        "parent": {"name": "***"},
        "profile": {"registeredAddress": None, "companyName": None},
        "contacts": [{"name": "***", "email": None, "receivesBills": True}],
        "classHistory": [{"reason": "***"}, {"reason": "***"}],
        "suggestions": [{"field": "registeredAddress", "value": {"value": {"lines": []}}}],
        "consent": {
            "entry": {
                "givenBy": None,
                "statement": None,
                "evidenceReference": None,
                "isPseudonymised": False,
            }
        },
        "deliveryPreview": {"contacts": [{"name": "***", "email": None, "hasAddress": True}]},
    }


async def test_what_was_done_about_access_is_told_without_the_persons(
    api: Api, ids: dict[str, str], masked: str
) -> None:
    """R93: what somebody may do is no personal data; how they are called, and why, is."""
    trail = "auditTrail { operation before after reason }"
    document = f"""query($ids: [ID!]!) {{ nodes(ids: $ids) {{
      ... on User {{ {trail} }} ... on AccessToken {{ {trail} }} }} }}"""
    wanted = [ids["user"], ids["token"]]
    nodes = (await api.data(document, token=masked, ids=wanted))["nodes"]
    assert {entry.pop("reason") for node in nodes for entry in node["auditTrail"]} == {None}
    of_user, of_token = [
        {one["operation"]: (one["before"], one["after"]) for one in node["auditTrail"]}
        for node in nodes
    ]
    names = {"name": "***", "email": "***"}
    assert of_user == {
        "user.created": ({}, names),
        "user.edited": (names, names),
        "permissions.granted": ({"permissions": []}, {"permissions": ["customers:read"]}),
        "user.disabled": ({"disabled_at": None}, {"disabled_at": "2026-10-01T09:30:00+00:00"}),
    }
    issued = {
        "name": "***",
        "scopes": ["customers:read"],
        "user_id": ids["user"],
        "expires_at": "2026-12-30T09:30:00+00:00",
    }
    assert of_token == {
        "token.issued": ({}, issued),
        "token.revoked": ({"revoked_at": None}, {"revoked_at": "2026-10-01T09:30:00+00:00"}),
    }


@pytest.mark.parametrize("mutation", MUTATIONS)
async def test_no_payload_tells_what_was_there_before(
    api: Api, clock: Clock, mutation: str, masked: str
) -> None:
    """R93: who writes without seeing is shown what it wrote as masked as everything else."""
    act = Act(Principal("tok_1", "Tess", frozenset(Scope)), clock(), "request-1")
    mutations = the_schema()._schema.mutation_type
    assert mutations is not None
    await CustomerClass.filter(code__isnull=True).update(name_key=F("id"))
    await CustomerTemplate.all().update(name_key=F("id"))
    await UserGroup.all().update(name_key=F("id"))
    values = await MUTATIONS[mutation][0](api, act)
    arguments = {"instant": '"2026-11-01T00:00:00Z"'}
    select = everything_of(mutations.fields[mutation].type, arguments)
    kind = f"{mutation[0].upper()}{mutation[1:]}Input"
    document = f"mutation($input: {kind}!) {{ {mutation}(input: $input) {select} }}"
    response = await api.post(document, {"input": values}, token=masked)
    assert "errors" not in response.json(), response.json()["errors"]
    personal = ("al@a.example", '"Al"', "Ann Example", "Director", "crm/4711")
    assert [one for one in personal if one in response.text] == []


@pytest.mark.usefixtures("ids")
async def test_lists_are_neither_searched_nor_ordered_by_what_is_masked(
    api: Api, masked: str
) -> None:
    """R93: not a cursor tells a name, and not an order."""
    refused = (
        'customers(filter: { text: "zq" }) { totalCount }',
        'auditTrail(filter: { reason: "zq-moved" }) { totalCount }',
    )
    for field in refused:
        error = await api.error(f"{{ {field} }}", token=masked)
        assert error["extensions"]["requiredScopes"] == ["personal_data:read"]
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
    period = "from=2026-01-01T00:00:00Z&to=2027-01-01T00:00:00Z"
    for path in (
        f"/exports/consent-evidence.csv?customerId={ids['customer']}",
        f"/exports/delivery-exposure.csv?{period}",
    ):
        shown, hidden = [
            await api.http.get(path, headers={"Authorization": f"Bearer {token}"})
            for token in (api.token, masked)
        ]
        assert (shown.status_code, hidden.status_code) == (200, 200)
        assert told(shown.text) != set()
        assert told(hidden.text) == set()
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


PERSONAL_COLUMNS: dict[type[Model], set[str]] = {
    Contact: {"name", "email", "name_key"},
    Customer: {"name", "profile", "search_key"},
    ClassChange: {"reason"},
    Suggestion: {"entry"},
    AuditEntry: {"before", "after", "reason"},
    ConsentEntry: {f"testimony.{name}" for name in TESTIMONY if name != "request_digest"},
}
"""What may be personal, by table; a field that shows one of these must say how it is masked."""

SAYS_NOTHING = {"Customer.advisories"}
"""Fields that look at such a column, and tell nothing of it but of companies that are checked."""


async def test_every_field_that_shows_a_personal_column_says_how_it_is_masked() -> None:
    undeclared = set()
    for kind, model in models_of.items():
        for field in known_fields(kind).values():
            way = field.metadata.get(READ)
            if isinstance(way, Derived | Needs | Brought):
                columns = set(way.columns)
            else:
                columns = set() if field.base_resolver else {field.python_name}
            if columns & PERSONAL_COLUMNS.get(model, set()) and PERSONAL not in field.metadata:
                name = get_object_definition(kind, strict=True).name
                undeclared.add(f"{name}.{field.python_name}")
    assert undeclared == SAYS_NOTHING
