"""The number of statements of a list does not grow with its length.

On PostgreSQL, rows related to a few rows are read with them; see `test_reading_along.py`.
"""

from datetime import timedelta

import pytest

from models import EnrichmentRun, Suggestion
from models.changes.customer_editing import change_class
from models.rules.enrichment_status import EnrichmentStatus, EnrichmentTrigger
from models.storage.row_query import FEW
from models.tables.access import Principal, Scope
from models.tables.audit import ActorContext
from models.tables.enrichment import SuggestionStatus
from tests.factories import add_class, add_customer, add_template, shipped
from tests.graphql_client import Api, counted_statements

LEAST, MANY = FEW + 1, 20

OF_CUSTOMERS = {
    "customerClass": "customerClass { name code }",
    "labels": "labels subscriberKind invoiceWording",
    "classHistory": "classHistory { reason from { name } to { name } }",
    "parent": "parent { name customerClass { name } parent { name } }",
    "enrichment": "enrichment { status history { status trigger } fields { field } }",
    "suggestions": "suggestions { field value { source } current { display } customer { name } }",
    "advisories": "advisories { code }",
    "otherCustomers": "advisories { otherCustomers { id customerClass { name } } }",
    "consent": "consent { isGiven basis since entry { id givenBy } }"
    ' then: consent(at: "2026-01-01T00:00:00Z") { isGiven entry { statement } }'
    " consentHistory { kind hash reason } nonItemisedBills { isRequested entry { askedBy } }",
    "auditTrail": "auditTrail { nodes { operation actorName } }",
    "profile": "profile { employees { value } registeredAddress { value { lines } } }",
    "siblings": "customerClass { customers(first: 3) { totalCount nodes { name parent { id } } } }",
}
OF_CLASSES = {
    "customers": "customers(first: 2) { nodes { name classHistory { to { name } } } }",
    "totalCount": "customers(first: 1) { totalCount nodes { parent { name } } }",
    "deletability": "deletability { isAllowed customersEverCount blockers { code } }",
    "retirability": "retirability { isAllowed customersNowCount blockers { code } }",
    "replacement": 'retirability(replacementId: "REPLACEMENT") { isAllowed }',
    "auditTrail": "auditTrail { nodes { operation } }",
}


@pytest.fixture
async def filled(api: Api) -> Api:
    """Fill the database with customers and classes with related rows of all kinds."""
    act = ActorContext(Principal("tok_1", "Tess", frozenset(Scope)), api.clock(), "request-1")
    database = api.platform.database
    top = await add_customer(database, act, "RESELLER_OTHER", name="Top")
    charity = await shipped("CHARITY")
    for number in range(MANY):
        own = await add_class(database, act, f"Class {number:02}", is_reseller=True)
        parent = await add_customer(
            database, act, name=f"B{number:02}", class_id=own.id, parent_id=top.id
        )
        customer = await add_customer(
            database,
            act,
            name=f"A{number:02}",
            class_id=own.id,
            parent_id=parent.id,
            company_number=f"{101 + number // 2:08}",
            profile={"employees": {"value": 7, "source": "USER", "retrieved_at": "2026-01-01"}},
        )
        await database.transaction(
            lambda c=customer.id: change_class(act, c, charity.id, "Moved", None)  # type: ignore[misc]
        )
        await add_template(database, act, f"Template {number:02}", customer_class_id=own.id)
        for days in range(2):
            await EnrichmentRun.create(
                customer_id=customer.id,
                trigger=EnrichmentTrigger.SAVE,
                status=EnrichmentStatus.SUCCEEDED,
                requested_at=act.now + timedelta(days=days),
                fields_read=[{"name": "employees", "outcome": "FOUND", "source": "SANDBOX"}],
            )
            await Suggestion.create(
                customer_id=customer.id,
                field=("employees", "incorporated_on")[days],
                entry={"value": (8, "2001-01-01")[days], "source": "SANDBOX"},
                status=SuggestionStatus.OPEN,
                created_at=act.now,
            )
    for _ in range(2):  # the first request stores the token's last use
        await api.data("{ viewer { id } }")
    return api


