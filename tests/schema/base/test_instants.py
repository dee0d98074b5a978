"""Instants at the limits of the calendar, in every argument that accepts one."""

import json

import pytest
from graphql import GraphQLInputObjectType, GraphQLObjectType, build_schema, get_named_type

from tests.completeness import assert_complete
from tests.graphql_client import Api, Json, connected, stored, the_schema
from tests.listening import listening
from tests.webhook_world import add_endpoint

WITHOUT_OFFSET = "2026-10-01T00:00:00"
EDGES = (
    "0001-01-01T00:00:00+14:00",  # before the first instant that UTC can express
    "0001-01-01T00:00:00Z",
    "0001-01-01T00:00:00-12:00",
    "9999-12-31T23:59:59.999999+14:00",
    "9999-12-31T23:59:59.999999Z",
    "9999-12-31T23:59:59-12:00",  # after the last instant that UTC can express
    WITHOUT_OFFSET,
)
ENTRY = {
    "basis": "WRITTEN_OPT_IN",
    "method": "EMAIL",
    "givenBy": "Al",
    "evidenceReference": "box 7",
}
QUERIES = {
    ("Query.deliveryExposure", "fromAt"): (
        '{ deliveryExposure(fromAt: "%s", untilAt: "2026-10-01T00:00:00Z") { nodes { reason } } }'
    ),
    ("Query.deliveryExposure", "untilAt"): (
        '{ deliveryExposure(fromAt: "2026-10-01T00:00:00Z", untilAt: "%s") { nodes { reason } } }'
    ),
    ("Customer.consent", "at"): ('{ customers { nodes { consent(at: "%s") { isGiven } } } }'),
    ("Customer.deliveryPreview", "at"): (
        '{ customers { nodes { deliveryPreview(at: "%s") { at contacts { name } } } } }'
    ),
    **{
        (f"{kind}Filter", f"{name}{end}At"): (
            f'{{ {field}(filter: {{ {name}{end}At: "%s" }}) {{ totalCount nodes {{ id }} }} }}'
        )
        for kind, field, names in (
            ("Customer", "customers", ("created", "lastModified", "changed")),
            ("Contact", "contacts", ("created", "changed")),
        )
        for name in names
        for end in ("From", "Until")
    },
    **{
        ("ClassCustomerFilter", f"{name}{end}At"): (
            f'{{ customerClasses {{ nodes {{ customers(filter: {{ {name}{end}At: "%s" }})'
            " { totalCount nodes { id } } } } }"
        )
        for name in ("created", "lastModified", "changed")
        for end in ("From", "Until")
    },
    ("AuditFilter", "fromAt"): (
        '{ auditTrail(filter: { fromAt: "%s" }) { totalCount nodes { id } } }'
    ),
    ("AuditFilter", "untilAt"): (
        '{ auditTrail(filter: { untilAt: "%s" }) { totalCount nodes { id } } }'
    ),
    ("WebhookDeliveryFilter", "fromAt"): (
        '{ webhookDeliveries(filter: { fromAt: "%s" }) { totalCount nodes { id } } }'
    ),
    ("WebhookDeliveryFilter", "untilAt"): (
        '{ webhookDeliveries(filter: { untilAt: "%s" }) { totalCount nodes { id } } }'
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
    ("RecordConsentRow", "effectiveAt"): (
        "recordConsents",
        {"rows": [{"customerId": "CUSTOMER", **ENTRY, **OF_CONSENT}]},
    ),
    ("WithdrawConsentInput", "effectiveAt"): (
        "withdrawConsent",
        {"customerId": "CUSTOMER", **OF_CONSENT},
    ),
    ("CorrectedConsentFields", "effectiveAt"): (
        "correctConsent",
        {"entryId": "ENTRY", "reason": "Typed wrongly", "values": {"effectiveAt": "%s"}},
    ),
    ("RequestNonItemisedBillsInput", "effectiveAt"): (
        "requestNonItemisedBills",
        {"customerId": "CUSTOMER", **OF_CONSENT},
    ),
    ("WithdrawNonItemisedBillsRequestInput", "effectiveAt"): (
        "withdrawNonItemisedBillsRequest",
        {"customerId": "CUSTOMER", **OF_CONSENT},
    ),
    ("RedeliverWebhooksInput", "fromAt"): (
        "redeliverWebhooks",
        {"endpointId": "ENDPOINT", "fromAt": "%s", "untilAt": "2026-10-01T00:00:00Z"},
    ),
    ("RedeliverWebhooksInput", "untilAt"): (
        "redeliverWebhooks",
        {"endpointId": "ENDPOINT", "fromAt": "2026-10-01T00:00:00Z", "untilAt": "%s"},
    ),
}
SUBSCRIBED = {
    ("Subscription.customerEnriched", "since"): "customerEnriched(customerId: $id",
    ("Subscription.contactConfirmed", "since"): "contactConfirmed(customerIds: [$id]",
}


def test_every_place_for_an_instant_has_its_case() -> None:
    places = set()
    for name, kind in build_schema(the_schema().sdl()).type_map.items():
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
        {*QUERIES, *MUTATIONS, *SUBSCRIBED},
        places,
        "a document, or a mutation with its input, that sends the instant as %s",
    )


@pytest.mark.parametrize("place", QUERIES)
async def test_a_query_refuses_what_it_can_not_compare(api: Api, place: tuple[str, str]) -> None:
    await api.save_customer()
    for edge in EDGES:
        body = await api.answer(QUERIES[place] % edge)
        codes = {error["extensions"]["code"] for error in body.get("errors", ())}
        # Without an offset, the text is no DateTime, so that the document is not valid.
        allowed = {"INVALID_OPERATION" if edge == WITHOUT_OFFSET else "BAD_USER_INPUT"}
        assert codes <= allowed, (edge, body)


@pytest.mark.parametrize("place", MUTATIONS)
async def test_a_mutation_refuses_it_and_changes_nothing(api: Api, place: tuple[str, str]) -> None:
    customer = await api.save_customer()
    recorded = await api.done("recordConsent", "entry { id }", customerId=customer["id"], **ENTRY)
    endpoint = await add_endpoint(api)
    ids = {
        "CUSTOMER": customer["id"],
        "ENTRY": recorded["entry"]["id"],
        "ENDPOINT": endpoint["id"],
    }
    mutation, given = MUTATIONS[place]
    before = await stored()
    for edge in EDGES:
        text = json.dumps(given).replace("%s", edge)
        for name, one in ids.items():
            text = text.replace(f'"{name}"', f'"{one}"')
        of_rows = "results { userErrors { code } }" if "rows" in given else ""
        payload = await api.do(mutation, of_rows, **json.loads(text))
        for result in payload.get("results", ()):
            payload["userErrors"] += result["userErrors"]
        code = "BAD_FORMAT" if edge == WITHOUT_OFFSET else "OUT_OF_RANGE"
        assert [one["code"] for one in payload["userErrors"]] == [code], edge
        assert await stored() == before


@pytest.mark.parametrize("place", SUBSCRIBED)
async def test_a_subscription_refuses_it(api: Api, place: tuple[str, str]) -> None:
    customer = await api.save_customer()
    document = f"""subscription($id: ID!, $since: DateTime) {{
      {SUBSCRIBED[place]}, since: $since) {{ id }} }}"""
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
