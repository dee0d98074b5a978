"""Any operation over the whole schema has one answer, whatever was prepared or remembered for it.

`ALIKE_DOCUMENTS` says how many documents are tried; each is asked in several ways.
"""

import asyncio
import gc
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from random import Random
from typing import Any
from unittest.mock import Mock
from zlib import crc32

import orjson
import pytest
from graphql import GraphQLArgument, is_required_argument
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis_graphql import nodes, queries

import models
from models import EnrichmentRun, Suggestion
from models.changes.granting import grant_permissions
from models.changes.token_issuing import TokenRequest, issue, rotate
from models.changes.user_editing import create_user, disable_user
from models.changes.user_group_editing import change_members, create_group
from models.rules.enrichment_status import EnrichmentReason, EnrichmentStatus, EnrichmentTrigger
from models.rules.profile import FIGURES
from models.storage import row_query, row_query_compiler
from models.storage.database import Database
from models.tables.access import OPERATOR, Principal, Scope
from models.tables.audit import ActorContext
from models.tables.enrichment import SuggestionStatus
from schema.base import errors
from schema.base.context import Candidate, Context, RegisterUnavailable
from schema.engine.document_cache import Documents
from schema.engine.served_schema import CustomerClassesSchema
from schema.root import build_schema
from tests.clock import START, Clock
from tests.delivery_world import World
from tests.factories import add_class, add_customer, add_template, edit, entry, move, retire
from tests.schema import generated
from tests.schema.generated import ABSENT, Asked, Name, Writer
from web.http import _body_and_status
from web.http_request import JSON

DOCUMENTS = int(os.environ.get("ALIKE_DOCUMENTS", "20"))
ALL = frozenset(Scope)
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
TABLES = {"ID": ("Customer", "CustomerClass")}
SIZES = (0, 1, 2, 3, 12, 501, None)
CURSORS = ("WyJjdXN0b21lcnMtTkFNRV9BU0MiLCJhIDAzIiwiY3VzXyJd", "x", None)
"""After a customer by name; not a cursor; none."""


LOOKED_UP = (
    "Customer",
    "CustomerClass",
    "CustomerTemplate",
    "Suggestion",
    "Contact",
    "User",
    "UserGroup",
    "AccessToken",
)
INSTANTS = ("2026-09-30T12:00:00Z", "2026-10-01T09:30:00+00:00", "2027-01-01T00:00:00+01:00")


class Stored:
    """What the database holds, for arguments to name."""

    def __init__(self) -> None:
        self.ids: dict[str, list[str]] = {}
        self.account_numbers: list[str] = []

    async def look(self) -> None:
        """Read the ids, in the order in which rows were made."""
        for name in LOOKED_UP:
            rows = await getattr(models, name).all().order_by("id").values_list("id", flat=True)
            self.ids[name] = list(rows)
        self.account_numbers = [row.account_number for row in await models.Customer.all()]

    def any_id(self, random: Random, *names: str) -> str:
        """Give an id of a table, or now and then one of nothing."""
        if random.random() < 0.1:
            return random.choice(("nothing", "cus_01k00000000000000000000000", ""))
        return random.choice(self.ids[random.choice(names or list(self.ids))])

    def choose(self, random: Random, argument: str, declared: GraphQLArgument) -> Any:
        """Give an argument of ours a value that finds something as a rule."""
        if not is_required_argument(declared) and random.random() < 0.4:
            return ABSENT
        one_of = random.choice
        values: dict[str, Callable[[], Any]] = {
            "accountNumber": lambda: one_of(self.account_numbers),
            "assuming": lambda: one_of(self._assumptions(random)),
            "at": lambda: one_of(INSTANTS),
            "customerId": lambda: self.any_id(random, "Customer"),
            "groupId": lambda: self.any_id(random, "UserGroup"),
            "isActive": lambda: one_of((True, False, None)),
            "isValid": lambda: one_of((True, False, None)),
            "resellerId": lambda: self.any_id(random, "Customer"),
            "text": lambda: one_of(("u", "U 1", "", None)),
            "userId": lambda: self.any_id(random, "User"),
            "from": lambda: one_of(INSTANTS),
            "instant": lambda: one_of(INSTANTS),
            "knownHash": lambda: "0" * 64,
            "to": lambda: one_of(INSTANTS),
            "after": lambda: one_of(CURSORS),
            "assignable": lambda: one_of((True, False, None)),
            "before": lambda: one_of(CURSORS),
            "code": lambda: one_of(("CHARITY", "RESELLER_OTHER", "NONE")),
            "filter": lambda: one_of(self._filters(random, str(declared.type))),
            "first": lambda: one_of(SIZES),
            "id": lambda: self.any_id(random, *TABLES.get(str(declared.type), ())),
            "ids": lambda: [self.any_id(random) for _ in range(random.randrange(6))],
            "last": lambda: one_of(SIZES),
            "query": lambda: one_of(("acme", "down", "")),
            "replacementId": lambda: one_of((None, self.any_id(random, "CustomerClass"))),
            "sort": lambda: Name(one_of(("NAME_DESC", "CREATED_AT_ASC", "ACCOUNT_NUMBER_DESC"))),
            "status": lambda: Name(one_of(("ACTIVE", "RETIRED", "ALL"))),
        }
        where = "the values of Stored.choose in tests/schema/test_alike.py"
        assert argument in values, f"{where} have no {argument}: add values to choose from."
        return values[argument]()

    def _assumptions(self, random: Random) -> Sequence[dict[str, Any]]:
        contact = {"contactId": self.any_id(random, "Contact"), "isOnBillList": False}
        return (
            {},
            {"isConsentGiven": True},
            {"classId": self.any_id(random, "CustomerClass")},
            {"contacts": [contact]},
        )

    def _filters(self, random: Random, kind: str) -> Sequence[dict[str, Any] | None]:
        if kind == "AuditFilter":
            return (
                None,
                {},
                {"customerId": self.any_id(random, "Customer")},
                {"subjectType": Name("CUSTOMER"), "isOverride": False},
                {"operations": ["customer.created", "none"], "fromAt": INSTANTS[0]},
            )
        return (
            None,
            {},
            {"text": "a"},
            {"classCodes": ["CHARITY"], "text": ""},
            {"classIds": [self.any_id(random, "CustomerClass") for _ in range(3)]},
            {"parentId": self.any_id(random, "Customer")},
            {"companyNumber": random.choice(("00000101", "not one"))},
            {"labels": [Name("RESELLER")], "subscriberKind": Name("CORPORATE")},
        )


