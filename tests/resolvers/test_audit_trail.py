"""The audit trail of an object, and what an audit entry links to (R96)."""

from datetime import timedelta
from typing import Any

import pytest

from models import AuditEntry
from models.changes.contact_editing import CONTACT_FIELDS
from models.changes.customer_class_editing import EDITABLE_FIELDS
from models.changes.customer_template_editing import TEMPLATE_FIELDS
from models.changes.customer_values import STORED_FIELDS
from models.changes.user_editing import USER_FIELDS
from models.changes.user_group_editing import GROUP_FIELDS
from models.rules.api_name import api_name
from models.rules.audit_operation import AuditOperation
from models.tables.access import Scope
from models.tables.audit import ActorContext, new_entry
from schema.types.audit_values import api_values
from tests.access_world import add_group, add_user, issue
from tests.graphql_client import Api, Json, the_schema

TRAIL = """
  query($id: ID, $first: Int, $after: String, $last: Int, $before: String, $sort: AuditSort) {
    customer(id: $id) {
      auditTrail(first: $first, after: $after, last: $last, before: $before, sort: $sort) {
        totalCount isTotalCountExact nodes { after }
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
      }
    }
  }
"""
LINKS = """
  query($filter: AuditFilter) { auditTrail(filter: $filter) { nodes {
    operation subjectId customerId customer { name }
    subject { __typename id
      ... on Customer { name } ... on Contact { name } ... on CustomerClass { name }
      ... on User { name auditTrail(first: 1) { nodes { operation subject { id } } } } }
  } } }
"""


@pytest.fixture
async def customer(api: Api) -> str:
    """Return the id of a customer that was created as a and renamed to b, c, d and e."""
    made: Json = await api.save_customer(name="a")
    for name in "bcde":
        api.clock.advance(timedelta(seconds=1))
        await api.save_customer(id=made["id"], name=name)
    customer_id: str = made["id"]
    return customer_id


async def trail(api: Api, **arguments: Any) -> Json:
    answer: Json = (await api.data(TRAIL, **arguments))["customer"]["auditTrail"]
    return answer


def names(page: Json) -> list[str]:
    return [node["after"]["name"] for node in page["nodes"]]


@pytest.mark.parametrize(("sort", "whole"), [("AT_DESC", "edcba"), ("AT_ASC", "abcde")])
async def test_the_trail_of_an_object_pages_in_both_directions(
    api: Api, customer: str, sort: str, whole: str
) -> None:
    ways: tuple[tuple[str, str, str, str], ...] = (
        ("first", "after", "endCursor", "hasNextPage"),
        ("last", "before", "startCursor", "hasPreviousPage"),
    )
    for size_of, beyond, cursor, more in ways:
        seen: list[str] = []
        arguments: Json = {"id": customer, "sort": sort, size_of: 2}
        while True:
            page = await trail(api, **arguments)
            assert (page["totalCount"], page["isTotalCountExact"]) == (5, True)
            seen = seen + names(page) if size_of == "first" else names(page) + seen
            if not page["pageInfo"][more]:
                break
            arguments[beyond] = page["pageInfo"][cursor]
        assert "".join(seen) == whole


async def test_a_cursor_is_of_one_order(api: Api, customer: str) -> None:
    page = await trail(api, id=customer, first=1)
    after = page["pageInfo"]["endCursor"]
    error = await api.error(TRAIL, id=customer, after=after, sort="AT_ASC")
    assert error["extensions"]["code"] == "BAD_USER_INPUT"


async def test_each_of_many_objects_has_a_page_of_its_own(api: Api, customer: str) -> None:
    await api.save_customer(name="f")
    document = """{ customers(filter: { text: "" }) { nodes { name
      auditTrail(first: 1) { totalCount nodes { operation } pageInfo { hasNextPage } } } } }"""
    nodes = (await api.data(document))["customers"]["nodes"]
    assert [(one["name"], one["auditTrail"]) for one in nodes] == [
        (
            name,
            {
                "totalCount": count,
                "nodes": [{"operation": newest}],
                "pageInfo": {"hasNextPage": count > 1},
            },
        )
        for name, count, newest in (("e", 5, "CUSTOMER_EDITED"), ("f", 1, "CUSTOMER_CREATED"))
    ]
    assert customer


async def test_a_mutation_returns_the_entry_that_it_adds(api: Api, customer: str) -> None:
    select = "customer { auditTrail(first: 1) { nodes { operation before after } } }"
    done = await api.done("saveCustomer", select, id=customer, name="z")
    assert done["customer"]["auditTrail"]["nodes"] == [
        {"operation": "CUSTOMER_EDITED", "before": {"name": "e"}, "after": {"name": "z"}}
    ]


