"""Single objects by id: by a query of their own, and by `node` and `nodes`."""

from datetime import timedelta

import pytest
from graphql import GraphQLInterfaceType

from models import (
    AuditEntry,
    ClassChange,
    ConsentEntry,
    EnrichmentRun,
    Event,
    Job,
    PreferenceEntry,
    Suggestion,
)
from models.rules.enrichment_status import EnrichmentStatus, EnrichmentTrigger
from models.rules.permission import with_implied
from models.tables.access import Scope
from models.tables.audit import ActorContext
from models.tables.enrichment import SuggestionStatus
from tests.access_world import add_group, add_user, issue
from tests.clock import START
from tests.delivery_world import World
from tests.factories import add_import
from tests.graphql_client import Api, the_schema
from tests.webhook_world import add_endpoint, ping

NODES = "query($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }"
OF_CUSTOMER = (AuditEntry, ClassChange, ConsentEntry, PreferenceEntry, EnrichmentRun, Suggestion)
NEEDED = {
    "AuditEntry": {Scope.AUDIT_READ},
    "Event": {Scope.CUSTOMERS_READ},
    "ClassChange": {Scope.CUSTOMERS_READ},
    "ConsentEntry": {Scope.CONSENT_READ},
    "PreferenceEntry": {Scope.CONTACTS_READ},
    "EnrichmentRun": {Scope.CUSTOMERS_READ},
    "Suggestion": {Scope.CUSTOMERS_READ},
    "Contact": {Scope.CONTACTS_READ},
    "CustomerTemplate": {Scope.CUSTOMERS_READ, Scope.CUSTOMER_CLASSES_READ},
    "User": {Scope.ACCESS_READ},
    "UserGroup": {Scope.ACCESS_READ},
    "AccessToken": {Scope.ACCESS_READ},
    "WebhookDelivery": {Scope.WEBHOOKS_READ},
    "WebhookEndpoint": {Scope.WEBHOOKS_READ},
    "ImportJob": {Scope.CUSTOMERS_WRITE},
    "Job": {Scope.JOBS_ADMINISTER},
}
"""By type: the scopes of which one is enough to fetch an object by its id."""

QUERIES = {
    "contact": "Contact",
    "customerTemplate": "CustomerTemplate",
    "suggestion": "Suggestion",
    "enrichmentRun": "EnrichmentRun",
    "user": "User",
    "userGroup": "UserGroup",
    "accessToken": "AccessToken",
    "webhookEndpoint": "WebhookEndpoint",
    "importJob": "ImportJob",
    "job": "Job",
}
"""By query of a single object: its type."""


@pytest.fixture
async def ids(api: Api, act: ActorContext) -> dict[str, str]:
    """Create a customer with an entry in each of its histories, and others; return ids by type."""
    world = World(api.platform.database, api.clock, act)
    customer = await world.customer()
    contact = await world.contact(customer)
    await world.consent(customer)
    await world.verify(contact)
    await world.prefer(contact)
    await EnrichmentRun.create(
        customer_id=customer.id,
        trigger=EnrichmentTrigger.SAVE,
        status=EnrichmentStatus.RETRYING,
        requested_at=START,
        next_attempt_at=START - timedelta(hours=1),
    )
    await Suggestion.create(
        customer_id=customer.id,
        field="employees",
        entry={"value": 5, "source": "SANDBOX"},
        status=SuggestionStatus.REJECTED,
        created_at=START,
    )
    found = {"Customer": customer.id, "Contact": contact.id}
    for model in OF_CUSTOMER:
        row = await model.filter(customer_id=customer.id).order_by("-id").first()
        assert row is not None
        found[model.__name__] = str(row.pk)
    found["Event"] = (await Event.get(customer_id=customer.id, type="customer.created")).id
    template = await api.done("saveCustomerTemplate", "customerTemplate { id }", name="Shops")
    found["CustomerTemplate"] = template["customerTemplate"]["id"]
    found["ImportJob"] = await add_import(api.platform.database, act)
    found["Job"] = (await Job.all().order_by("id").first() or Job()).id
    found["User"] = await add_user(api, "Uma", Scope.CUSTOMERS_READ)
    found["UserGroup"] = await add_group(api, "Clerks")
    token = await issue(api, found["User"], Scope.CUSTOMERS_READ)
    pinged = await add_endpoint(api)
    delivery = await ping(api, pinged["id"])
    found |= {"WebhookEndpoint": pinged["id"], "WebhookDelivery": delivery["id"]}
    return {**found, "AccessToken": token["accessToken"]["id"]}


