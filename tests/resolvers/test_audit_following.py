"""Readers that follow the audit trail by cursors miss no entry, in any order of commits."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from models import AuditEntry, Customer
from models.tables.access import Principal, Scope
from models.tables.audit import ActorContext, record
from schema.base.pagination import encode_cursor
from tests.factories import add_customer
from tests.graphql_client import Api, Json
from tests.partner_world import bound_token

LIST = """
  query($first: Int, $after: String, $last: Int, $before: String, $filter: AuditFilter) {
    auditTrail(first: $first, after: $after, last: $last, before: $before, filter: $filter) {
      nodes { requestId } edges { cursor } totalCount pageInfo { hasPreviousPage startCursor }
    }
  }
"""
WRITER = Principal("tok_writer", "Writer", frozenset(), None, "usr_ann", "Ann Clerk")


async def write(api: Api, request: str, seconds: int = 0, subject: str = "cls_1") -> None:
    """Commit an audit entry whose act began `seconds` from now."""
    act = ActorContext(WRITER, api.clock() + timedelta(seconds=seconds), request)
    await api.platform.database.transaction(
        lambda: record(act, "class.edited", subject, reason="Why")
    )


async def page(api: Api, **arguments: Any) -> Json:
    answer: Json = (await api.data(LIST, **arguments))["auditTrail"]
    return answer


def told(answer: Json) -> list[str]:
    return [node["requestId"] for node in answer["nodes"]]


async def newer(api: Api, cursor: str, **arguments: Any) -> list[str]:
    """Return the entries after a cursor, read in small pages, oldest first."""
    seen: list[str] = []
    while True:
        answer = await page(api, last=2, before=cursor, **arguments)
        seen += reversed(told(answer))
        cursor = answer["pageInfo"]["startCursor"] or cursor
        if not answer["pageInfo"]["hasPreviousPage"]:
            return seen


FILTERS: list[Json] = [
    {},
    {"subjectId": "cls_1"},
    {"subjectType": "CUSTOMER_CLASS"},
    {"operations": ["CLASS_EDITED"]},
    {"operations": ["CLASS_EDITED", "CLASS_RETIRED"]},
    {"actorId": "tok_writer"},
    {"userId": "usr_ann"},
    {"reason": "Why"},
    {"isOverride": False},
    {"fromAt": "2026-10-01T00:00:00Z"},
    {"fromAt": "2026-10-01T00:00:00Z", "untilAt": "2026-10-02T00:00:00Z"},
]


@pytest.mark.parametrize("filter_", FILTERS)
async def test_what_began_before_and_committed_later_comes_after(api: Api, filter_: Json) -> None:
    """R96: in a list by the start times of acts, readers would miss entries committed late."""
    await write(api, "seen")
    cursor = (await page(api, first=1, filter=filter_))["edges"][0]["cursor"]
    for place in range(5):
        await write(api, f"late {place}", seconds=-60 * place)
    assert await newer(api, cursor, filter=filter_) == [f"late {place}" for place in range(5)]


async def test_pages_towards_older_entries_do_not_shift(api: Api) -> None:
    for place in range(6):
        await write(api, f"old {place}")
    answer = await page(api, first=2)
    seen = told(answer)
    while answer["nodes"]:
        await write(api, "new", seconds=-3600)  # would be the oldest entry by time
        answer = await page(api, first=2, after=answer["edges"][-1]["cursor"])
        seen += told(answer)
    assert seen == [f"old {place}" for place in reversed(range(6))]


async def test_the_newest_is_listed_at_once_and_counted(api: Api) -> None:
    for place in range(3):
        await write(api, f"request {place}", seconds=-place)
        answer = await page(api, first=1)
        assert (told(answer), answer["totalCount"]) == ([f"request {place}"], place + 1)


async def test_a_cursor_of_a_lost_entry_repeats_and_misses_nothing(api: Api) -> None:
    """As after restoring a database: only the time of the lost entry is known."""
    for place in range(4):
        await write(api, f"request {place}", seconds=place)
    await page(api)
    at = (api.clock() + timedelta(seconds=2)).isoformat()
    lost = encode_cursor("audit-trail-AT_DESC", (at, "aud_x"))
    requests = [f"request {place}" for place in range(4)]
    assert set(await newer(api, lost)) >= set(requests[2:])
    assert set(told(await page(api, after=lost))) >= set(requests[:3])


async def test_a_partner_goes_on_after_a_customer_has_left_it(api: Api) -> None:
    """R99: the cursor is of an entry that the partner can no longer see."""
    database = api.platform.database
    act = ActorContext(WRITER, api.clock(), "first")
    seller = await add_customer(database, act, "RESELLER_OTHER")
    left, stays = [await add_customer(database, act, parent_id=seller.id) for _ in range(2)]
    _, token = await bound_token(seller.id, api.clock(), Scope.AUDIT_READ)
    asked = "{ auditTrail(first: 1) { nodes { customerId } edges { cursor } } }"
    await database.transaction(
        lambda: record(replace(act, request_id="last"), "customer.edited", left.id)
    )
    newest = (await api.data(asked, token=token))["auditTrail"]
    assert newest["nodes"] == [{"customerId": left.id}]
    await Customer.filter(id=left.id).update(parent_id=None)
    for place in range(3):
        act = ActorContext(WRITER, api.clock() - timedelta(minutes=place), f"request {place}")
        await database.transaction(lambda act=act: record(act, "customer.edited", stays.id))  # type: ignore[misc]  # bound now
    answer = await api.data(LIST, token=token, last=50, before=newest["edges"][0]["cursor"])
    found = told(answer["auditTrail"])
    assert found[:3] == [f"request {place}" for place in reversed(range(3))]
    assert "last" not in found
    assert await AuditEntry.filter(number__isnull=True).count() == 0
