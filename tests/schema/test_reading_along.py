"""On PostgreSQL, rows related to a few rows are read in one statement, with equal results."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest
from tortoise import Tortoise
from tortoise.fields.relational import ForeignKeyFieldInstance
from tortoise.models import Model

from models import ClassChange, Customer, CustomerClass, CustomerTemplate, PlatformDefaults
from models.storage import row_query
from models.storage.database import Database
from models.storage.row_query import FEW, Compiled, Many, RowQuery, Shape
from models.storage.row_query_compiler import compile_shape
from models.storage.scope_tables import TABLES, Access
from models.storage.sql import ALWAYS, is_postgres
from models.storage.tenant_scope import bind_tenant, preserve_tenant_scope
from models.tables.access import Principal, Scope
from models.tables.audit import ActorContext
from schema.base.context import Context
from tests.clock import Clock
from tests.graphql_client import Api, counted_statements, the_schema
from tests.partner_world import TwoPartners, two_partners
from tests.schema.stored_world import ALL, Stored, fill, search
from web.http import _body_and_status
from web.http_request import JSON

ALONG = "ARRAY(SELECT ROW("


@contextmanager
def reading_along(most: int) -> Iterator[None]:
    """Set up to how many parent rows related rows are read in one statement."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(row_query, "FEW", most)
        yield


class Row:
    """A row with all its columns."""


def references() -> list[tuple[type[Model], str, type[Model]]]:
    """Return every foreign key: its model, its column, and the model that it refers to."""
    return [
        (model, str(field.source_field), field.related_model)
        for model in Tortoise.apps["models"].values()
        for field in model._meta.fields_map.values()
        if isinstance(field, ForeignKeyFieldInstance)
    ]


def columns(model: type[Model]) -> dict[str, Any]:
    return {name: ((name,), None) for name in model._meta.fields_db_projection}


def referring(model: type[Model], column: str, parent: type[Model]) -> Compiled:
    """Return the query of parent rows with the rows that refer to each by a column."""
    many = Many(Shape(Row, model, columns(model)), column, "t0.id DESC", "t0.id IS NOT NULL")
    shape = Shape(Row, parent, {"id": (("id",), None)}, manies={"children": many})
    return compile_shape(shape)


async def children(read: RowQuery, model: type[Model], most: int) -> dict[str, list[Any]]:
    """Return, by parent id, the column values of its children."""
    with reading_along(most):
        found = await read.read(ALWAYS, most=1)
    values = [(name, model._meta.fields_map[name]) for name in columns(model)]
    return {
        one.id: [[(name, getattr(child, name)) for name, _ in values] for child in one.children]
        for one in found
    }


@pytest.fixture
async def world(database: Database, clock: Clock) -> TwoPartners:
    made = await two_partners(database, clock)
    charity = await CustomerClass.get(code="CHARITY")
    await CustomerTemplate.all().update(customer_class_id=charity.id)
    await PlatformDefaults.all().update(customer_class_id=charity.id)
    return made


async def test_all_that_refers_to_a_row_is_the_same_in_either_way(world: TwoPartners) -> None:
    """With all columns; and a partner does not see more rows."""
    empty, bound = set(), 0
    for model, column, parent in references():
        read = RowQuery(referring(model, column, parent))
        apart, along = [await children(read, model, most) for most in (0, FEW)]
        assert along == apart
        if not any(apart.values()):
            empty.add((model.__name__, column))
        tables = [TABLES[one._meta.db_table].access for one in (model, parent)]
        if not {*tables} <= {Access.READ, Access.BOTH}:
            continue
        with preserve_tenant_scope(), counted_statements() as statements:
            bind_tenant(world.reseller.id)
            apart_bound, along_bound = [await children(read, model, most) for most in (0, FEW)]
        assert along_bound == apart_bound
        assert sum(ALONG in text for text in statements) == is_postgres()
        bound += sum(map(len, along_bound.values())) < sum(
            len(of) for one, of in along.items() if one in along_bound
        )
    assert empty == set()
    assert bound > 1


@dataclass(frozen=True)
class Answer:
    """The response of an operation, its cost, and its statements."""

    body: bytes
    is_refused: bool
    cost: int
    statements: list[str] = field(compare=False)

    @property
    def is_along(self) -> bool:
        """Whether related rows were read in the statement of their parents."""
        return any(ALONG in statement for statement in self.statements)


@dataclass
class Asking:
    """Executes documents, reading related rows in the same statement or separately."""

    database: Database
    clock: Clock
    stored: Stored

    async def answer(
        self,
        most: int,
        text: str,
        variables: dict[str, str],
        scopes: frozenset[Scope] = ALL,
        reseller: str | None = None,
    ) -> Answer:
        """Execute a document; `most` is the limit of `reading_along`."""
        user_id = self.stored.ids["User"][0]
        context = Context(
            database=self.database,
            clock=self.clock,
            search_companies=search,
            request_id="request-1",
            principal=Principal("tok_1", "Tess", scopes, reseller, user_id=user_id),
            personal_data_needs_scope=True,
        )
        with reading_along(most), counted_statements() as statements, preserve_tenant_scope():
            bind_tenant(reseller)
            result = await the_schema().execute(text, variables, context_value=context)
        cost = context.spending.actual if context.spending else 0
        body, _ = _body_and_status(result, JSON)
        return Answer(orjson.dumps(body), "errors" in body, cost, statements)

    async def both(self, text: str, variables: dict[str, str], **who: Any) -> tuple[Answer, Answer]:
        """Return the answers with related rows read separately, and in one statement."""
        apart, along = [await self.answer(most, text, variables, **who) for most in (0, 10**6)]
        return apart, along


