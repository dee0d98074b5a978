"""Random operations have equal results with and without plans, caches and prepared queries.

The variable `ALIKE_DOCUMENTS` sets how many documents are tried, each in several ways.
"""

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from unittest.mock import Mock
from zlib import crc32

import orjson
import pytest
from graphql import parse, validate
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis_graphql import nodes, queries

from models.storage import row_query, row_query_compiler
from models.storage.database import Database
from models.tables.access import Principal, Scope
from models.tables.audit import ActorContext
from schema.base import errors
from schema.base.context import Context
from schema.engine.document_cache import Documents
from schema.engine.served_schema import CustomerClassesSchema
from schema.root import build_schema
from tests.clock import Clock
from tests.schema import generated
from tests.schema.generated import ABSENT, Asked, Writer
from tests.schema.stored_world import ALL, DOCUMENTS, INSTANTS, Stored, fill, search
from web.http import _body_and_status
from web.http_request import JSON

SCOPES = (
    ALL,
    ALL,
    frozenset({Scope.CUSTOMERS_READ}),
    frozenset({Scope.CUSTOMERS_READ, Scope.CONTACTS_READ}),
    frozenset({Scope.CUSTOMERS_READ, Scope.CONSENT_READ}),
    frozenset({Scope.CUSTOMER_CLASSES_READ}),
    frozenset[Scope](),
)
LONGEST = 1_000_000
TURNS = (1, 0, 0, 1, 2, 0)


class Asking:
    """Executes the same operation in all ways."""

    def __init__(self, database: Database, clock: Clock, user_id: str) -> None:
        self.database = database
        self.clock = clock
        self.user_id = user_id
        self.planned = build_schema()
        self.plain = build_schema(is_planned=False)
        self.answers = 0
        self.faulty = 0

    async def answer(
        self,
        schema: CustomerClassesSchema,
        text: str,
        variables: dict[str, Any],
        operation: str | None,
        scopes: frozenset[Scope],
    ) -> bytes:
        """Execute an operation; return the bytes of the response."""
        context = Context(
            database=self.database,
            clock=self.clock,
            search_companies=search,
            request_id="request-2",
            principal=self.principal(scopes),
        )
        result = await schema.execute(
            text, variables, context_value=context, operation_name=operation
        )
        body, _ = _body_and_status(result, JSON)
        self.answers += 1
        self.faulty += "errors" in body
        return orjson.dumps(body)

    def principal(self, scopes: frozenset[Scope]) -> Principal:
        """Return a user's principal for all scopes, and a token without a user for fewer."""
        user_id = self.user_id if scopes == ALL else None
        return Principal("tok_1", "Tess", scopes, user_id=user_id)

    async def check(self, asked: Asked, scopes: frozenset[Scope]) -> None:
        """Assert equal responses; repeats requests, so that later ones use the caches.

        The expected response comes from graphql-core and newly compiled row queries.
        """
        for schema in (self.planned, self.plain):
            schema.documents = Documents(longest_text=LONGEST)
        for turn in TURNS:
            for operation in asked.operations:
                rest = (asked.text, asked.variables[turn], operation, scopes)
                self.forget_readers(asked.text)
                expected = await self.answer(self.plain, *rest)
                assert b"INVALID_OPERATION" not in expected, (expected, asked)
                assert await self.answer(self.planned, *rest) == expected, (turn, rest)

    def forget_readers(self, text: str) -> None:
        """Make the next execution with graphql-core compile its row queries again."""
        document = self.plain.documents.get(text)
        for definition in document.definitions if document else ():
            vars(definition).pop("readers", None)


pytestmark = pytest.mark.filterwarnings(
    # If a sibling fails, graphql-core drops coroutines that were not started.
    "ignore:coroutine .* was never awaited:RuntimeWarning",
    "ignore::pytest.PytestUnraisableExceptionWarning",
)


