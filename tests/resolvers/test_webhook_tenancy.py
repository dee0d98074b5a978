"""Partners see, change and get only what belongs to their reseller (R99)."""

import pytest

from models import AuditEntry, Customer, WebhookEndpoint
from models.jobs.webhook_fan_out import fan_out
from tests.graphql_client import Api, Json, stored
from tests.partner_world import TwoPartners, two_partners
from tests.webhook_world import URL, add_endpoint, ping

ALL = """query($id: ID!, $delivery: ID!, $filter: WebhookDeliveryFilter) {
  webhookEndpoint(id: $id) { id }
  nodes(ids: [$id, $delivery]) { id }
  webhookEndpoints { totalCount nodes { id resellerId reseller { id } pendingCount lastSuccessAt } }
  webhookDeliveries(filter: $filter) { totalCount nodes { id endpointId } } }"""


@pytest.fixture
async def world(api: Api) -> TwoPartners:
    return await two_partners(api.platform.database, api.clock)


async def ask(api: Api, token: str, endpoint: str, delivery: str, **filter_: str) -> Json:
    found: Json = await api.data(
        ALL, token=token, id=endpoint, delivery=delivery, filter=filter_ or None
    )
    return found


async def test_a_partner_sees_its_own_endpoints_and_deliveries(
    api: Api, world: TwoPartners
) -> None:
    ours, theirs = world.ours.ids, world.theirs.ids
    found = await ask(api, world.ours.token, ours["whe"], ours["whd"])
    assert found["webhookEndpoint"] == {"id": ours["whe"]}
    assert found["nodes"] == [{"id": ours["whe"]}, {"id": ours["whd"]}]
    (shown,) = found["webhookEndpoints"]["nodes"]
    assert found["webhookEndpoints"]["totalCount"] == 1
    assert (shown["id"], shown["pendingCount"]) == (ours["whe"], 1)
    assert shown["reseller"] == {"id": world.reseller.id}
    assert shown["resellerId"] == world.reseller.id
    assert found["webhookDeliveries"]["totalCount"] == 3
    assert {one["endpointId"] for one in found["webhookDeliveries"]["nodes"]} == {ours["whe"]}
    foreign = await ask(api, world.ours.token, theirs["whe"], theirs["whd"])
    assert (foreign["webhookEndpoint"], foreign["nodes"]) == (None, [None, None])
    for filter_ in ({"endpointId": theirs["whe"]}, {"customerId": theirs["cus"]}):
        found = await ask(api, world.ours.token, theirs["whe"], theirs["whd"], **filter_)
        assert found["webhookDeliveries"] == {"totalCount": 0, "nodes": []}


async def test_the_platform_sees_whose_each_endpoint_is(api: Api, world: TwoPartners) -> None:
    found = await ask(api, api.token, world.theirs.ids["whe"], world.theirs.ids["whd"])
    owners = [one["resellerId"] for one in found["webhookEndpoints"]["nodes"]]
    other = (await WebhookEndpoint.get(id=world.theirs.ids["whe"])).reseller_id
    assert sorted(map(str, owners)) == sorted(["None", str(world.reseller.id), str(other)])
    assert found["webhookDeliveries"]["totalCount"] == 9


async def test_a_partner_changes_nothing_of_others(api: Api, world: TwoPartners) -> None:
    token, theirs = world.ours.token, world.theirs.ids
    await api.data("{ viewer { id } }", token=token)
    before = await stored()
    for mutation, values in (
        ("saveWebhookEndpoint", {"url": "https://mine.example"}),
        ("saveWebhookEndpoint", {"isActive": False}),
        ("rotateWebhookSecret", {}),
        ("pingWebhookEndpoint", {}),
        ("deleteWebhookEndpoint", {}),
    ):
        await api.refused(mutation, "NOT_FOUND", token=token, id=theirs["whe"], **values)
    await api.refused("redeliverWebhooks", "NOT_FOUND", token=token, deliveryIds=[theirs["whd"]])
    await api.refused(
        "redeliverWebhooks",
        "NOT_FOUND",
        token=token,
        endpointId=theirs["whe"],
        fromAt="2026-01-01T00:00:00Z",
        untilAt="2027-01-01T00:00:00Z",
    )
    (error,) = await api.refused(
        "saveWebhookEndpoint", "NOT_FOUND", token=token, url=URL, customerIds=[theirs["cus"]]
    )
    assert error["path"] == ["customerIds", "0"]
    assert await stored() == before