async def statements(api: Api, document: str, first: int) -> int:
    """Return the number of statements of a query; asserts that it returns `first` rows."""
    with counted_statements() as seen:
        data = await api.data(document, first=first)
    (found,) = data.values()
    assert len(found["nodes"]) == first
    return len(seen)


async def test_a_list_of_customers_reads_each_relation_once(filled: Api) -> None:
    selections = {
        **OF_CUSTOMERS,
        "all": " ".join(OF_CUSTOMERS.values()).replace(OF_CUSTOMERS["siblings"], ""),
    }
    counts = {}
    for name, select in selections.items():
        document = f"query($first: Int) {{ customers(first: $first) {{ nodes {{ {select} }} }} }}"
        counts[name] = [await statements(filled, document, first) for first in (LEAST, MANY)]
    assert [name for name, (least, many) in counts.items() if least != many] == []
    assert counts["profile"] == counts["customerClass"] == [1, 1]
    # The page with its classes, consent periods, addresses, and others of the same companies.
    assert counts["advisories"] == [4, 4]
    assert counts["otherCustomers"] == [5, 5]
    assert counts["suggestions"] == [2, 2]
    assert counts["classHistory"] == counts["enrichment"] == counts["auditTrail"] == [2, 2]
    assert counts["siblings"] == [3, 3]
    # The flag now and at other instants, and its history, are read with one statement.
    assert counts["consent"] == [2, 2]


async def test_a_list_of_classes_reads_each_relation_once(filled: Api) -> None:
    replacement = (await shipped("PUBLIC_SECTOR")).id
    counts = {}
    for name, select in OF_CLASSES.items():
        chosen = select.replace("REPLACEMENT", replacement)
        document = (
            "query($first: Int) { customerClasses(first: $first, filter: { statuses: null }) {"
            f" nodes {{ {chosen} }} }} }}"
        )
        counts[name] = [await statements(filled, document, first) for first in (LEAST, MANY)]
    assert [name for name, (least, many) in counts.items() if least != many] == []


async def test_the_total_costs_a_statement_only_when_it_is_asked_for(filled: Api) -> None:
    """R98."""
    page = "query($first: Int) { customers(first: $first) { %s nodes { id } } }"
    without = await statements(filled, page % "", 5)
    with_total = await statements(filled, page % "totalCount", 5)
    assert (without, with_total) == (1, 2)


async def test_templates_and_nodes_read_each_relation_once(filled: Api) -> None:
    with counted_statements() as of_templates:
        data = await filled.data(
            "{ customerTemplates { nodes { name customerClass { name } parent { name } } } }"
        )
    assert len(data["customerTemplates"]["nodes"]) == MANY
    assert len(of_templates) == 1
    page = await filled.data("{ customers(first: 20) { nodes { id } } }")
    ids = [node["id"] for node in page["customers"]["nodes"]]
    with counted_statements() as of_nodes:
        found = await filled.data(
            "query($ids: [ID!]!) { nodes(ids: $ids) { id ... on Customer { parent { name } } } }",
            ids=ids,
        )
    assert [node["id"] for node in found["nodes"]] == ids
    assert len(of_nodes) == 1


@pytest.mark.parametrize(
    ("selected", "column"),
    [
        ("customers(first: 2) { SELECTED }", 't0."name_key"'),
        ("customers(first: 2, sort: CREATED_AT_DESC) { SELECTED }", 't0."created_at"'),
        ("customerClasses(first: 1) { nodes { customers { SELECTED } } }", 't0."account_number"'),
        ("customerClasses(first: 2) { SELECTED }", 't0."display_position"'),
        ("auditTrail(first: 2) { SELECTED }", 't0."at"'),
        ("userGroups(first: 2) { SELECTED }", 't0."name_key"'),
    ],
)
async def test_what_cursors_are_made_of_is_read_for_cursors_only(
    filled: Api, selected: str, column: str
) -> None:
    for wanted, is_read in (
        ("nodes { id }", False),
        ("edges { cursor }", True),
        ("pageInfo { endCursor }", True),
    ):
        with counted_statements() as statements:
            answer = await filled.post(f"{{ {selected.replace('SELECTED', wanted)} }}")
        assert "errors" not in answer.json(), answer.text
        read = [one.partition(" FROM ")[0] for one in statements]
        assert any(column in one for one in read) is is_read, wanted