async def fill(database: Database, act: ActorContext) -> None:
    """Fill the database with some of everything."""
    world = World(database, Clock(act.now - timedelta(days=1)), act)
    shown = partial(add_customer, database, act)
    top = await shown("RESELLER_OTHER", name="Top", external_reference="r-1")
    own = await add_class(database, act, "Own", is_reseller=True, display_class="a b")
    for number in range(12):
        profile = {"employees": entry(7)} if number % 3 else {}
        if number % 4 == 1:
            profile |= {
                name: {**entry("-12.50"), "currency": "GBP", "scope": "GROUP", "warnings": ["W"]}
                for name in FIGURES
            }
            profile["incorporated_on"] = entry("2001-02-03")
            profile["registered_address"] = entry({"address_line_1": "1 Road", "locality": "Hull"})
        parent = {"parent_id": top.id} if number % 2 else {}
        row = await shown(name=f"A {number:02}", class_id=own.id, profile=profile, **parent)
        if number % 3 == 0:
            row = await move(database, act, row, "CHARITY" if number % 2 else "SOLE_TRADER")
        if number % 4 == 2:
            row.profile = {**row.profile, "details": {"company_name": "Other", "sic_codes": ["1"]}}
            row.enrichment_status = EnrichmentStatus.PARTIAL
            await row.save()
        if number % 2:
            await add_history(row, act)
            await world.contact(row, f"a{number}@example.com", name="A")
        if number % 4 == 1:
            await world.contact(row, None, name="B")
            await world.consent(row)
    await edit(database, act, top, {"name": "Top of all"})
    await add_template(database, act, "Standard", class_id=own.id, parent_id=top.id)
    await add_template(database, act, "Bare")
    gone = await add_class(database, act, "Gone")
    await retire(database, act, gone)
    await add_access(database, act, top)


async def add_access(database: Database, act: ActorContext, partner: models.Customer) -> None:
    """Add users in groups, with tokens; some are a partner's, and one is disabled."""
    act = replace(act, principal=OPERATOR)

    async def add() -> None:
        group = await create_group(act, {"name": "All of them", "external_name": "all"})
        await grant_permissions(act, group.id, ["customers:read"], "Needed", None)
        for number in range(5):
            reseller_id = partner.id if number % 2 else None
            user = await create_user(act, {"name": f"U {number}"}, reseller_id)
            await change_members(act, group.id, [user.id], [], None)
            request = TokenRequest("laptop", ["customers:read"], 30, user.id)
            issued = await issue(act, request, None)
            if number == 2:
                await rotate(act, issued.token.id, timedelta(hours=1), None, None)
            if number == 3:
                await disable_user(act, user.id, None, None)

    await database.transaction(add)