async def test_each_type_is_fetched_by_its_id_and_by_those_who_may_see_it(
    api: Api, ids: dict[str, str]
) -> None:
    """R93, R95."""
    wanted = [{"__typename": name, "id": ids[name]} for name in NEEDED]
    found = await api.data(NODES, ids=[ids[name] for name in NEEDED])
    assert found["nodes"] == wanted
    for scope in Scope:
        token = await api.token_for(scope)
        found = await api.data(NODES, token=token, ids=[ids[name] for name in NEEDED])
        seen = {node["__typename"] for node in found["nodes"] if node}
        held = with_implied([scope])
        assert seen == {name for name, enough in NEEDED.items() if held & enough}, scope


@pytest.mark.parametrize("query", QUERIES)
async def test_a_query_of_a_single_object_returns_its_type_alone(
    api: Api, ids: dict[str, str], query: str
) -> None:
    document = f"query($id: ID!) {{ {query}(id: $id) {{ __typename id }} }}"
    own = QUERIES[query]
    for name, one in ids.items():
        wanted = {"__typename": own, "id": one} if name == own else None
        assert await api.data(document, id=one) == {query: wanted}, name
    for unknown in ("nonsense", "", f"{ids[own][:-1]}!"):
        assert await api.data(document, id=unknown) == {query: None}


async def test_an_entry_of_a_history_names_its_customer_or_contact(
    api: Api, ids: dict[str, str]
) -> None:
    document = """query($ids: [ID!]!) { nodes(ids: $ids) {
      ... on ClassChange { customer { id } } ... on EnrichmentRun { customer { id } nextAttemptAt }
      ... on ConsentEntry { customerId } ... on PreferenceEntry { contact { id } } } }"""
    names = ("ClassChange", "EnrichmentRun", "ConsentEntry", "PreferenceEntry")
    found = await api.data(document, ids=[ids[name] for name in names])
    customer = {"customer": {"id": ids["Customer"]}}
    assert found["nodes"] == [
        customer,
        {**customer, "nextAttemptAt": None},  # it is in the past
        {"customerId": ids["Customer"]},
        {"contact": {"id": ids["Contact"]}},
    ]


async def test_histories_go_with_what_they_are_about(api: Api, ids: dict[str, str]) -> None:
    """R35: consent and the audit trail stay, without text that may name a person."""
    kept = [model.__name__ for model in OF_CUSTOMER]
    await api.done("deleteContact", "", id=ids["Contact"])
    found = await api.data(NODES, ids=[ids[name] for name in kept])
    assert [node and node["__typename"] for node in found["nodes"]] == [
        None if name == "PreferenceEntry" else name for name in kept
    ]
    await api.done("deleteCustomer", "", id=ids["Customer"])
    found = await api.data(NODES, ids=[ids[name] for name in kept])
    assert [node and node["__typename"] for node in found["nodes"]] == [
        name if name in {"AuditEntry", "ConsentEntry"} else None for name in kept
    ]


def test_every_node_of_the_schema_can_be_fetched() -> None:
    core = the_schema()._schema
    node = core.type_map["Node"]
    assert isinstance(node, GraphQLInterfaceType)
    fetched = {"Customer", "CustomerClass", *NEEDED}
    assert {one.name for one in core.get_implementations(node).objects} == fetched