async def test_entries_link_to_what_they_are_about(api: Api, customer: str) -> None:
    made = await api.done("saveContact", "contact { id }", customerId=customer, name="Ann")
    user = await add_user(api, "Uma")
    own = await api.save_class(name="Own")
    nodes = (await api.data(LINKS))["auditTrail"]["nodes"]
    shown = {(node["subjectId"], node["operation"]): node for node in nodes}
    contact = shown[made["contact"]["id"], "CONTACT_CREATED"]
    assert (contact["customerId"], contact["customer"]) == (customer, {"name": "e"})
    assert contact["subject"] == {
        "__typename": "Contact",
        "id": made["contact"]["id"],
        "name": "Ann",
    }
    created = shown[customer, "CUSTOMER_CREATED"]
    assert created["subject"] == {"__typename": "Customer", "id": customer, "name": "e"}
    assert shown[user, "USER_CREATED"]["customer"] is None
    assert shown[user, "USER_CREATED"]["subject"] == {
        "__typename": "User",
        "id": user,
        "name": "Uma",
        "auditTrail": {"nodes": [{"operation": "USER_CREATED", "subject": {"id": user}}]},
    }
    assert shown[own["id"], "CLASS_CREATED"]["subject"]["name"] == "Own"


async def test_what_is_gone_or_not_for_the_caller_is_not_linked(api: Api, customer: str) -> None:
    user = await add_user(api, "Uma")
    token = await api.token_for(Scope.AUDIT_READ)
    body = await api.answer(LINKS, token=token)
    nodes = body["data"]["auditTrail"]["nodes"]
    assert {node["subject"] for node in nodes} == {None}
    assert {node["customer"] for node in nodes} == {None}
    assert {error["extensions"]["code"] for error in body["errors"]} == {"FORBIDDEN"}
    assert {tuple(error["path"][-1:]) for error in body["errors"]} == {("customer",)}
    await api.done("deleteCustomer", "", id=customer)
    nodes = (await api.data(LINKS))["auditTrail"]["nodes"]
    linked = {node["subjectId"]: node["subject"] and node["subject"]["id"] for node in nodes}
    assert (linked[customer], linked[user]) == (None, user)
    assert {node["customer"] for node in nodes if node["customerId"] == customer} == {None}


async def test_groups_and_tokens_are_linked_too(api: Api) -> None:
    user = await add_user(api, "Uma", Scope.CUSTOMERS_READ)
    group = await add_group(api, "Some", members=[user])
    token = (await issue(api, user, Scope.CUSTOMERS_READ))["accessToken"]["id"]
    nodes = (await api.data(LINKS))["auditTrail"]["nodes"]
    kinds = {node["subjectId"]: node["subject"]["__typename"] for node in nodes}
    assert (kinds[user], kinds[group], kinds[token]) == ("User", "UserGroup", "AccessToken")


KINDS = {
    "Customer": STORED_FIELDS,
    "Contact": CONTACT_FIELDS,
    "CustomerClass": EDITABLE_FIELDS,
    "CustomerTemplate": TEMPLATE_FIELDS,
    "User": (*USER_FIELDS, "permissions", "reseller_id", "disabled_at"),
    "UserGroup": (*GROUP_FIELDS, "permissions"),
    "AccessToken": ("name", "scopes", "user_id", "reseller_id", "expires_at", "revoked_at"),
}
"""The stored values that audit entries about objects of each type contain."""


@pytest.mark.parametrize("kind", KINDS)
def test_values_have_the_names_of_fields(kind: str) -> None:
    """A reference has the name of the field with the object that it refers to, and `Id`."""
    fields: Any = the_schema()._schema.type_map[kind]
    references = {"classId": "customerClass", "userId": "user", "parentId": "parent"}
    named = {references.get(name, name) for name in map(api_name, KINDS[kind])}
    assert named <= fields.fields.keys()


def test_nested_values_are_renamed_too() -> None:
    stored = {
        "profile": {"net_assets": {"value": "1", "period_end_on": "2026-01-31"}},
        "entries": 2,
        "scopes": ["customers:read", "invoices:read"],
        "permissions": "***",
    }
    assert api_values(stored) == {
        "profile": {"netAssets": {"value": "1", "periodEndOn": "2026-01-31"}},
        "entryCount": 2,
        "scopes": ["CUSTOMERS_READ", "invoices:read"],
        "permissions": "***",
    }


def test_permissions_are_named_as_in_the_schema() -> None:
    """Codes that this version does not know stay as they are."""
    codes = ["customers:read", "audit:read", "moon:read"]
    assert api_values({"scopes": codes, "permissions": []}) == {
        "scopes": ["CUSTOMERS_READ", "AUDIT_READ", "moon:read"],
        "permissions": [],
    }


def test_only_known_operations_are_recorded(act: ActorContext) -> None:
    assert new_entry(act, "class.edited", "cls_1").operation == AuditOperation.CLASS_EDITED
    with pytest.raises(ValueError, match=r"class\.mended"):
        new_entry(act, "class.mended", "cls_1")


async def test_every_stored_operation_is_shown(api: Api, act: ActorContext) -> None:
    rows = [new_entry(act, one, "cls_1") for one in AuditOperation]
    await AuditEntry.bulk_create(rows)
    nodes = (await api.data("{ auditTrail(first: 500) { nodes { operation } } }"))["auditTrail"]
    assert {node["operation"] for node in nodes["nodes"]} == {one.name for one in AuditOperation}