async def add_history(row: models.Customer, act: ActorContext) -> None:
    """Add lookups to a customer, and what they suggest."""
    for attempts in range(2):
        await EnrichmentRun.create(
            customer_id=row.id,
            trigger=EnrichmentTrigger.SAVE,
            status=EnrichmentStatus.PARTIAL,
            reason=EnrichmentReason.ACCOUNTS_PDF_ONLY,
            attempts=attempts,
            requested_at=act.now,
            finished_at=act.now + timedelta(seconds=attempts),
            source="REGISTER",
            fields_read=[{"name": "employees", "outcome": "FOUND", "source": "REGISTER"}],
        )
    for field, value in (
        ("employees", 9),
        ("net_assets", "1.5"),
        ("incorporated_on", "2001-01-01"),
        ("registered_address", {"locality": "York"}),
    ):
        await Suggestion.create(
            customer_id=row.id,
            field=field,
            entry=dict(entry(value)),
            status=SuggestionStatus.OPEN,
            created_at=act.now,
        )


async def search(query: str) -> list[Candidate]:
    """Find what the query says."""
    if query == "down":
        raise RegisterUnavailable(3.0)
    return [Candidate("00000101", query, None, "ltd", START.date(), None)] * 2


class Asking:
    """Asks for the same in all ways."""

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
        """Give the bytes of an answer."""
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
        """Be a user where the scopes are all, and a token without a user where they are fewer."""
        user_id = self.user_id if scopes == ALL else None
        return Principal("tok_1", "Tess", scopes, user_id=user_id)

    async def check(self, asked: Asked, scopes: frozenset[Scope]) -> None:
        """Ask in turns, so that what one request leaves behind is there for others.

        What is expected comes from graphql-core, and from readers made for this request alone.
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
        """Make the next answer of graphql-core's read anew."""
        document = self.plain.documents.get(text)
        for definition in document.definitions if document else ():
            vars(definition).pop("readers", None)


pytestmark = pytest.mark.filterwarnings(
    # graphql-core cancels what it has not started when a sibling fails, with plans and without.
    "ignore:coroutine .* was never awaited:RuntimeWarning",
    "ignore::pytest.PytestUnraisableExceptionWarning",
)


class Faults:
    """Spoils what is read, here and there, and alike whoever reads it."""

    def __init__(self, stored: "Stored") -> None:
        self.rate = 0
        self._places = {one: place for ids in stored.ids.values() for place, one in enumerate(ids)}
        self._completed = row_query.RowQuery._completed

    def reading(self) -> Callable[..., Awaitable[list[Any]]]:
        """Give what reads objects as a reader would, but for an attribute or two."""

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
                self._spoil(value)  # a joined row, which is read with this one
            chance = crc32(f"{kind.__name__} {name} {place} {self.rate}".encode())
            if name not in KEYS and chance % self.rate == 0:
                odd = ODD[chance // self.rate % len(ODD)]
                if odd is ABSENT:
                    delattr(one, name)
                else:
                    setattr(one, name, odd)


KEYS = {"id", row_query_compiler.BACK, "customer_class_id", "customer_id", "subject_id", "user_id"}
"""Attributes by which rows are put together."""

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
    gc.collect()  # what was never awaited is found here, not in another test


BY_HAND = [
    # the same fields, read for one request, and asked for more by the next
    """query One($yes: Boolean!, $no: Boolean! = true) {
      customers(first: 3) { nodes { name } }
      customers(first: 3) @include(if: $yes) { nodes { accountNumber customerClass { code } } }
      ...Part @skip(if: $no) }
    fragment Part on Query { customers(first: 3) { edges { node { version parent { id } } } } }""",
    """query One($yes: Boolean!, $no: Boolean! = true) {
      customerClasses { nodes { customers(first: 1) { nodes { id } }
        ...Part @include(if: $yes) ... @skip(if: $no) { customers(first: 1) { totalCount } } } } }
    fragment Part on CustomerClass { customers(first: 1) { nodes { name parent { id } } } }""",
    # a refusal takes away what others are waiting for
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
      b: deleteCustomer(input: { id: "nothing", reason: "r" }) {
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
        texts.append(text)

    collect()
    for text in texts:
        await asking.check(Asked(text, (None,), [{}] * len(TURNS)), ALL)
