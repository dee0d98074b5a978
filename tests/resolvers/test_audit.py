"""The audit trail as a list: filters, pages, counts, and the erasing of names (R96)."""

from dataclasses import replace
from datetime import timedelta
from itertools import combinations
from typing import Any

import pytest

from models import AuditEntry
from models.lists.customer_list import MAX_COUNT
from models.storage.row_insert import add_rows
from models.tables.access import Principal, Scope
from models.tables.audit import ActorContext, new_entry
from tests.access_world import add_user
from tests.graphql_client import Api, Json

LIST = """
  query($first: Int, $after: String, $last: Int, $before: String, $filter: AuditFilter) {
    auditTrail(first: $first, after: $after, last: $last, before: $before, filter: $filter) {
      nodes { id } edges { cursor node { id operation } } totalCount isTotalCountExact
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    }
  }
"""
FRONT = Principal("tok_front", "Front end", frozenset(), None, "usr_ann", "Ann Clerk")
PHONE = Principal("tok_phone", "Phone", frozenset(), None, "usr_ann", "Ann Clerk")
OTHER = Principal("tok_other", "Other", frozenset())
LONG = "Merged into the class of charities, which is what they have been all along, "


@pytest.fixture
async def written(api: Api) -> list[Json]:
    """Write audit entries whose order by commit differs from their order by time.

    Returns them newest first.
    """
    start = api.clock()
    act = ActorContext(FRONT, start, "request-1")
    late = start + timedelta(hours=1)
    contact: dict[str, Any] = {"customer_id": "cus_1", "after": {"name": "Al"}}
    rows = [
        new_entry(act, "customer.created", "cus_1", after={"name": "Acme"}),
        new_entry(act, "contact.created", "con_1", **contact),
        new_entry(replace(act, now=late), "contact.edited", "con_1", **contact),
        new_entry(
            replace(act, principal=PHONE, now=late, request_id="request-2"),
            "class.edited",
            "cls_1",
            reason=LONG + "one",
            is_override=True,
        ),
        new_entry(replace(act, principal=OTHER), "class.retired", "cls_2", reason=LONG + "two"),
        new_entry(
            replace(act, principal=OTHER, now=late), "default.repointed", "platform_defaults"
        ),
    ]
    await api.platform.database.transaction(lambda: add_rows(rows))
    found = {row["id"]: row for row in await AuditEntry.all().values()}
    return [found[row.id] for row in reversed(rows)]


async def listed(api: Api, **arguments: Any) -> Json:
    answer: Json = (await api.data(LIST, **arguments))["auditTrail"]
    return answer


def named(operation: str) -> str:
    """Return the name that the schema has for a stored operation."""
    return operation.replace(".", "_").upper()


FILTERS: dict[str, tuple[Any, Any]] = {
    "subjectId": ("con_1", lambda row: row["subject_id"] == "con_1"),
    "subjectType": ("CUSTOMER_CLASS", lambda row: row["subject_id"].startswith("cls_")),
    "customerId": ("cus_1", lambda row: row["subject_id"] in {"cus_1", "con_1"}),
    "operations": (
        ["CLASS_EDITED", "CONTACT_CREATED", "CLASS_EDITED"],
        lambda row: row["operation"] in {"class.edited", "contact.created"},
    ),
    "actorId": ("tok_front", lambda row: row["actor_id"] == "tok_front"),
    "userId": ("usr_ann", lambda row: row["actor_id"] in {"tok_front", "tok_phone"}),
    "fromAt": ("2026-10-01T11:30:00+01:00", lambda row: row["at"].hour >= 10),
    "untilAt": ("2026-10-01T10:30:00Z", lambda row: row["at"].hour < 10),
    "isOverride": (True, lambda row: row["is_override"]),
    "reason": (LONG + "one", lambda row: row["reason"] == LONG + "one"),
    "requestId": ("request-2", lambda row: row["request_id"] == "request-2"),
}
"""For each filter: an input, and a condition for the entries that match it."""


