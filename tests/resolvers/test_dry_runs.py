"""No payload of a dry run can be mistaken for stored objects, and no id in it can be used."""

import re
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from models.storage.identifiers import prefix_of
from models.tables.audit import ActorContext
from tests.clock import Clock
from tests.databases import Databases
from tests.graphql_client import (
    Api,
    Json,
    connected,
    document_of,
    running_api,
    serving,
    stored,
)
from tests.mutations import MUTATIONS, input_of
from tests.schema.whole_rows import whole

ID = re.compile(r"[a-z]{3}_[0-9a-z]{26}")
ANY_SIZE: dict[str, Any] = {
    "max_aliases": 10_000,
    "max_tokens": 100_000,
    "max_fields": 10**6,
    "max_selection_fields": 1_000,
    "max_depth": 200,
    "max_cost": 10**9,
    "cost_budget": 0,
}
"""Settings that allow documents of any size."""

NEVER_TOLD = ("deletedId", "erasedId", "secret", "url")


@pytest.fixture
async def api(databases: Databases, clock: Clock) -> AsyncIterator[Api]:
    """Yield the running application; it accepts documents that select whole payloads."""
    async with running_api(databases, clock, **ANY_SIZE) as started:
        yield started


def objects(value: Any) -> Iterator[Json]:
    """Yield all objects in an answer."""
    if isinstance(value, list):
        for item in value:
            yield from objects(item)
    elif isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from objects(inner)


def strings(payload: Json) -> Iterator[str]:
    """Yield all texts in a payload, with those in lists."""
    for one in objects(payload):
        for value in one.values():
            texts = value if isinstance(value, list) else [value]
            yield from (text for text in texts if isinstance(text, str))


@pytest.mark.parametrize("mutation", MUTATIONS)
async def test_a_dry_run_returns_no_id_and_no_version_to_take_for_stored(
    api: Api, act: ActorContext, mutation: str
) -> None:
    values = await input_of(mutation, api, act)
    before = await stored()
    versions = {
        row["id"]: row["version"] for rows in before.values() for row in rows if "version" in row
    }
    data = await api.data(whole(mutation), input={**values, "dryRun": True})
    payload = data[mutation]
    assert (payload["isDryRun"], payload["userErrors"]) == (True, [])
    assert [text for text in strings(payload) if ID.fullmatch(text)] == []
    assert [payload[name] for name in NEVER_TOLD if payload.get(name)] == []
    for one in objects(payload):
        if "id" in one and "version" in one:
            row_id = one["id"].removeprefix("dryrun:")
            assert one["version"] == versions.get(row_id, 1), prefix_of(row_id)
    assert await stored() == before
    done = (await api.data(whole(mutation), input=values))[mutation]
    assert (done["isDryRun"], done["userErrors"]) == (False, [])
    assert [text for text in strings(done) if text.startswith("dryrun:")] == []


async def test_the_version_of_a_dry_run_is_the_one_to_expect(api: Api) -> None:
    customer = await api.save_customer("id version")
    tried = await api.save_customer("id version", id=customer["id"], name="New", dryRun=True)
    assert tried == {"id": f"dryrun:{customer['id']}", "version": customer["version"]}
    done = await api.save_customer(
        "version", id=customer["id"], name="New", expectedVersion=tried["version"]
    )
    assert done == {"version": customer["version"] + 1}


async def test_the_version_after_moves_of_many_is_the_stored_one(api: Api) -> None:
    own, charity = await api.save_class(), await api.class_of("CHARITY")
    customer = await api.save_customer("id version", classId=own["id"])
    values = {"id": own["id"], "replacementId": charity["id"], "reason": "Old", "dryRun": True}
    select = "replacement { customers { nodes { id version } } }"
    tried = await api.done("retireCustomerClass", select, **values)
    assert tried["replacement"]["customers"]["nodes"] == [
        {"id": f"dryrun:{customer['id']}", "version": customer["version"]}
    ]


async def test_an_id_of_a_dry_run_is_not_found_and_says_why(api: Api) -> None:
    tried = await api.save_customer("id customerClass { id }", dryRun=True)
    refusals = await api.refused(
        "saveCustomer",
        "NOT_FOUND",
        "NOT_FOUND",
        id=tried["id"],
        name="dryrun:not an id",
        classId=tried["customerClass"]["id"],
    )
    message = "This id comes from a dry run, which stored nothing. Send the id of a stored object."
    assert [(one["message"], one["path"]) for one in refusals] == [
        (message, ["id"]),
        (message, ["classId"]),
    ]
    document = "query($id: ID!) { customer(id: $id) { id } node(id: $id) { id } }"
    assert await api.data(document, id=tried["id"]) == {"customer": None, "node": None}


