"""The schema is committed, described, guarded by permissions, and follows the API contract."""

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from graphql import (
    DocumentNode,
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    InputObjectTypeDefinitionNode,
    InterfaceTypeDefinitionNode,
    ObjectTypeDefinitionNode,
    build_schema,
    is_non_null_type,
    parse,
    print_ast,
)
from strawberry.schema.schema_converter import GraphQLCoreConverter

from schema.base.permissions import Requires
from schema.root import Mutation, Query, Subscription
from tests.completeness import assert_complete
from tests.graphql_client import the_schema
from tests.permissions_of_fields import PERMISSIONS

ROOT = Path(__file__).resolve().parent.parent
COMMITTED = ROOT / "schema" / "schema.graphql"
CONTRACT = ROOT.parent / "shared" / "contract.graphql"
ROOTS = {"Query": Query, "Mutation": Mutation, "Subscription": Subscription}


CONTRACT_ENUMS = {
    "ClassStatus": "ACTIVE RETIRED ALL",
    "CustomerLabel": "INDIVIDUAL SOLE_TRADER RESELLER",
    "ValueSource": "USER REGISTER SANDBOX",
    "AccountsScope": "COMPANY GROUP",
    "FieldOutcome": "FOUND NOT_FILED UNREADABLE KEPT_USER_VALUE",
    "EnrichmentStatus": "NOT_APPLICABLE PENDING RUNNING RETRYING SUCCEEDED PARTIAL NOT_FOUND"
    " NEEDS_COMPANY_NUMBER FAILED CANCELLED",
    "EnrichmentReason": "NO_ACCOUNTS_YET ACCOUNTS_PDF_ONLY ACCOUNTS_UNREADABLE IDENTITY_MISMATCH"
    " NOT_LIMITED_OR_PLC BLOCKED",
}
"""Enum values that the contract names only in its comments."""

CONTRACT_FIELDS = {
    "ClassChange": "from to reason changedBy changedAt",
    "AddressValue": "value source retrievedAt",
    "DateValue": "value source retrievedAt",
    "CountValue": "value source retrievedAt periodEndOn scope isDerived warnings",
    "MoneyValue": "value source retrievedAt periodEndOn scope isDerived warnings currency",
    "EnrichedField": "name outcome source",
    "CustomerConnection": "nodes edges pageInfo totalCount",
    "CustomerClassConnection": "nodes edges pageInfo totalCount",
    "RetireCustomerClassPayload": "customerClass userErrors",
    "ReactivateCustomerClassPayload": "customerClass userErrors",
    "DeleteCustomerClassPayload": "customerClass userErrors",
    "SaveCustomerClassPayload": "customerClass userErrors",
    "ChangeCustomerClassPayload": "customer userErrors",
    "DeleteCustomerPayload": "customer userErrors",
    "RequestEnrichmentPayload": "customer userErrors",
    "AcceptSuggestionPayload": "suggestion customer userErrors",
    "RejectSuggestionPayload": "suggestion customer userErrors",
}
"""Fields that the contract names only in its comments, or that its principles require."""


@pytest.fixture(scope="module")
def types() -> dict[str, GraphQLNamedType]:
    """Return the types of the printed schema, as a client sees them."""
    return {
        name: kind
        for name, kind in build_schema(the_schema().as_str()).type_map.items()
        if not name.startswith("__")
    }


def members(kind: GraphQLNamedType) -> dict[str, Any]:
    """Return the fields of a type, or nothing when it has none."""
    has_fields = (GraphQLObjectType, GraphQLInterfaceType, GraphQLInputObjectType)
    return dict(kind.fields) if isinstance(kind, has_fields) else {}


def test_the_committed_schema_is_the_one_that_is_served() -> None:
    assert COMMITTED.read_text() == the_schema().as_str() + "\n"


def test_every_root_field_has_the_permission_that_is_meant_for_it() -> None:
    """R93: and no root field lacks a permission."""
    found = {}
    for root in ROOTS.values():
        for field in root.__strawberry_definition__.fields:  # type: ignore[attr-defined]  # set by strawberry
            (permission,) = [one for one in field.extensions if isinstance(one, Requires)]
            found[field.python_name] = set(permission.scopes)
    table = "PERMISSIONS in tests/test_schema.py"
    assert_complete(table, PERMISSIONS, found, "the permissions of which one is enough")
    assert found == PERMISSIONS


