"""Webhook endpoints through the API: saving, secrets, tests, deliveries and redeliveries."""

from datetime import timedelta
from typing import Any

import pytest

from models import AuditEntry, Event, WebhookDelivery, WebhookEndpoint
from models.rules.event_type import EventType
from models.tables.access import Scope
from models.tables.audit import ActorContext
from models.tables.webhook import DeliveryCause, DeliveryState
from tests.factories import add_customer
from tests.graphql_client import Api, Json, counted_statements, stored
from tests.webhook_world import URL, add_endpoint, deliver, ping

SAVED = "webhookEndpoint { id url description eventTypes customerIds isActive resellerId version }"
DELIVERIES = """query($filter: WebhookDeliveryFilter, $sort: WebhookDeliverySort, $first: Int,
    $after: String, $last: Int, $before: String) {
  webhookDeliveries(filter: $filter, sort: $sort, first: $first, after: $after, last: $last,
                    before: $before) {
    totalCount isTotalCountExact pageInfo { startCursor endCursor hasNextPage hasPreviousPage }
    nodes { id eventType outcome } } }"""


async def page(api: Api, *, token: str | None = None, **variables: Any) -> Json:
    found: Json = (await api.data(DELIVERIES, token=token, **variables))["webhookDeliveries"]
    return found


async def ids(api: Api, **variables: Any) -> list[str]:
    return [node["id"] for node in (await page(api, **variables))["nodes"]]


async def test_an_endpoint_is_created_with_a_secret_that_is_shown_once(api: Api) -> None:
    made = await add_endpoint(api, description=" For bills ")
    assert made["secret"].startswith("whsec_")
    document = f"query($id: ID!) {{ webhookEndpoint(id: $id) {{ {SAVED[18:-2]} }} }}"
    found = await api.data(document, id=made["id"])
    assert found["webhookEndpoint"] == {
        "id": made["id"],
        "url": URL,
        "description": "For bills",
        "eventTypes": None,
        "customerIds": None,
        "isActive": True,
        "resellerId": None,
        "version": 1,
    }
    again = await api.done("saveWebhookEndpoint", "secret", id=made["id"], description="Else")
    assert again["secret"] is None
    entries = await AuditEntry.filter(subject_id=made["id"]).order_by("id")
    assert [one.operation for one in entries] == [
        "webhook_endpoint.created",
        "webhook_endpoint.edited",
    ]
    assert made["secret"] not in str([(one.before, one.after) for one in entries])
    assert entries[1].after == {"description": "Else"}


async def test_a_dry_run_and_a_repeat_show_no_secret(api: Api) -> None:
    before = await stored()
    tried = await api.done("saveWebhookEndpoint", "secret", url=URL, dryRun=True)
    assert tried["secret"] is None
    assert await stored() == before
    document = """mutation($input: SaveWebhookEndpointInput!, $key: String!) {
      saveWebhookEndpoint(input: $input) @idempotent(key: $key) {
        isReplayed secret webhookEndpoint { id } } }"""
    answers = [
        (await api.data(document, input={"url": URL}, key="k1"))["saveWebhookEndpoint"]
        for _ in range(2)
    ]
    assert [one["isReplayed"] for one in answers] == [False, True]
    assert answers[0]["secret"].startswith("whsec_")
    assert answers[1]["secret"] is None
    assert answers[0]["webhookEndpoint"] == answers[1]["webhookEndpoint"]
    assert await WebhookEndpoint.all().count() == 1


@pytest.mark.parametrize(
    ("url", "code"),
    [
        (None, "REQUIRED"),
        ("", "BLANK"),
        ("http://hooks.example/in", "URL_NOT_HTTPS"),
        ("ftp://hooks.example/in", "URL_NOT_HTTPS"),
        ("https://user@hooks.example/in", "URL_HAS_CREDENTIALS"),
        ("https://192.0.2.1/in", "URL_NOT_PUBLIC"),
        ("https://127.0.0.1/in", "URL_NOT_PUBLIC"),
        ("https://[::1]/in", "URL_NOT_PUBLIC"),
        ("https://2130706433/in", "URL_NOT_PUBLIC"),
        ("https://localhost/in", "URL_NOT_PUBLIC"),
        ("https://db.internal/in", "URL_NOT_PUBLIC"),
        ("https://hooks.example/in#part", "BAD_FORMAT"),
        ("https://hooks.example:99999/in", "BAD_FORMAT"),
        ("https://" + "x" * 2000 + ".example", "TOO_LONG"),
        ("hooks.example", "BAD_FORMAT"),
    ],
)
async def test_a_url_that_cannot_be_a_target_is_refused(
    api: Api, url: str | None, code: str
) -> None:
    (error,) = await api.refused("saveWebhookEndpoint", code, url=url)
    assert error["path"] == ["url"]