async def test_an_id_of_a_dry_run_hides_no_other_fault(api: Api) -> None:
    customer = await api.save_customer()
    refusals = await api.refused(
        "saveCustomer",
        *("BLANK", "TOO_LONG", "NOT_FOUND"),
        id=customer["id"],
        name=" ",
        parentId="dryrun:cus_1",
        externalReference="x" * 201,
    )
    assert [one["path"] for one in refusals] == [["name"], ["externalReference"], ["parentId"]]


async def test_ids_from_a_dry_run_in_nested_inputs_and_lists_are_refused(api: Api) -> None:
    group = (await api.done("saveUserGroup", "userGroup { id }", name="Clerks"))["userGroup"]
    members = await api.refused(
        "changeGroupMembers",
        *("NOT_FOUND", "NOT_FOUND", "NOT_FOUND"),
        groupId=group["id"],
        addUserIds=["nope", "dryrun:usr_1"],
        removeUserIds=["dryrun:usr_2"],
    )
    (within,) = await api.refused(
        "restartEnrichments", "NOT_FOUND", filter={"classId": "dryrun:cls_1"}
    )
    assert [one["path"] for one in members] == [
        ["addUserIds", "0"],
        ["addUserIds", "1"],
        ["removeUserIds", "0"],
    ]
    assert within["path"] == ["filter", "classId"]
    listed = await api.refused(
        "acceptSuggestions",
        *("NOT_FOUND", "NOT_FOUND"),
        ids=["dryrun:sug_1"],
        expectedVersions=[{"customerId": "dryrun:cus_1", "expectedVersion": 1}],
    )
    assert [one["path"] for one in listed] == [
        ["ids", "0"],
        ["expectedVersions", "0", "customerId"],
    ]


async def test_only_the_dry_runs_of_a_document_are_marked(api: Api) -> None:
    """Also with aliases, fragments, and links to objects."""
    customer = await api.save_customer()
    document = """
      mutation($dry: SaveCustomerInput!, $real: SaveCustomerInput!) {
        first: saveCustomer(input: $dry) { ...Saved userErrors { code } }
        then: saveCustomer(input: $real) { ...Saved userErrors { code } }
        last: saveCustomer(input: $dry) { ... on MutationPayload { isDryRun } ...Saved }
      }
      fragment Saved on SaveCustomerPayload {
        isDryRun customer { key: id ... on Node { id } parent { id } }
      }
    """
    reseller = await api.save_customer(classCode="RESELLER_OTHER")
    real = {"id": customer["id"], "name": "New", "parentId": reseller["id"]}
    data = await api.data(document, dry={**real, "dryRun": True}, real=real)
    marked = {
        "isDryRun": True,
        "customer": {
            "key": f"dryrun:{customer['id']}",
            "id": f"dryrun:{customer['id']}",
            "parent": {"id": f"dryrun:{reseller['id']}"},
        },
    }
    assert data == {
        "first": {**marked, "userErrors": []},
        "then": {
            "isDryRun": False,
            "customer": {"key": customer["id"], "id": customer["id"], "parent": reseller},
            "userErrors": [],
        },
        "last": marked,
    }


async def test_a_refused_dry_run_says_that_it_is_one(api: Api) -> None:
    customer = await api.save_customer("id version")
    payload = await api.do(
        "saveCustomer",
        "isDryRun customer { id version }",
        id=customer["id"],
        name="New",
        expectedVersion=99,
        dryRun=True,
    )
    assert [error["code"] for error in payload["userErrors"]] == ["VERSION_CONFLICT"]
    shown = {"id": f"dryrun:{customer['id']}", "version": customer["version"]}
    assert (payload["isDryRun"], payload["customer"]) == (True, shown)


async def test_a_dry_run_on_a_socket_marks_only_its_own_operation(api: Api) -> None:
    customer = await api.save_customer()
    document = document_of("saveCustomer", "customer { id }")
    values = {"id": customer["id"], "name": "New"}
    async with serving(api.app) as address, connected(address) as socket:
        await socket.sign_in(api.token)
        shown = [
            (await socket.ask(document, input={**values, "dryRun": is_dry}))["data"]
            for is_dry in (True, False)
        ]
    ids = [one["saveCustomer"]["customer"]["id"] for one in shown]
    assert ids == [f"dryrun:{customer['id']}", customer["id"]]