def test_every_root_field_says_which_permission_it_needs(
    types: dict[str, GraphQLNamedType],
) -> None:
    told = {
        f"{root}.{name}": re.findall(r"Needs .*$", field.description or "")
        for root in ROOTS
        for name, field in members(types[root]).items()
    }
    assert told["Query.viewer"] == ["Needs any valid credential."]
    assert told["Query.customers"] == ["Needs `customers:read`."]
    assert told["Query.platformDefaults"] == ["Needs `customer_classes:read` or `customers:read`."]
    assert told["Mutation.saveCustomerClass"] == [
        "Needs `customer_classes:write`. Not available to partners."
    ]
    assert told["Subscription.customerEnriched"] == ["Needs `customers:read`."]
    assert [name for name, needs in told.items() if len(needs) != 1] == []


def test_descriptions_name_no_requirement() -> None:
    lines = the_schema().as_str().splitlines()
    assert [line for line in lines if re.search(r"\b[AR]\d{1,3}\b", line)] == []


def test_everything_is_described(types: dict[str, GraphQLNamedType]) -> None:
    built_in = {"Boolean", "Float", "ID", "Int", "String"}
    bare = [name for name, kind in types.items() if not kind.description and name not in built_in]
    for name, kind in types.items():
        for field_name, field in members(kind).items():
            bare += [] if field.description else [f"{name}.{field_name}"]
            for argument_name, argument in getattr(field, "args", {}).items():
                where = f"{name}.{field_name}({argument_name})"
                bare += [] if argument.description else [where]
        if isinstance(kind, GraphQLEnumType):
            bare += [f"{name}.{v}" for v, value in kind.values.items() if not value.description]
    assert bare == []


def test_names_are_spelt_as_clients_expect(types: dict[str, GraphQLNamedType]) -> None:
    """Instants end in At, dates in On; booleans begin with a verb; ids have the type ID."""
    odd = []
    for name, kind in types.items():
        for field_name, field in members(kind).items():
            spelt = str(field.type).rstrip("!")
            where = f"{name}.{field_name}: {spelt}"
            is_time = field_name.endswith("At") or field_name in {"at", "since"}
            if spelt == "DateTime" and not is_time:
                odd.append(where)
            if spelt == "Date" and not field_name.endswith("On") and field_name != "value":
                odd.append(where)
            verbs = ("is", "has", "can", "are", "was", "crosses", "check", "receives")
            others = {"totalCountIsExact", "dryRun", "retryable", "revokePreferences"}
            is_verb = field_name.startswith(verbs) or field_name in others
            if spelt == "Boolean" and not is_verb:
                odd.append(where)
            if (field_name == "id" or field_name.endswith("Id")) and spelt != "ID":
                odd.append(where)
    # Ids of requests and of filings at Companies House do not identify objects of this API.
    assert odd == [
        "AuditEntry.requestId: String",
        "AuditFilter.requestId: String",
        "CountValue.filingId: String",
        "FiledValue.filingId: String",
        "MoneyValue.filingId: String",
    ]


def test_every_mutation_takes_one_input_and_gives_one_payload(
    types: dict[str, GraphQLNamedType],
) -> None:
    for name, field in members(types["Mutation"]).items():
        stem = name[0].upper() + name[1:]
        assert {n: str(a.type) for n, a in field.args.items()} == {"input": f"{stem}Input!"}
        assert str(field.type) == f"{stem}Payload"  # one failure keeps the other results
        payload, taken = members(types[f"{stem}Payload"]), members(types[f"{stem}Input"])
        assert str(payload["userErrors"].type) == "[UserError!]!"
        assert str(taken["dryRun"].type) == "Boolean"
        node = taken["dryRun"].ast_node
        assert node is not None
        assert node.default_value is not None
        assert print_ast(node.default_value) == "false"
        objects = {n for n, f in payload.items() if n != "userErrors"}
        assert all(
            str(payload[n].type).endswith(("Count", "Int!", "]!", "Boolean!"))
            or not str(payload[n].type).endswith("!")
            for n in objects
        )
        if name not in {"requestEnrichment", "restartEnrichments", "eraseActorNames"}:
            assert str(taken["expectedVersion"].type) == "Int"


@pytest.mark.parametrize(
    "node", ["Customer", "CustomerClass", "User", "UserGroup", "AccessToken", "AuditEntry"]
)
def test_lists_are_relay_connections(types: dict[str, GraphQLNamedType], node: str) -> None:
    """R98."""
    connection, edge = members(types[f"{node}Connection"]), members(types[f"{node}Edge"])
    assert {name: str(field.type) for name, field in connection.items()} == {
        "edges": f"[{node}Edge!]!",
        "nodes": f"[{node}!]!",
        "pageInfo": "PageInfo!",
        "totalCount": "Int!",
        **({"totalCountIsExact": "Boolean!"} if node in {"Customer", "AuditEntry"} else {}),
    }
    assert {name: str(field.type) for name, field in edge.items()} == {
        "cursor": "String!",
        "node": f"{node}!",
    }
    assert {name: str(field.type) for name, field in members(types["PageInfo"]).items()} == {
        "hasNextPage": "Boolean!",
        "hasPreviousPage": "Boolean!",
        "startCursor": "String",
        "endCursor": "String",
    }