async def test_all_faults_of_an_endpoint_are_told_at_once(api: Api) -> None:
    errors = await api.refused(
        "saveWebhookEndpoint",
        *("URL_NOT_HTTPS", "TOO_LONG", "NOT_FOUND"),
        url="http://hooks.example",
        description="x" * 201,
        customerIds=["cus_nobody"],
    )
    assert [one["path"] for one in errors] == [["url"], ["description"], ["customerIds", "0"]]
    await api.refused("saveWebhookEndpoint", "TOO_FEW_ITEMS", url=URL, customerIds=[])


async def test_an_endpoint_gets_types_that_its_creator_may_read(api: Api) -> None:
    narrow = await api.token_for(Scope.WEBHOOKS_WRITE, Scope.CONSENT_READ)
    made = await add_endpoint(api, token=narrow)
    assert made["eventTypes"] == [
        *("CONSENT_RECORDED", "CONSENT_WITHDRAWN", "CONSENT_CORRECTED"),
        *("NON_ITEMISED_BILLS_REQUESTED", "NON_ITEMISED_BILLS_WITHDRAWN"),
        "WEBHOOK_ENDPOINT_DISABLED",
    ]
    (error,) = await api.refused(
        "saveWebhookEndpoint",
        "PERMISSION_NOT_HELD",
        token=narrow,
        url=URL,
        eventTypes=["CONSENT_RECORDED", "CUSTOMER_CREATED"],
    )
    assert error["path"] == ["eventTypes"]
    assert "customers:read" in error["message"]
    whole = await add_endpoint(api, eventTypes=[])
    assert whole["eventTypes"] is None
    everything = [one.name for one in EventType]
    assert (await add_endpoint(api, eventTypes=everything))["eventTypes"] == everything


async def test_nobody_sends_events_that_they_may_not_read_to_another_url(api: Api) -> None:
    narrow = await api.token_for(Scope.WEBHOOKS_WRITE, Scope.CONSENT_READ)
    made = await add_endpoint(api, eventTypes=["CUSTOMER_CREATED"])
    (error,) = await api.refused(
        "saveWebhookEndpoint",
        "PERMISSION_NOT_HELD",
        token=narrow,
        id=made["id"],
        url="https://mine.example",
    )
    assert error["path"] == ["url"]
    kept = await api.done(
        "saveWebhookEndpoint",
        "webhookEndpoint { description eventTypes }",
        token=narrow,
        id=made["id"],
        url=URL,
        description="Same URL",
    )
    assert kept["webhookEndpoint"] == {
        "description": "Same URL",
        "eventTypes": ["CUSTOMER_CREATED"],
    }
    own = {"url": "https://mine.example", "eventTypes": ["CONSENT_RECORDED"]}
    await api.done("saveWebhookEndpoint", "", token=narrow, id=made["id"], **own)