async def test_all_of_it_is_listed_newest_first(api: Api, written: list[Json]) -> None:
    answer = await listed(api)
    assert [node["id"] for node in answer["nodes"]] == [row["id"] for row in written]
    assert (answer["totalCount"], answer["isTotalCountExact"]) == (6, True)


async def test_each_filter_and_each_two_of_them_list_and_count_the_same(
    api: Api, written: list[Json]
) -> None:
    for names in [*((name,) for name in FILTERS), *combinations(FILTERS, 2)]:
        given = {name: FILTERS[name][0] for name in names}
        wanted = [row["id"] for row in written if all(FILTERS[name][1](row) for name in names)]
        answer = await listed(api, filter=given)
        assert [node["id"] for node in answer["nodes"]] == wanted, names
        assert answer["totalCount"] == len(wanted), names
        if len(names) == 1:
            assert 0 < len(wanted) < len(written), names


async def test_filters_say_no_as_well(api: Api, written: list[Json]) -> None:
    plain = [row["id"] for row in written if not row["is_override"]]
    answer = await listed(api, filter={"isOverride": False})
    assert [node["id"] for node in answer["nodes"]] == plain
    assert (await listed(api, filter={"operations": []}))["totalCount"] == 0
    assert (await listed(api, filter={"reason": LONG}))["totalCount"] == 0


@pytest.mark.parametrize("filter_", [{}, {"userId": "usr_ann"}, {"operations": []}])
async def test_pages_lead_through_the_list_in_both_directions(
    api: Api, written: list[Json], filter_: Json
) -> None:
    if "operations" in filter_:
        filter_ = {"operations": [named(row["operation"]) for row in written]}
    whole = [node["id"] for node in (await listed(api, filter=filter_))["nodes"]]
    assert len(whole) > 3
    ways: tuple[tuple[str, str, str, str], ...] = (
        ("first", "after", "endCursor", "hasNextPage"),
        ("last", "before", "startCursor", "hasPreviousPage"),
    )
    for size_of, beyond, cursor, more in ways:
        seen: list[str] = []
        arguments: Json = {size_of: 2, "filter": filter_}
        while True:
            answer = await listed(api, **arguments)
            ids = [edge["node"]["id"] for edge in answer["edges"]]
            seen = seen + ids if size_of == "first" else ids + seen
            if not answer["pageInfo"][more]:
                break
            arguments[beyond] = answer["pageInfo"][cursor]
        assert seen == whole


@pytest.mark.parametrize(
    "arguments",
    [
        {"first": 501},
        {"first": 1, "last": 1},
        {"after": "nonsense"},
        {"filter": {"operations": ["CLASS_EDITED"] * 51}},
        {"filter": {"fromAt": "2026-10-01T10:30:00"}},
        {"filter": {"untilAt": "0001-01-01T00:00:00+14:00"}},
    ],
)
async def test_what_makes_no_sense_is_refused(api: Api, arguments: Json) -> None:
    error = await api.error(LIST, **arguments)
    assert error["extensions"]["code"] == "BAD_USER_INPUT"


async def test_cursors_of_other_lists_and_forged_ones_are_refused(api: Api) -> None:
    from schema.base.pagination import encode_cursor  # noqa: PLC0415  # how ours are made

    for cursor in (
        encode_cursor("customers-NAME_ASC", ("acme", "cus_1")),
        encode_cursor("audit-trail-AT_DESC", ("not a time", "aud_1")),
        encode_cursor("audit-trail-AT_DESC", ("2026-10-01T10:30:00", "aud_1")),
        encode_cursor("audit-trail-AT_DESC", ("2026-10-01T10:30:00+02:00", "aud_1")),
        encode_cursor("audit-trail-AT_DESC", (1, "aud_1")),
    ):
        error = await api.error(LIST, after=cursor)
        assert error["extensions"]["code"] == "BAD_USER_INPUT"


