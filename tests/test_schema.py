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
    InputValueDefinitionNode,
    InterfaceTypeDefinitionNode,
    ObjectTypeDefinitionNode,
    build_schema,
    get_named_type,
    is_non_null_type,
    parse,
    print_ast,
)
from strawberry.schema.schema_converter import GraphQLCoreConverter

from models.tables.access import Scope
from schema.base.permissions import Requires
from schema.engine.dry_runs import id_fields
from schema.root import Mutation, Query, Subscription
from tests.completeness import assert_complete
from tests.graphql_client import the_schema
from tests.permissions_of_fields import PERMISSIONS
from tests.refusal_codes import TABLE as USER_ERRORS_FILE
from tests.refusal_codes import table

ROOT = Path(__file__).resolve().parent.parent
COMMITTED = ROOT / "schema" / "schema.graphql"
CONTRACT = ROOT.parent / "shared" / "contract.graphql"
ROOTS = {"Query": Query, "Mutation": Mutation, "Subscription": Subscription}


CONTRACT_ENUMS = {
    "ClassStatus": "ACTIVE RETIRED",
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
    "EnrichedField": "field outcome source",
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
    assert COMMITTED.read_text() == the_schema().as_str() + "\n", (
        "schema/schema.graphql is out of date: run make schema"
    )


def test_every_root_field_has_the_permission_that_is_meant_for_it() -> None:
    """R93: and no root field lacks a permission."""
    found = {}
    for root in ROOTS.values():
        for field in root.__strawberry_definition__.fields:  # type: ignore[attr-defined]  # set by strawberry
            (permission,) = [one for one in field.extensions if isinstance(one, Requires)]
            found[field.python_name] = set(permission.scopes)
    table = "PERMISSIONS in tests/permissions_of_fields.py"
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
    assert told["Query.customers"] == ["Needs the permission `customers:read`."]
    assert told["Query.platformDefaults"] == [
        "Needs the permission `customer_classes:read` or `customers:read`."
    ]
    (needs,) = told["Mutation.saveCustomerClass"]
    assert needs == (
        "Needs the permission `customer_classes:write`. Not available to partners (callers bound"
        " to a reseller)."
    )
    assert told["Subscription.customerEnriched"] == ["Needs the permission `customers:read`."]
    assert [name for name, needs in told.items() if len(needs) != 1] == []


def test_descriptions_name_no_requirement() -> None:
    lines = the_schema().as_str().splitlines()
    assert [line for line in lines if re.search(r"\b[AR]\d{1,3}\b", line)] == []


UNVERSIONED = {
    "cancelImport",
    *("requestEnrichment", "restartEnrichments", "eraseActorNames", "createExport"),
    *("pingWebhookEndpoint", "redeliverWebhooks"),
    *("retryJobs", "discardJobs", "pauseJobs", "resumeJobs"),
}
"""Mutations that change no object with a version."""


def test_every_mutation_takes_one_input_and_gives_one_payload(
    types: dict[str, GraphQLNamedType],
) -> None:
    for name, field in members(types["Mutation"]).items():
        stem = name[0].upper() + name[1:]
        assert {n: str(a.type) for n, a in field.args.items()} == {"input": f"{stem}Input!"}
        assert str(field.type) == f"{stem}Payload"  # one failure keeps the other results
        payload, taken = members(types[f"{stem}Payload"]), members(types[f"{stem}Input"])
        assert {name: str(payload[name].type) for name in ("isDryRun", "userErrors")} == {
            "isDryRun": "Boolean!",
            "userErrors": "[UserError!]!",
        }
        assert is_payload(types[f"{stem}Payload"])
        assert str(taken["dryRun"].type) == "Boolean"
        node = taken["dryRun"].ast_node
        assert node is not None
        assert node.default_value is not None
        assert print_ast(node.default_value) == "false"
        objects = {n for n in payload if n != "userErrors"}
        assert all(
            str(payload[n].type).endswith(("Count", "Int!", "]!", "Boolean!"))
            or not str(payload[n].type).endswith("!")
            for n in objects
        )
        of_many = {"acceptSuggestions", "rejectSuggestions"}
        if name in {"saveCustomers", "saveContacts", "recordConsents"}:
            row = get_named_type(taken["rows"].type)
            assert str(taken["rows"].type) == f"[{row.name}!]!"
            assert str(members(row)["expectedVersion"].type) == "Int"
        elif name in of_many:
            assert str(taken["expectedVersions"].type) == "[ExpectedCustomerVersion!]"
        elif name not in UNVERSIONED:
            assert str(taken["expectedVersion"].type) == "Int"


def is_payload(kind: GraphQLNamedType) -> bool:
    """Return whether a type implements the interface of all payloads."""
    assert isinstance(kind, GraphQLObjectType)
    return [one.name for one in kind.interfaces] == ["MutationPayload"]


@pytest.mark.parametrize(
    "node",
    [
        "Customer",
        "CustomerClass",
        "CustomerTemplate",
        "User",
        "UserGroup",
        "AccessToken",
        "AuditEntry",
    ],
)
def test_lists_are_relay_connections(types: dict[str, GraphQLNamedType], node: str) -> None:
    """R98."""
    connection, edge = members(types[f"{node}Connection"]), members(types[f"{node}Edge"])
    assert {name: str(field.type) for name, field in connection.items()} == {
        "edges": f"[{node}Edge!]!",
        "nodes": f"[{node}!]!",
        "pageInfo": "PageInfo!",
        "totalCount": "Int!",
        **({"isTotalCountExact": "Boolean!"} if node in {"Customer", "AuditEntry"} else {}),
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


def test_lists_are_asked_for_in_one_style(types: dict[str, GraphQLNamedType]) -> None:
    """R98: pages in both directions; filters and orders are named after what they list."""
    names = {"customers": "Customer", "auditTrail": "Audit", "deliveryExposure": "DeliveryExposure"}
    for owner, kind in types.items():
        for name, field in members(kind).items():
            if not str(field.type).rstrip("!").endswith("Connection"):
                continue
            given = {n: str(a.type).rstrip("!") for n, a in field.args.items()}
            pages = {n: given.get(n) for n in ("first", "after", "last", "before")}
            ints = {"first": "Int", "after": "String", "last": "Int", "before": "String"}
            assert pages == ints, (owner, name)
            stem = names.get(name, str(field.type).rstrip("!").removesuffix("Connection"))
            prefix = "Class" if owner == "CustomerClass" and name == "customers" else ""
            assert given.get("filter", f"{prefix}{stem}Filter") == f"{prefix}{stem}Filter"
            assert given.get("sort", f"{stem}Sort") == f"{stem}Sort"
            unsorted = {"deliveryExposure", "deprecatedUses", "events", "faults", "profileChanges"}
            if name not in unsorted:
                assert "sort" in given, (owner, name)


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
            if required:
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


def test_a_root_field_is_nullable(types: dict[str, GraphQLNamedType]) -> None:
    """A refused root field then leaves the results of the others."""
    fields = {f"{root}.{n}": f.type for root in ROOTS for n, f in members(types[root]).items()}
    assert [where for where, kind in fields.items() if is_non_null_type(kind)] == []


def test_a_field_with_arguments_is_nullable(types: dict[str, GraphQLNamedType]) -> None:
    """An argument that is refused then leaves the rest of the object."""
    odd = [
        f"{name}.{field_name}"
        for name, kind in types.items()
        if isinstance(kind, GraphQLObjectType)
        for field_name, field in kind.fields.items()
        if field.args and is_non_null_type(field.type)
    ]
    assert odd == []


def directives_of_fields(name: str) -> dict[str, list[str]]:
    """Return the values of a directive's only argument, by the field that has the directive."""
    found: dict[str, list[str]] = {}
    definitions: tuple[Any, ...] = parse(the_schema().as_str()).definitions
    for kind in definitions:
        for field in getattr(kind, "fields", None) or ():
            for one in field.directives or ():
                if one.name.value == name:
                    (argument,) = one.arguments
                    where = f"{kind.name.value}.{field.name.value}"
                    found[where] = print_ast(argument.value).strip("[]").replace(",", "").split()
    return found


def test_the_printed_schema_says_which_permissions_a_field_needs(
    types: dict[str, GraphQLNamedType],
) -> None:
    told = directives_of_fields("requiresPermission")
    assert told["Query.viewer"] == []
    assert told["Query.customerClasses"] == ["CUSTOMER_CLASSES_READ", "CUSTOMERS_READ"]
    assert told["Customer.contacts"] == ["CONTACTS_READ"]
    assert told["SaveCustomerInput.consent"] == ["CONSENT_WRITE"]
    assert told["Subscription.customerEnriched"] == ["CUSTOMERS_READ"]
    roots = {f"{root}.{name}" for root in ROOTS for name in members(types[root])}
    assert roots | own_permissions() <= told.keys()
    for where, scopes in told.items():
        owner, name = where.split(".")
        description = members(types[owner])[name].description or ""
        assert [s for s in scopes if Scope[s].value not in description] == [], where


def test_the_printed_schema_says_which_user_errors_a_mutation_can_give(
    types: dict[str, GraphQLNamedType],
) -> None:
    told = directives_of_fields("userErrors")
    assert told.keys() == {f"Mutation.{name}" for name in members(types["Mutation"])}
    assert told["Mutation.deleteContact"] == [
        *("NOT_FOUND", "OUT_OF_RANGE", "REQUIRED", "VERSION_CONFLICT"),
    ]
    codes = types["UserErrorCode"]
    assert isinstance(codes, GraphQLEnumType)
    assert {*codes.values} - {code for some in told.values() for code in some} == set()


def test_the_declared_user_errors_are_those_that_the_source_leads_to() -> None:
    """Tests also fail for each user error whose code is not declared."""
    assert USER_ERRORS_FILE.read_text() == table(), "Run `python -m tests.refusal_codes`."


def test_a_field_of_ids_is_called_so_in_every_type(types: dict[str, GraphQLNamedType]) -> None:
    """Ids in the payloads of dry runs are found by the names of their fields."""
    names = id_fields(the_schema()._schema)
    assert {"id", "customerId", "deletedId"} <= names
    others = {
        f"{name}.{field_name}"
        for name, kind in types.items()
        if isinstance(kind, GraphQLObjectType)
        for field_name, field in kind.fields.items()
        if field_name in names and get_named_type(field.type).name != "ID"
    }
    assert others == set()


def lacking(owner: str, promised: Iterable[Any], given: Iterable[Any]) -> list[str]:
    """Return the promised fields or arguments that are missing or differ in type or default.

    An argument may be optional where the contract requires it: no client notices.
    """
    by_name = {one.name.value: one for one in given}
    missing = []
    for one in promised:
        where, found = f"{owner}.{one.name.value}", by_name.get(one.name.value)
        if found is None:
            missing.append(where)
            continue
        spelt = print_ast(one.type)
        is_root = owner in ROOTS and "(" not in where
        is_nullable = is_root or where in own_permissions()
        wanted_type = spelt.removesuffix("!") if is_nullable else spelt
        looser = wanted_type.removesuffix("!") if isinstance(one, InputValueDefinitionNode) else ""
        if print_ast(found.type) not in {wanted_type, looser}:
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