async def test_a_partner_does_everything_with_its_own(api: Api, world: TwoPartners) -> None:
    """Its changes are in the audit trail that it sees, also after the endpoint was deleted."""
    token = world.ours.token
    made = await add_endpoint(api, token=token, customerIds=[world.ours.ids["cus"]])
    assert made["resellerId"] == world.reseller.id
    await api.done("saveWebhookEndpoint", "", token=token, id=made["id"], isActive=False)
    await api.done("saveWebhookEndpoint", "", token=token, id=made["id"], isActive=True)
    rotated = await api.done("rotateWebhookSecret", "secret", token=token, id=made["id"])
    assert rotated["secret"].startswith("whsec_")
    await ping(api, made["id"], token=token)
    again = await api.done(
        "redeliverWebhooks",
        "redeliveredCount",
        token=token,
        endpointId=world.ours.ids["whe"],
        fromAt="2026-01-01T00:00:00Z",
        untilAt="2027-01-01T00:00:00Z",
    )
    assert again["redeliveredCount"] == 1  # both deliveries are of one event
    await api.done("deleteWebhookEndpoint", "", token=token, id=made["id"])
    document = """query($id: ID!) { auditTrail(filter: { subjectId: $id }) {
      nodes { operation subject { id } } } }"""
    operations = [
        "WEBHOOK_ENDPOINT_DELETED",
        "WEBHOOK_PINGED",
        "WEBHOOK_SECRET_ROTATED",
        "WEBHOOK_ENDPOINT_EDITED",
        "WEBHOOK_ENDPOINT_EDITED",
        "WEBHOOK_ENDPOINT_CREATED",
    ]
    for caller in (token, api.token):
        trail = await api.data(document, token=caller, id=made["id"])
        assert trail["auditTrail"]["nodes"] == [
            {"operation": one, "subject": None} for one in operations
        ]
    trail = await api.data(document, token=world.theirs.token, id=made["id"])
    assert trail["auditTrail"]["nodes"] == []


async def test_an_endpoint_gets_events_within_its_owners_reach(
    api: Api, world: TwoPartners
) -> None:
    """What each owner's deliveries list is what its feed lists."""
    tokens = {"ours": world.ours.token, "theirs": world.theirs.token, "platform": api.token}
    made = {
        who: (await add_endpoint(api, token=token, eventTypes=["CUSTOMER_UPDATED"]))["id"]
        for who, token in tokens.items()
    }
    feed = await api.data("{ events(first: 0) { newestCursor } }")
    start = feed["events"]["newestCursor"]
    changed = {"ours": world.ours.ids["cus"], "theirs": world.theirs.ids["cus"]}
    for customer in changed.values():
        await api.done("saveCustomer", "", id=customer, name="Renamed")
    read = """query($id: ID!, $start: String) {
      webhookDeliveries(filter: { endpointId: $id }) { nodes { eventId customerId } }
      events(after: $start, types: [CUSTOMER_UPDATED]) { nodes { id customerId } } }"""
    await api.data(read, id=made["ours"], start=start)  # numbers the events
    await fan_out(api.platform.database, api.clock())
    for who, token in tokens.items():
        found = await api.data(read, token=token, id=made[who], start=start)
        sent = [(one["eventId"], one["customerId"]) for one in found["webhookDeliveries"]["nodes"]]
        told = [(one["id"], one["customerId"]) for one in found["events"]["nodes"]]
        assert sorted(sent) == sorted(told), who
        wanted = set(changed.values()) if who == "platform" else {changed[who]}
        assert {customer for _, customer in sent} == wanted


async def test_the_endpoints_of_a_customer_that_is_no_longer_a_reseller_are_switched_off(
    api: Api, world: TwoPartners
) -> None:
    charity = await api.class_of("CHARITY")
    row = await Customer.get(id=world.reseller.id)
    await Customer.filter(parent_id=row.id).update(parent_id=None)
    await api.done(
        "changeCustomerClass", "", customerId=row.id, classId=charity["id"], reason="Sells no more"
    )
    active = dict(await WebhookEndpoint.all().values_list("id", "is_active"))
    assert active[world.ours.ids["whe"]] is False
    assert active[world.theirs.ids["whe"]] is True
    entry = await AuditEntry.get(
        subject_id=world.ours.ids["whe"], operation="webhook_endpoint.edited"
    )
    assert entry.reason == "The customer that the endpoint belongs to is no longer a reseller."