async def test_a_long_list_is_counted_as_far_as_customers_are(api: Api) -> None:
    act = ActorContext(OTHER, api.clock(), "request-1")
    rows = [new_entry(act, "class.edited", "cls_1") for _ in range(MAX_COUNT + 1)]
    await api.platform.database.transaction(lambda: add_rows(rows))
    for filter_ in (None, {"subjectId": "cls_1"}):
        answer = await listed(api, first=1, filter=filter_)
        assert (answer["totalCount"], answer["isTotalCountExact"]) == (MAX_COUNT, False)


async def test_an_entry_shows_all_that_is_known_of_it(api: Api, written: list[Json]) -> None:
    select = """{ auditTrail(filter: { isOverride: true }) { nodes {
      id subjectId customerId operation before after reason isOverride actorId actorName
      userId userName resellerId requestId at erasedAt } } }"""
    (row,) = [row for row in written if row["is_override"]]
    assert (await api.data(select))["auditTrail"]["nodes"] == [
        {
            "id": row["id"],
            "subjectId": "cls_1",
            "customerId": None,
            "operation": "CLASS_EDITED",
            "before": {},
            "after": {},
            "reason": LONG + "one",
            "isOverride": True,
            "actorId": "tok_phone",
            "actorName": "Phone",
            "userId": "usr_ann",
            "userName": "Ann Clerk",
            "resellerId": None,
            "requestId": "request-2",
            "at": "2026-10-01T10:30:00+00:00",
            "erasedAt": None,
        }
    ]


@pytest.mark.usefixtures("written")
async def test_the_names_of_somebody_are_erased_by_who_may(api: Api) -> None:
    reader = await api.token_for(Scope.AUDIT_READ)
    document = """mutation { eraseActorNames(input: { actorId: "usr_ann", reason: "Left" })
      { erasedEntryCount userErrors { code } } }"""
    error = await api.error(document, token=reader)
    assert error["extensions"]["requiredScopes"] == ["AUDIT_ERASE"]
    tried = await api.done(
        "eraseActorNames", "erasedEntryCount", actorId="usr_ann", reason="Left", dryRun=True
    )
    assert tried["erasedEntryCount"] == 4
    assert await AuditEntry.filter(actor_name="(erased)").count() == 0
    await api.refused("eraseActorNames", "NOT_FOUND", actorId="usr_nobody", reason="Left")
    done = await api.done("eraseActorNames", "erasedEntryCount", actorId="usr_ann", reason="Left")
    assert done["erasedEntryCount"] == 4
    select = '{ auditTrail(filter: { userId: "usr_ann" }) { nodes { actorName userName } } }'
    nodes = (await api.data(select, token=reader))["auditTrail"]["nodes"]
    assert nodes == [{"actorName": "(erased)", "userName": "(erased)"}] * 4
    names = {row["actor_name"] for row in await AuditEntry.all().values()}
    assert names == {"(erased)", "Other", "Tess Tester"}


async def test_a_disabled_user_is_erased_in_one_step(api: Api) -> None:
    """R96: by a caller who may erase, after an administrator disabled the user."""
    user_id = await add_user(api, "Uma Underwood", email="uma@a.example")
    eraser = await api.token_for(Scope.AUDIT_ERASE)
    asked = {"actorId": user_id, "reason": "Asked"}
    (refusal,) = await api.refused("eraseActorNames", "USER_ACTIVE", token=eraser, **asked)
    assert (refusal["path"], refusal["hint"]) == (["actorId"], "Disable the user first.")
    await api.done("disableUser", "", id=user_id, reason="Uma is ill")
    await api.done("eraseActorNames", "", token=eraser, **asked)
    document = """query($id: ID!) { node(id: $id) { ... on User { name email isActive
      auditTrail { nodes { operation before after reason } } } }
      users(filter: { text: "uma" }) { totalCount } }"""
    response = await api.post(document, {"id": user_id})
    assert response.json()["data"]["users"] == {"totalCount": 0}
    user = response.json()["data"]["node"]
    assert (user["name"], user["email"], user["isActive"]) == ("(erased)", None, False)
    assert {entry["operation"] for entry in user["auditTrail"]["nodes"]} == {
        "USER_CREATED",
        "USER_DISABLED",
        "ACTOR_NAMES_ERASED",
    }
    assert "uma" not in response.text.casefold()
