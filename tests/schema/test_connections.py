"""Every connection of the schema can be read in both directions, page by page (R98)."""

from typing import Any

import pytest
from graphql import GraphQLField, GraphQLObjectType, build_schema, get_named_type

from models import ApiUsage, DeprecatedUse
from models.tables.api_usage import ADDED
from schema.base.pagination import MAX_PAGE
from schema.root import build_schema as served_schema
from tests.graphql_client import Api
from tests.webhook_world import add_endpoint, ping

PAGING = ("first", "after", "last", "before")
INFO = "pageInfo { hasNextPage hasPreviousPage startCursor endCursor }"
PERIOD = 'fromAt: "2026-01-01T00:00:00Z", untilAt: "2027-01-01T00:00:00Z"'
ARGUMENTS = {
    "deliveryExposure": PERIOD,
    "usage": 'fromOn: "2026-01-01", untilOn: "2027-01-01"',
}
"""The required arguments of root connections."""


def connections() -> dict[str, GraphQLField]:
    """Return all fields that are connections, by coordinate."""
    schema = build_schema(served_schema().as_str())
    return {
        f"{kind.name}.{name}": field
        for kind in schema.type_map.values()
        if isinstance(kind, GraphQLObjectType)
        for name, field in kind.fields.items()
        if get_named_type(field.type).name.endswith("Connection")
    }


FEW = {"accessTokens", "deliveryExposure", "imports", "jobs"}
"""Lists of which the test makes no three rows."""

ALL = connections()
OF_ROOT = sorted(name.partition(".")[2] for name in ALL if name.startswith("Query."))


def test_there_are_connections() -> None:
    assert set(OF_ROOT) >= {"customers", "contacts", "events", "auditTrail", "deliveryExposure"}
    assert "CustomerClass.customers" in ALL


@pytest.mark.parametrize("where", sorted(ALL))
def test_a_connection_takes_the_arguments_of_both_directions(where: str) -> None:
    field = ALL[where]
    assert [name for name in PAGING if name not in field.args] == []
    connection = get_named_type(field.type)
    assert isinstance(connection, GraphQLObjectType)
    assert {"nodes", "edges", "pageInfo"} <= connection.fields.keys()


async def _use(api: Api, number: int) -> None:
    """Add counts of calls, and of uses of a deprecated part, as if they had been stored."""
    by: dict[str, Any] = {"credential_id": f"tok_{number}"}
    day = api.clock().date()
    await DeprecatedUse.create(
        **by,
        coordinate=f"Query.old{number}",
        reason="Use `new`.",
        used_on=day.isoformat(),
        use_count=1,
        last_used_at=api.clock(),
    )
    counts: dict[str, Any] = dict.fromkeys(ADDED, 1)
    called: dict[str, Any] = {"operation": "Find", "operation_type": "query"}
    await ApiUsage.create(**by, id=f"{day}.{number}", day=day, **called, **counts)


@pytest.mark.parametrize("name", OF_ROOT)
async def test_pages_forwards_and_backwards_are_the_same(name: str, api: Api) -> None:
    for number in range(3):
        made = await api.save_customer(name=f"C{number}", classCode="RESELLER_OTHER")
        await api.done("saveContact", "contact { id }", customerId=made["id"], name=f"P{number}")
        user = {"name": f"U{number}", "email": f"u{number}@a.example"}
        await api.done("saveUser", "user { id }", **user)
        await api.done("saveUserGroup", "userGroup { id }", name=f"G{number}")
        target = await api.class_of("CHARITY")
        template = {"name": f"T{number}", "classId": target["id"]}
        await api.done("saveCustomerTemplate", "customerTemplate { id }", **template)
        endpoint = await add_endpoint(api)
        await ping(api, endpoint["id"])
        await _use(api, number)
    given = ARGUMENTS.get(name, "")

    async def page(size: str, at: str) -> tuple[list[str], dict[str, str | bool | None]]:
        document = f"{{ {name}({given} {size} {at}) {{ edges {{ cursor }} {INFO} }} }}"
        found = (await api.data(document))[name]
        return [edge["cursor"] for edge in found["edges"]], found["pageInfo"]

    whole, _ = await page(f"first: {MAX_PAGE}", "")
    assert len(whole) >= 3 or name in FEW
    ahead: list[str] = []
    back: list[str] = []
    at, has_more = "", True
    while has_more:
        cursors, info = await page("first: 2", at)
        ahead += cursors
        at, has_more = f'after: "{info["endCursor"]}"', bool(info["hasNextPage"])
    at, has_more = "", True
    while has_more:
        cursors, info = await page("last: 2", at)
        back = cursors + back
        at, has_more = f'before: "{info["startCursor"]}"', bool(info["hasPreviousPage"])
    assert ahead == whole == back