class Faults:
    """Corrupts some attributes of read objects, the same ones in each execution."""

    def __init__(self, stored: "Stored") -> None:
        self.rate = 0
        self._places = {one: place for ids in stored.ids.values() for place, one in enumerate(ids)}
        self._completed = row_query.RowQuery._completed

    def reading(self) -> Callable[..., Awaitable[list[Any]]]:
        """Return a replacement for reading that corrupts some attributes of the objects."""

        async def completed(*read: Any) -> list[Any]:
            objects = await self._completed(*read)
            for one in objects if self.rate else ():
                self._spoil(one)
            return objects

        return completed

    def _spoil(self, one: Any) -> None:
        kind = type(one)
        place = self._places.get(one.id, 0)
        for name in kind.__slots__:
            value = getattr(one, name)
            if hasattr(value, "id") and hasattr(type(value), "__slots__"):
                self._spoil(value)  # a joined row, which was read in the same statement
            chance = crc32(f"{kind.__name__} {name} {place} {self.rate}".encode())
            if name not in KEYS and chance % self.rate == 0:
                odd = ODD[chance // self.rate % len(ODD)]
                if odd is ABSENT:
                    delattr(one, name)
                else:
                    setattr(one, name, odd)


KEYS = {"id", row_query_compiler.BACK, "customer_class_id", "customer_id", "subject_id", "user_id"}
"""Attributes by which rows are joined, which must not be corrupted."""

ODD: list[Any] = [ABSENT, None, ValueError("odd"), 2**40, "odd", [None], float("nan"), object]


@pytest.fixture
async def stored(database: Database, act: ActorContext, monkeypatch: pytest.MonkeyPatch) -> Stored:
    monkeypatch.setattr(errors, "log", Mock())
    await fill(database, act)
    found = Stored()
    await found.look()
    return found


@pytest.fixture
async def asking(database: Database, clock: Clock, stored: Stored) -> AsyncIterator[Asking]:
    if database.is_postgres:
        pytest.skip("of two errors that take the same away, the faster statement's is told")
    asked = Asking(database, clock, stored.ids["User"][0])
    yield asked
    await asyncio.sleep(0.01)
    gc.collect()  # report coroutines never awaited in this test, not in another


BY_HAND = [
    # the same fields, of which the next request selects more
    """query One($yes: Boolean!, $no: Boolean! = true) {
      customers(first: 3) { nodes { name } }
      customers(first: 3) @include(if: $yes) { nodes { accountNumber customerClass { code } } }
      ...Part @skip(if: $no) }
    fragment Part on Query { customers(first: 3) { edges { node { version parent { id } } } } }""",
    """query One($yes: Boolean!, $no: Boolean! = true) {
      customerClasses { nodes { customers(first: 1) { nodes { id } }
        ...Part @include(if: $yes) ... @skip(if: $no) { customers(first: 1) { totalCount } } } } }
    fragment Part on CustomerClass { customers(first: 1) { nodes { name parent { id } } } }""",
    # a refusal cancels loads that other fields wait for
    """query One($yes: Boolean!, $no: Boolean! = true) {
      a: customers(first: 2) { nodes { id suggestions { id } advisories { code }
        customerClass { retirability(replacementId: "no") @include(if: $yes) { isAllowed } } } }
      b: customers(first: 2) { nodes { id advisories { code } suggestions { id } } }
      k: __typename @skip(if: $no) }""",
    """query One($yes: Boolean!, $no: Boolean! = true) {
      __schema { queryType { name fields { name @skip(if: $no) type { kind } } } }
      __type(name: "Customer") { name ... @include(if: $yes) { interfaces { name } } } }""",
    """mutation One($yes: Boolean!, $no: Boolean! = true) {
      a: saveCustomerClass(input: { id: "nothing", name: "x", dryRun: true }) {
        customerClass { name @include(if: $yes) } userErrors { code path } }
      b: deleteCustomer(input: { id: "nothing" }) {
        deletedId customer { name } userErrors { message @skip(if: $no) __typename } }
      c: saveCustomer(input: { name: "n", classCode: "CHARITY", dryRun: true }) {
        customer { name customerClass { name code } labels classHistory { reason } version } } }""",
]


@pytest.mark.parametrize("text", BY_HAND)
async def test_odd_documents_are_answered_alike(text: str, asking: Asking, stored: Stored) -> None:
    assert stored.ids
    asked = Asked(text, ("One",), [dict(turn) for turn in generated.TURNS])
    await asking.check(asked, ALL)


async def test_any_document_is_answered_alike(asking: Asking, stored: Stored) -> None:
    for seed in range(DOCUMENTS):
        asked = Writer(asking.planned._schema, stored.choose, seed).document()
        await asking.check(asked, SCOPES[seed % len(SCOPES)])
    assert asking.faulty > DOCUMENTS


async def test_any_document_over_spoilt_rows_is_answered_alike(
    asking: Asking, stored: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults = Faults(stored)
    monkeypatch.setattr(row_query.RowQuery, "_completed", faults.reading())
    for seed in range(DOCUMENTS):
        faults.rate = (7, 50, 300)[seed % 3]
        asked = Writer(asking.planned._schema, stored.choose, -1 - seed).document()
        await asking.check(asked, ALL)
    assert asking.faulty > DOCUMENTS * 3


async def test_what_hypothesis_asks_is_answered_alike(asking: Asking, stored: Stored) -> None:
    ids = st.sampled_from([one for some in stored.ids.values() for one in some])
    scalars: dict[str, Any] = {
        "ID": ids.map(nodes.String),
        "String": st.sampled_from(["a", "", "CHARITY"]).map(nodes.String),
        "Int": st.sampled_from([0, 1, 3, 501]).map(nodes.Int),
    }
    scalars["DateTime"] = st.sampled_from(INSTANTS).map(nodes.String)
    for name in ("Date", "Decimal", "JSON"):
        scalars[name] = st.just(nodes.String("1"))
    texts: list[str] = []

    @settings(
        max_examples=DOCUMENTS,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(queries(asking.planned.as_str(), custom_scalars=scalars))
    def collect(text: str) -> None:
        # Some documents of the generator select a name twice, with fields that conflict.
        if not validate(asking.planned.core, parse(text)):
            texts.append(text)

    collect()
    assert len(texts) > DOCUMENTS / 2
    for text in texts:
        await asking.check(Asked(text, (None,), [{}] * len(TURNS)), ALL)