def test_everything_with_an_id_of_its_own_is_a_node(types: dict[str, GraphQLNamedType]) -> None:
    nodes = {
        name
        for name, kind in types.items()
        if isinstance(kind, GraphQLObjectType) and "Node" in {i.name for i in kind.interfaces}
    }
    assert nodes == {
        "AccessToken",
        "Contact",
        "Customer",
        "CustomerClass",
        "CustomerTemplate",
        "Suggestion",
        "User",
        "UserGroup",
    }


@pytest.fixture(scope="module")
def contract() -> DocumentNode:
    """Return the API contract agreed with front ends; skip the test if the file is missing."""
    if not CONTRACT.exists():
        pytest.skip("the contract is not beside this checkout")
    return parse(CONTRACT.read_text())


def test_the_schema_holds_all_that_the_contract_promises(contract: DocumentNode) -> None:
    served = {d.name.value: d for d in shaped(parse(the_schema().as_str()))}
    missing = []
    for promised in shaped(contract):
        name = promised.name.value
        given = served.get(name)
        if given is None:
            missing.append(name)
            continue
        has = {one.name.value for one in getattr(given, "interfaces", None) or ()}
        wanted = {one.name.value for one in getattr(promised, "interfaces", None) or ()}
        missing += [f"{name} implements {interface}" for interface in sorted(wanted - has)]
        missing += lacking(name, promised.fields or (), given.fields or ())
    assert missing == []


def shaped(document: DocumentNode) -> list[Any]:
    """Return the definitions in a document that have fields."""
    kinds = (
        ObjectTypeDefinitionNode,
        InterfaceTypeDefinitionNode,
        InputObjectTypeDefinitionNode,
    )
    return [one for one in document.definitions if isinstance(one, kinds)]


@cache
def own_permissions() -> set[str]:
    """Return the fields with their own permission, which must be nullable."""
    guarded = set()
    for name, kind in the_schema()._schema.type_map.items():
        for field_name, field in getattr(kind, "fields", {}).items():
            definition = field.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
            required = [one for one in getattr(definition, "extensions", ()) if is_required(one)]
            if required and not name.startswith("Subscription"):
                guarded.add(f"{name}.{field_name}")
    return guarded


def is_required(extension: object) -> bool:
    """Return whether a field extension requires more than being signed in."""
    return isinstance(extension, Requires) and bool(extension.scopes)


def test_a_field_with_a_permission_of_its_own_is_nullable() -> None:
    """A refusal then keeps the rest of the response, and a failed mutation the others' results."""
    schema = the_schema()._schema
    guarded = own_permissions()
    assert {"Mutation.saveCustomer", "Query.customers", "Customer.contacts"} <= guarded
    for where in guarded:
        parent, name = where.split(".")
        assert not is_non_null_type(members(schema.type_map[parent])[name].type), where


def lacking(owner: str, promised: Iterable[Any], given: Iterable[Any]) -> list[str]:
    """Return the promised fields or arguments that are missing or differ in type or default."""
    by_name = {one.name.value: one for one in given}
    missing = []
    for one in promised:
        where, found = f"{owner}.{one.name.value}", by_name.get(one.name.value)
        if found is None:
            missing.append(where)
            continue
        spelt = print_ast(one.type)
        wanted_type = spelt.removesuffix("!") if where in own_permissions() else spelt
        if print_ast(found.type) != wanted_type:
            missing.append(f"{where}: {wanted_type}, not {print_ast(found.type)}")
        wanted, default = (getattr(x, "default_value", None) for x in (one, found))
        if wanted is not None and (default is None or print_ast(default) != print_ast(wanted)):
            missing.append(f"{where} = {print_ast(wanted)}")
        missing += lacking(
            where, getattr(one, "arguments", None) or (), getattr(found, "arguments", None) or ()
        )
    return missing


def test_the_schema_holds_what_the_contract_says_in_comments(
    types: dict[str, GraphQLNamedType],
) -> None:
    for name, values in CONTRACT_ENUMS.items():
        kind = types[name]
        assert isinstance(kind, GraphQLEnumType)
        assert set(values.split()) <= set(kind.values), name
    for name, fields in CONTRACT_FIELDS.items():
        assert set(fields.split()) <= set(members(types[name])), name