async def test_an_endpoint_is_edited_field_by_field_and_switched(
    api: Api, act: ActorContext
) -> None:
    customer = await add_customer(api.platform.database, act)
    made = await add_endpoint(api, customerIds=[customer.id, customer.id])
    assert made["customerIds"] == [customer.id]
    off = await api.done("saveWebhookEndpoint", SAVED, id=made["id"], isActive=False)
    assert (off["webhookEndpoint"]["isActive"], off["webhookEndpoint"]["version"]) == (False, 2)
    await api.refused("pingWebhookEndpoint", "WEBHOOK_ENDPOINT_INACTIVE", id=made["id"])
    await WebhookEndpoint.filter(id=made["id"]).update(
        disabled_at=api.clock(), disabled_reason="FAILING", failing_since=api.clock(), failures=9
    )
    select = f"{SAVED[:-1]} disabledAt disabledReason failingSince }}"
    on = await api.done("saveWebhookEndpoint", select, id=made["id"], isActive=True)
    shown = on["webhookEndpoint"]
    assert (shown["isActive"], shown["version"], shown["customerIds"]) == (True, 3, [customer.id])
    assert (shown["disabledAt"], shown["disabledReason"], shown["failingSince"]) == (None,) * 3
    same = await api.done("saveWebhookEndpoint", SAVED, id=made["id"], isActive=True, url=URL)
    assert same["webhookEndpoint"]["version"] == 3
    everyone = await api.done("saveWebhookEndpoint", SAVED, id=made["id"], customerIds=None)
    assert everyone["webhookEndpoint"]["customerIds"] is None


