"""Instants at the limits of the calendar, in every argument that accepts one."""

import json

import pytest
from graphql import GraphQLInputObjectType, GraphQLObjectType, build_schema, get_named_type

from tests.completeness import assert_complete
from tests.graphql_client import Api, Json, connected, stored, the_schema
from tests.listening import listening

EDGES = (
    "0001-01-01T00:00:00+14:00",  # before the first instant that UTC can express
    "0001-01-01T00:00:00Z",
    "0001-01-01T00:00:00-12:00",
    "9999-12-31T23:59:59.999999+14:00",
    "9999-12-31T23:59:59.999999Z",
    "9999-12-31T23:59:59-12:00",  # after the last instant that UTC can express
    "2026-10-01T00:00:00",  # without a UTC offset
)
ENTRY = {
    "basis": "WRITTEN_OPT_IN",
    "method": "EMAIL",
    "givenBy": "Al",
    "evidenceReference": "box 7",
}
QUERIES = {
    ("Query.deliveryExposure", "from"): (
        '{ deliveryExposure(from: "%s", to: "2026-10-01T00:00:00Z") { nodes { reason } } }'
    ),
    ("Query.deliveryExposure", "to"): (
        '{ deliveryExposure(from: "2026-10-01T00:00:00Z", to: "%s") { nodes { reason } } }'
    ),
    ("Customer.consentGivenAt", "instant"): (
        '{ customers { nodes { consentGivenAt(instant: "%s") { isGiven } } } }'
    ),
    ("Customer.deliveryPreview", "at"): (
        '{ customers { nodes { deliveryPreview(at: "%s") { at contacts { name } } } } }'
    ),
    ("AuditFilter", "fromAt"): (
        '{ auditTrail(filter: { fromAt: "%s" }) { totalCount nodes { id } } }'
    ),
    ("AuditFilter", "untilAt"): (
        '{ auditTrail(filter: { untilAt: "%s" }) { totalCount nodes { id } } }'
    ),
}
MUTATIONS: dict[tuple[str, str], tuple[str, Json]] = {
    ("RestartEnrichmentsFilter", name): ("restartEnrichments", {"filter": {name: "%s"}})
    for name in ("finishedFromAt", "finishedUntilAt")
}
OF_CONSENT = {"effectiveAt": "%s", "idempotencyKey": "key"}
MUTATIONS |= {
    ("RecordConsentFields", "effectiveAt"): (
        "saveCustomer",
        {"name": "New", "classCode": "CHARITY", "consent": {**ENTRY, **OF_CONSENT}},
    ),
    ("RecordConsentInput", "effectiveAt"): (
        "recordConsent",
        {"customerId": "CUSTOMER", **ENTRY, **OF_CONSENT},
    ),
    ("WithdrawConsentInput", "effectiveAt"): (
        "withdrawConsent",
        {"customerId": "CUSTOMER", **OF_CONSENT},
    ),
    ("CorrectConsentInput", "effectiveAt"): (
        "correctConsent",
        {"entryId": "ENTRY", "reason": "Typed wrongly", **OF_CONSENT},
    ),
    ("RequestNonItemisedBillsInput", "effectiveAt"): (
        "requestNonItemisedBills",
        {"customerId": "CUSTOMER", **OF_CONSENT},
    ),
    ("WithdrawNonItemisedBillsRequestInput", "effectiveAt"): (
        "withdrawNonItemisedBillsRequest",
        {"customerId": "CUSTOMER", **OF_CONSENT},
    ),
}
SUBSCRIBED = ("Subscription.customerEnriched", "since")


def test_every_place_for_an_instant_has_its_case() -> None:
    places = set()
    for name, kind in build_schema(the_schema().as_str()).type_map.items():
        if isinstance(kind, GraphQLInputObjectType):
            values = [(name, field, value.type) for field, value in kind.fields.items()]
        elif isinstance(kind, GraphQLObjectType):
            values = [
                (f"{name}.{field}", argument, value.type)
                for field, of_field in kind.fields.items()
                for argument, value in of_field.args.items()
            ]
        else:
            continue
        places |= {
            (where, what) for where, what, of in values if get_named_type(of).name == "DateTime"
        }
    assert_complete(
        "QUERIES and MUTATIONS in tests/schema/base/test_instants.py",
        {*QUERIES, *MUTATIONS, SUBSCRIBED},
        places,
        "a document, or a mutation with its input, that sends the instant as %s",
    )


@pytest.mark.parametrize("place", QUERIES)
async def test_a_query_refuses_what_it_can_not_compare(api: Api, place: tuple[str, str]) -> None:
    await api.save_customer()
    for edge in EDGES:
        body = await api.answer(QUERIES[place] % edge)
        codes = {error["extensions"]["code"] for error in body.get("errors", ())}
        assert codes <= {"BAD_USER_INPUT"}, (edge, body)


@pytest.mark.parametrize("place", MUTATIONS)
async def test_a_mutation_refuses_it_and_changes_nothing(api: Api, place: tuple[str, str]) -> None:
    customer = await api.save_customer()
    recorded = await api.done("recordConsent", "entry { id }", customerId=customer["id"], **ENTRY)
    mutation, given = MUTATIONS[place]
    before = await stored()
    for edge in EDGES:
        text = json.dumps(given).replace("%s", edge)
        text = text.replace("CUSTOMER", customer["id"]).replace("ENTRY", recorded["entry"]["id"])
        payload = await api.do(mutation, "", **json.loads(text))
        assert [one["code"] for one in payload["userErrors"]] == ["INVALID"], edge
        assert await stored() == before


async def test_a_subscription_refuses_it(api: Api) -> None:
    customer = await api.save_customer()
    document = """subscription($id: ID!, $since: DateTime) {
      customerEnriched(customerId: $id, since: $since) { id } }"""
    async with listening(api.app) as address, connected(address) as socket:
        await socket.sign_in(api.token)
        for edge in (EDGES[0], EDGES[5], EDGES[6]):
            operation_id = await socket.subscribe(document, id=customer["id"], since=edge)
            message = await socket.receive()
            assert (message["type"], message["id"]) in {
                ("next", operation_id),
                ("error", operation_id),
            }
            assert "BAD_USER_INPUT" in json.dumps(message)
            assert "INTERNAL_ERROR" not in json.dumps(message)
            if message["type"] == "next":
                assert (await socket.receive())["type"] == "complete"
