"""The actual cost of any operation is at most its requested cost."""

import pytest

from models import Customer, CustomerClass
from models.storage.database import Database
from models.tables.access import Principal
from models.tables.audit import ActorContext
from schema.base.context import Context
from schema.root import build_schema
from tests.clock import Clock
from tests.schema.generated import Writer
from tests.schema.stored_world import ALL, DOCUMENTS, Stored, fill, search

SEEDS = 4
"""The factor by which more documents are tried here than where responses are compared."""


class Costs:
    """Executes documents and returns their costs."""

    def __init__(self, database: Database, clock: Clock, user_id: str) -> None:
        self.schema = build_schema()
        self._database = database
        self._clock = clock
        self._user_id = user_id

    async def of(
        self, text: str, variables: dict[str, object] | None = None, operation: str | None = None
    ) -> tuple[int, int]:
        """Execute an operation; return its requested and its actual cost."""
        context = Context(
            database=self._database,
            clock=self._clock,
            search_companies=search,
            request_id="request-1",
            principal=Principal("tok_1", "Tess", ALL, user_id=self._user_id),
        )
        await self.schema.execute(text, variables, context_value=context, operation_name=operation)
        spending = context.spending
        return (
            (spending.requested, spending.actual) if spending else (0, 0)
        )  # a limit refused the document


@pytest.fixture
async def stored(database: Database, act: ActorContext) -> Stored:
    await fill(database, act)
    found = Stored()
    await found.look()
    return found


@pytest.fixture
def costs(database: Database, clock: Clock, stored: Stored) -> Costs:
    return Costs(database, clock, stored.ids["User"][0])


async def test_any_document_comes_to_no_more_than_was_requested(
    costs: Costs, stored: Stored
) -> None:
    """In this data, no list without a size argument is longer than the formula assumes."""
    costly = 0
    for seed in range(DOCUMENTS * SEEDS):
        asked = Writer(costs.schema._schema, stored.choose, seed).document()
        for operation in asked.operations:
            for variables in asked.variables[:2]:
                requested, actual = await costs.of(asked.text, variables, operation)
                assert actual <= requested, (seed, asked.text, variables)
                costly += actual > 100
    assert costly > DOCUMENTS


PAGES = [
    "customers",
    "customerClasses",
    "customerTemplates",
    "auditTrail",
    "users",
    "userGroups",
    "accessTokens",
]


@pytest.mark.parametrize("name", PAGES)
async def test_a_page_counts_what_is_read_of_it_once(costs: Costs, name: str) -> None:
    count = 5 if name in {"customerClasses", "customerTemplates"} else 20
    there = {"customerTemplates": 2, "userGroups": 1}.get(name, 3)
    for selected, requested, actual in (
        ("__typename", 1, 1),
        ("totalCount", 1 + count, 1 + count),
        ("pageInfo { hasNextPage }", 1 + 1 + 3, 1 + 1 + there),
        ("nodes { id }", 1 + 3, 1 + there),
        ("nodes { id } edges { cursor } pageInfo { endCursor }", 1 + 1 + 3, 1 + 1 + there),
        ("nodes @skip(if: true) { id } totalCount", 1 + count, 1 + count),
    ):
        told = await costs.of(f"{{ {name}(first: 3) {{ {selected} }} }}")
        assert told == (requested, actual), selected


async def test_pages_below_classes_count_no_row_that_is_only_looked_ahead_at(costs: Costs) -> None:
    own = await CustomerClass.get(name="Own")
    assert await Customer.filter(customer_class_id=own.id).count() > 3
    document = (
        "{ customerClass(id: $id) { customers(first: 2) { nodes { contacts { id } } } } }"
    ).replace("$id", f'"{own.id}"')
    requested, actual = await costs.of(document)
    assert requested == 2 + 2 * (1 + 10)
    assert 2 + 2 <= actual <= 2 + 2 + 2 * 2


async def test_what_verifies_a_ledger_is_due_and_its_reading_is_not_counted(costs: Costs) -> None:
    one = await Customer.get(name="A 01")
    verify = f'{{ verifyConsentLedger(customerId: "{one.id}") {{ isIntact }} }}'
    assert await costs.of(verify) == (101, 101)
    evidence = f'{{ consentEvidence(customerId: "{one.id}") {{ isErased }} }}'
    assert await costs.of(evidence) == (101, 101)
    requested, actual = await costs.of(evidence.replace("isErased", "entries { sequence }"))
    assert requested == 101 + 50
    assert 101 < actual < 101 + 10