async def test_an_owner_has_at_most_fifty_endpoints(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.changes.webhook_endpoint_editing.MAX_ENDPOINTS", 2)
    first = await add_endpoint(api)
    await add_endpoint(api)
    await api.refused("saveWebhookEndpoint", "WEBHOOK_ENDPOINT_LIMIT", url=URL)
    await api.done("deleteWebhookEndpoint", "", id=first["id"])
    await add_endpoint(api)


@pytest.mark.parametrize("at_once", [True, False])
async def test_pending_events_are_sent_to_no_other_url_by_changing_the_types(
    api: Api, act: ActorContext, *, at_once: bool
) -> None:
    narrow = await api.token_for(Scope.WEBHOOKS_WRITE, Scope.CONSENT_READ)
    made = await add_endpoint(api, eventTypes=["CUSTOMER_CREATED"])
    customer = await add_customer(api.platform.database, act)
    pending = await deliver(made["id"], customer, api.clock(), state=DeliveryState.PENDING)
    types, url = {"eventTypes": ["CONSENT_RECORDED"]}, {"url": "https://mine.example"}
    if not at_once:
        await api.done("saveWebhookEndpoint", "", token=narrow, id=made["id"], **types)
    both = {**types, **url, "id": made["id"]}
    (error,) = await api.refused("saveWebhookEndpoint", "PERMISSION_NOT_HELD", token=narrow, **both)
    assert error["path"] == ["url"]
    rotation = "rotateWebhookSecret"
    await api.refused(rotation, "PERMISSION_NOT_HELD", token=narrow, id=made["id"])
    await WebhookDelivery.filter(id=pending).update(state=DeliveryState.DELIVERED)
    if not at_once:  # nothing is left of the former types
        await api.done(rotation, "", token=narrow, id=made["id"])
        await api.done("saveWebhookEndpoint", "", token=narrow, **both)


async def test_nobody_gets_a_secret_for_events_that_they_may_not_read(api: Api) -> None:
    narrow = await api.token_for(Scope.WEBHOOKS_WRITE, Scope.CONSENT_READ)
    cases: list[tuple[list[str], bool]] = [
        (["CONSENT_RECORDED"], True),
        (["CONSENT_RECORDED", "CUSTOMER_CREATED"], False),
        ([], False),  # all types
    ]
    for types, is_allowed in cases:
        made = await add_endpoint(api, eventTypes=types)
        if is_allowed:
            rotated = await api.done("rotateWebhookSecret", "secret", token=narrow, id=made["id"])
            assert rotated["secret"].startswith("whsec_")
        else:
            (error,) = await api.refused(
                "rotateWebhookSecret", "PERMISSION_NOT_HELD", token=narrow, id=made["id"]
            )
            assert error["path"] == ["id"]
            assert "customers:read" in error["message"]


async def test_a_secret_is_rotated_once_a_day(api: Api) -> None:
    made = await add_endpoint(api)
    select = "secret webhookEndpoint { version oldSecretExpiresAt }"
    rotated = await api.done("rotateWebhookSecret", select, id=made["id"])
    assert rotated["secret"].startswith("whsec_")
    assert rotated["secret"] != made["secret"]
    until = api.clock() + timedelta(hours=24)
    assert rotated["webhookEndpoint"] == {"version": 2, "oldSecretExpiresAt": until.isoformat()}
    api.clock.advance(timedelta(hours=23))
    before = await stored()
    payload = await api.do("rotateWebhookSecret", "userErrors { retryAfterSeconds }", id=made["id"])
    (error,) = payload["userErrors"]
    assert (error["code"], error["retryable"]) == ("SECRET_JUST_ROTATED", True)
    assert error["retryAfterSeconds"] == 3600
    assert error["message"].endswith("It can be rotated again in 1 hour.")
    assert error["hint"] == f"Rotate it again after {until.isoformat()}."
    assert await stored() == before
    api.clock.advance(timedelta(hours=1, seconds=1))
    third = await api.done("rotateWebhookSecret", select, id=made["id"])
    assert third["secret"] not in {made["secret"], rotated["secret"]}


async def test_a_deleted_endpoint_is_gone_and_its_deliveries_stay(
    api: Api, act: ActorContext
) -> None:
    made = await add_endpoint(api)
    customer = await add_customer(api.platform.database, act)
    delivery = await deliver(made["id"], customer, act.now)
    deleted = await api.done("deleteWebhookEndpoint", "deletedId", id=made["id"])
    assert deleted["deletedId"] == made["id"]
    found = await api.data(
        """query($id: ID!, $delivery: ID!) { webhookEndpoint(id: $id) { id }
          webhookEndpoints { totalCount }
          node(id: $delivery) { ... on WebhookDelivery { endpointId endpoint { id } } } }""",
        id=made["id"],
        delivery=delivery,
    )
    assert found == {
        "webhookEndpoint": None,
        "webhookEndpoints": {"totalCount": 0},
        "node": {"endpointId": made["id"], "endpoint": None},
    }
    row = await WebhookEndpoint.get(id=made["id"])
    assert (row.secret, row.old_secret) == ("", None)
    for mutation in ("deleteWebhookEndpoint", "rotateWebhookSecret", "pingWebhookEndpoint"):
        await api.refused(mutation, "NOT_FOUND", id=made["id"])
    await api.refused("redeliverWebhooks", "NOT_FOUND", deliveryIds=[delivery])
    await api.refused("saveWebhookEndpoint", "NOT_FOUND", id=made["id"], url=URL)


async def test_what_is_pending_is_given_up_when_its_endpoint_is_deleted(
    api: Api, act: ActorContext
) -> None:
    made, other = await add_endpoint(api), await add_endpoint(api)
    customer = await add_customer(api.platform.database, act)
    done = await deliver(made["id"], customer, act.now)
    late = [await deliver(made["id"], customer, act.now, state=DeliveryState.PENDING)]
    late.append((await ping(api, made["id"]))["id"])
    kept = (await ping(api, other["id"]))["id"]
    await api.done("deleteWebhookEndpoint", "", id=made["id"], dryRun=True)
    assert await WebhookDelivery.filter(state="PENDING").count() == 3
    await api.done("deleteWebhookEndpoint", "", id=made["id"])
    shown = await api.data(
        """query($ids: [ID!]!) { nodes(ids: $ids) { ... on WebhookDelivery {
          outcome nextAttemptAt finishedAt } } }""",
        ids=[*late, done, kept],
    )
    now = api.clock().isoformat()
    assert shown["nodes"] == [
        {"outcome": "FAILED", "nextAttemptAt": None, "finishedAt": now},
        {"outcome": "FAILED", "nextAttemptAt": None, "finishedAt": now},
        {"outcome": "DELIVERED", "nextAttemptAt": None, "finishedAt": act.now.isoformat()},
        {"outcome": "PENDING", "nextAttemptAt": None, "finishedAt": None},
    ]


async def test_a_delivery_that_waits_has_no_next_attempt_while_its_endpoint_is_disabled(
    api: Api, act: ActorContext
) -> None:
    made, other = await add_endpoint(api), await add_endpoint(api)
    customer = await add_customer(api.platform.database, act)
    pending = DeliveryState.PENDING
    ids = [await deliver(one["id"], customer, act.now, state=pending) for one in (made, other)]
    select = "query($ids: [ID!]!) { nodes(ids: $ids) { ... on WebhookDelivery { nextAttemptAt } } }"

    async def shown() -> list[str | None]:
        return [one["nextAttemptAt"] for one in (await api.data(select, ids=ids))["nodes"]]

    due = (act.now + timedelta(minutes=5)).isoformat()
    assert await shown() == [due, due]
    await api.done("saveWebhookEndpoint", "", id=made["id"], isActive=False)
    assert await shown() == [None, due]
    await api.done("saveWebhookEndpoint", "", id=made["id"], isActive=True)
    assert await shown() == [due, due]


async def test_a_ping_is_a_delivery_without_an_event(api: Api) -> None:
    made = await add_endpoint(api)
    delivery = await ping(api, made["id"])
    assert delivery["outcome"] == "PENDING"
    select = """query($id: ID!) { node(id: $id) { ... on WebhookDelivery {
      eventId eventType cause customerId requestBody requestHeaders finishedAt
      attempts { sequence } endpoint { id pendingCount lastSuccessAt } } } }"""
    shown = (await api.data(select, id=delivery["id"]))["node"]
    event_id = shown.pop("eventId")
    body = shown.pop("requestBody")
    assert body == (
        f'{{"type":"ping","id":"{event_id}","timestamp":"2026-10-01T09:00:00Z",'
        f'"data":{{"webhookEndpointId":"{made["id"]}"}}}}'
    ).replace("2026-10-01T09:00:00Z", body.partition('timestamp":"')[2].partition('"')[0])
    assert shown == {
        "eventType": None,
        "cause": "PING",
        "customerId": None,
        "requestHeaders": {"Content-Type": "application/json", "webhook-id": event_id},
        "finishedAt": None,
        "attempts": [],
        "endpoint": {"id": made["id"], "pendingCount": 1, "lastSuccessAt": None},
    }


async def test_a_delivery_shows_what_was_sent_and_answered(api: Api, act: ActorContext) -> None:
    made = await add_endpoint(api)
    customer = await add_customer(api.platform.database, act)
    await api.data("{ events(first: 1) { newestCursor } }")
    delivery = await deliver(made["id"], customer, act.now, state=DeliveryState.FAILED)
    select = """query($id: ID!) { node(id: $id) { ... on WebhookDelivery {
      eventType outcome requestBody createdAt nextAttemptAt
      attempts { sequence startedAt durationSeconds statusCode error answer } } } }"""
    shown = (await api.data(select, id=delivery))["node"]
    body = shown.pop("requestBody")
    assert f'"customerId":"{customer.id}"' in body
    assert '"cursor":' in body
    assert shown == {
        "eventType": "CUSTOMER_CREATED",
        "outcome": "FAILED",
        "createdAt": act.now.isoformat(),
        "nextAttemptAt": None,
        "attempts": [
            {
                "sequence": 1,
                "startedAt": act.now.isoformat(),
                "durationSeconds": 0.012,
                "statusCode": 500,
                "error": "REFUSED",
                "answer": "Thanks",
            }
        ],
    }
    await Event.filter(customer_id=customer.id).delete()
    assert (await api.data(select, id=delivery))["node"]["requestBody"] is None


async def test_deliveries_are_listed_filtered_and_paged(api: Api, act: ActorContext) -> None:
    """R98."""
    first, second = (await add_endpoint(api))["id"], (await add_endpoint(api))["id"]
    ann = await add_customer(api.platform.database, act, name="Ann")
    bob = await add_customer(api.platform.database, act, name="Bob")
    later = act.now + timedelta(hours=1)
    failed = DeliveryState.FAILED
    made = [
        await deliver(first, ann, act.now),
        await deliver(first, bob, act.now, state=failed),
        await deliver(second, ann, later, kind="customer.updated"),
        await deliver(second, bob, later, state=DeliveryState.PENDING),
    ]
    pinged = (await ping(api, first))["id"]
    for filter_, wanted in (
        (None, [*made, pinged]),
        ({"endpointId": first}, [*made[:2], pinged]),
        ({"customerId": ann.id}, [made[0], made[2]]),
        ({"customerId": ann.id, "endpointId": second}, [made[2]]),
        ({"outcomes": ["FAILED", "PENDING"]}, [made[1], made[3], pinged]),
        ({"eventTypes": ["CUSTOMER_UPDATED"]}, [made[2]]),
        ({"fromAt": later.isoformat()}, [*made[2:]]),
        ({"untilAt": later.isoformat(), "outcomes": ["DELIVERED"]}, [made[0]]),
        ({"endpointId": "whe_nothing"}, []),
        ({"eventTypes": []}, []),
        ({"outcomes": []}, []),
    ):
        found = await page(api, filter=filter_, sort="CREATED_AT_ASC")
        assert [node["id"] for node in found["nodes"]] == wanted, filter_
        assert (found["totalCount"], found["isTotalCountExact"]) == (len(wanted), True)
        assert await ids(api, filter=filter_) == wanted[::-1], filter_
        head = await page(api, filter=filter_, first=1)
        if wanted:
            rest = await page(api, filter=filter_, after=head["pageInfo"]["endCursor"])
            nodes = [node["id"] for node in (*head["nodes"], *rest["nodes"])]
            assert nodes == wanted[::-1], filter_
            tail = await page(api, filter=filter_, last=1)
            before = await page(api, filter=filter_, last=9, before=tail["pageInfo"]["startCursor"])
            nodes = [node["id"] for node in (*before["nodes"], *tail["nodes"])]
            assert nodes == wanted[::-1], filter_


async def test_deliveries_of_types_that_the_caller_may_not_read_are_left_out(
    api: Api, act: ActorContext
) -> None:
    made = await add_endpoint(api)
    customer = await add_customer(api.platform.database, act)
    hidden = await deliver(made["id"], customer, act.now)
    shown = await deliver(made["id"], customer, act.now, kind="consent.recorded")
    narrow = await api.token_for(Scope.WEBHOOKS_WRITE, Scope.CONSENT_READ)
    found = await page(api, token=narrow)
    assert ([one["id"] for one in found["nodes"]], found["totalCount"]) == ([shown], 1)
    nodes = "query($ids: [ID!]!) { nodes(ids: $ids) { id } }"
    assert await api.data(nodes, token=narrow, ids=[hidden, shown]) == {
        "nodes": [None, {"id": shown}]
    }
    (error,) = await api.refused(
        "redeliverWebhooks", "NOT_FOUND", token=narrow, deliveryIds=[hidden]
    )
    assert error["path"] == ["deliveryIds", "0"]


async def test_endpoints_are_listed_and_paged_with_their_figures(
    api: Api, act: ActorContext
) -> None:
    """R98: however many endpoints a page has, each figure is read once."""
    made = [(await add_endpoint(api, description=name))["id"] for name in "abc"]
    customer = await add_customer(api.platform.database, act)
    await deliver(made[0], customer, act.now)
    await deliver(made[0], customer, act.now, state=DeliveryState.PENDING)
    await api.done("saveWebhookEndpoint", "", id=made[1], isActive=False)
    document = """query($first: Int, $after: String, $filter: WebhookEndpointFilter,
        $sort: WebhookEndpointSort) {
      webhookEndpoints(first: $first, after: $after, filter: $filter, sort: $sort) {
        totalCount pageInfo { endCursor }
        nodes { description pendingCount lastSuccessAt reseller { name } } } }"""

    async def listed(**variables: Any) -> Json:
        found: Json = (await api.data(document, **variables))["webhookEndpoints"]
        return found

    with counted_statements() as one:
        head = await listed(first=1, sort="CREATED_AT_ASC")
    with counted_statements() as many:
        rest = await listed(after=head["pageInfo"]["endCursor"], sort="CREATED_AT_ASC")
    assert len(many) == len(one)
    assert head["nodes"] == [
        {
            "description": "a",
            "pendingCount": 1,
            "lastSuccessAt": act.now.isoformat(),
            "reseller": None,
        }
    ]
    assert [one["description"] for one in rest["nodes"]] == ["b", "c"]
    assert [one["description"] for one in (await listed())["nodes"]] == ["c", "b", "a"]
    active = await listed(filter={"isActive": True})
    assert (active["totalCount"], [one["description"] for one in active["nodes"]]) == (
        2,
        ["c", "a"],
    )


async def test_events_are_sent_again_by_id(api: Api, act: ActorContext) -> None:
    made = await add_endpoint(api)
    customer = await add_customer(api.platform.database, act)
    await api.data("{ events(first: 1) { newestCursor } }")
    done = await deliver(made["id"], customer, act.now)
    failed = await deliver(made["id"], customer, act.now, state=DeliveryState.FAILED)
    payload = await api.done(
        "redeliverWebhooks", "redeliveredCount", deliveryIds=[done, failed, done]
    )
    again = await WebhookDelivery.filter(cause=DeliveryCause.REDELIVERY)
    assert payload["redeliveredCount"] == len(again) >= 1
    first = await WebhookDelivery.get(id=done)
    assert {one.event_id for one in again} == {first.event_id}
    assert {one.state for one in again} == {"PENDING"}
    pending = await deliver(made["id"], customer, act.now, state=DeliveryState.PENDING)
    pinged = (await ping(api, made["id"]))["id"]
    await Event.filter(customer_id=customer.id).delete()
    errors = await api.refused(
        "redeliverWebhooks",
        *("NOT_REDELIVERABLE",) * 3,
        deliveryIds=[pending, pinged, done],
    )
    assert [one["path"] for one in errors] == [["deliveryIds", str(place)] for place in range(3)]


async def test_events_of_a_period_are_sent_again(
    api: Api, act: ActorContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await add_endpoint(api)
    customers = [await add_customer(api.platform.database, act, name=name) for name in "abc"]
    await api.data("{ events(first: 1) { newestCursor } }")
    later = act.now + timedelta(hours=1)
    await deliver(made["id"], customers[0], act.now)
    failed = await deliver(made["id"], customers[1], later, state=DeliveryState.FAILED)
    await deliver(made["id"], customers[2], later)
    whole = {
        "endpointId": made["id"],
        "fromAt": act.now.isoformat(),
        "untilAt": (later + timedelta(seconds=1)).isoformat(),
    }

    async def hint_of(**values: Any) -> str:
        payload = await api.do("redeliverWebhooks", "userErrors { code hint }", **values)
        (error,) = payload["userErrors"]
        assert error["code"] == "TOO_MANY_ITEMS"
        return str(error["hint"])

    async def again(**values: Any) -> int:
        payload = await api.done("redeliverWebhooks", "redeliveredCount", **{**whole, **values})
        count: int = payload["redeliveredCount"]
        return count

    assert await again(dryRun=True) == 3
    assert await WebhookDelivery.filter(cause=DeliveryCause.REDELIVERY).count() == 0
    assert await again(outcomes=["FAILED"]) == 1
    redelivered = await WebhookDelivery.get(cause=DeliveryCause.REDELIVERY)
    assert redelivered.event_id == (await WebhookDelivery.get(id=failed)).event_id
    assert await again(eventTypes=["CUSTOMER_UPDATED"]) == 0
    assert await again() == 3
    monkeypatch.setattr("models.changes.webhook_sending.MAX_REDELIVERED", 2)
    (error,) = await api.refused("redeliverWebhooks", "TOO_MANY_ITEMS", **whole)
    assert error["path"] == ["untilAt"]
    assert later.isoformat() in await hint_of(**whole)
    assert await again(untilAt=later.isoformat()) == 1
    assert await again(fromAt=later.isoformat()) == 2
    monkeypatch.setattr("models.changes.webhook_sending.MAX_REDELIVERED", 1)
    assert "`deliveryIds`" in await hint_of(**{**whole, "fromAt": later.isoformat()})
    await api.refused("redeliverWebhooks", "REQUIRED")
    await api.refused("redeliverWebhooks", "REQUIRED", "REQUIRED", endpointId=made["id"])
    await api.refused("redeliverWebhooks", "CONTRADICTORY_VALUES", **whole, deliveryIds=[failed])
    backwards = {**whole, "untilAt": (act.now - timedelta(seconds=1)).isoformat()}
    await api.refused("redeliverWebhooks", "CONTRADICTORY_VALUES", **backwards)
    await api.done("saveWebhookEndpoint", "", id=made["id"], isActive=False)
    await api.refused("redeliverWebhooks", "WEBHOOK_ENDPOINT_INACTIVE", **whole)