@pytest.fixture
async def asking(database: Database, act: ActorContext, clock: Clock) -> Asking:
    await fill(database, act)
    stored = Stored()
    await stored.look()
    return Asking(database, clock, stored)


CLASS = "id code name version"
OF_CUSTOMER = f"""{{ id name version
  classHistory {{ id reason changedBy changedAt changesSubscriberKind
    from {{ {CLASS} }}
    to {{ {CLASS} customers(first: 2) {{ nodes {{ id contacts {{ id }} }} }} }} }}
  suggestions {{ id field value {{ source }} createdAt }}
  contacts {{ id name email customer {{ name }}
    preferenceHistory {{ id kind documents recordedAt recordedBy recordedById }}
    attachmentPreference {{ isConfirmed entry {{ kind documents }} }} }}
  parent {{ id classHistory {{ id }} contacts {{ id }} }}
  consent {{ isGiven since entry {{ statement }} }} consentHistory {{ id kind effectiveAt givenBy }}
  enrichment {{ history {{ id status }} }} auditTrail {{ nodes {{ operation actorName }} }} }}"""
NODES = f"nodes {OF_CUSTOMER}"
SELECTED = {
    "by id": f"query($id: ID!) {{ customer(id: $id) {OF_CUSTOMER} }}",
    "as a node": f"query($id: ID!) {{ node(id: $id) {{ ... on Customer {OF_CUSTOMER} }} }}",
    "first": f"{{ customers(first: 5) {{ totalCount {NODES} }} }}",
    "last": f"{{ customers(last: 3, sort: CREATED_AT_DESC) {{ {NODES} }} }}",
    "filtered": f"{{ customers(first: 2, filter: {{ subscriberKind: CORPORATE }}) {{ {NODES} }} }}",
}


@pytest.mark.parametrize("name", SELECTED)
async def test_what_comes_along_is_answered_as_what_is_read_apart(
    name: str, asking: Asking
) -> None:
    """For callers who see everything, callers who see masked data, and partners."""
    text = SELECTED[name]
    top = asking.stored.ids["Customer"][0]
    masked = ALL - {Scope.PERSONAL_DATA_READ}
    shown, fewer = set(), []
    for customer_id in asking.stored.ids["Customer"]:
        variables = {"id": customer_id} if "$id" in text else {}
        for who in ({}, {"scopes": masked}, {"reseller": top}):
            apart, along = await asking.both(text, variables, **who)
            assert not apart.is_refused
            assert along == apart
            assert not apart.is_along
            shown.add(along.body)
            fewer.append(len(apart.statements) - len(along.statements))
            assert along.is_along == is_postgres()
        if not variables:
            break
    assert len(shown) > 2
    assert min(fewer) >= 0
    assert (max(fewer) > 0) == is_postgres()


async def test_what_refers_to_few_costs_no_statement_of_its_own(api: Api) -> None:
    """Not for one row, a short page, or some ids; deeper levels need their own statement."""
    ids = [(await api.save_customer(name=f"C {number:02}"))["id"] for number in range(FEW + 2)]
    for _ in range(2):  # the first request stores the token's last use
        await api.data("{ viewer { id } }")
    select = "{ id classHistory { id to { name } } suggestions { id } contacts { id } }"
    deeper = "{ contacts { id preferenceHistory { id } } }"
    page = "query($n: Int) { customers(first: $n) { nodes %s } }"
    some = f"query($ids: [ID!]!) {{ nodes(ids: $ids) {{ ... on Customer {select} }} }}"
    counts = []
    for text, variables in (
        (f"query($id: ID!) {{ customer(id: $id) {select} }}", {"id": ids[0]}),
        (page % select, {"n": FEW}),
        (page % select, {"n": FEW + 1}),
        (some, {"ids": ids[:FEW]}),
        (some, {"ids": ids[: FEW + 1]}),
        (page % "{ id name customerClass { name } }", {"n": FEW}),
        (page % deeper, {"n": FEW}),
    ):
        with counted_statements() as statements:
            await api.data(text, **variables)
        counts.append(len(statements))
    few, many = (1 if is_postgres() else 4), 4
    assert counts == [few, few, many, few, many, 1, 1 if is_postgres() else 2]


async def test_a_shape_has_another_statement_only_where_something_comes_along(
    database: Database,
) -> None:
    """Statements are prepared by text, so there should be few different ones."""
    bare = compile_shape(Shape(Row, CustomerClass, columns(CustomerClass)))
    assert bare.along is bare
    children = referring(ClassChange, "customer_id", Customer)
    assert (children.along is children) != database.is_postgres
    assert children.along is children.along
