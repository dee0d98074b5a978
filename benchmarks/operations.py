"""The operations to measure, with a document for each server's dialect."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum, unique
from typing import Any

import orjson

from benchmarks.generator import NUMBER
from benchmarks.seed import CHECKED_CLASS, CLASSES, NEW_NAME_PREFIX, class_id, customer_id

SAMPLES = 200
INSTANT = "2026-02-01T00:00:00+00:00"


@unique
class Dialect(StrEnum):
    """The GraphQL schema that a server understands."""

    OURS = "ours"
    POSTGRAPHILE = "postgraphile"


Variables = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Operation:
    """A measured operation: a document per dialect, and its variables."""

    key: str
    title: str
    documents: dict[Dialect, str]
    variables: Callable[[Dialect, int], Iterator[Variables]]
    writes: bool = False
    servers: frozenset[str] | None = None
    is_cold: bool = False

    def bodies(self, dialect: Dialect, size: int) -> list[str]:
        """Return at most `SAMPLES` request bodies; `%N%` stands for a number."""
        name = f"{self.key}_{NUMBER}" if self.is_cold else self.key
        document = " ".join(self.documents[dialect].replace("NAME", name, 1).split())
        made = []
        for variables in self.variables(dialect, size):
            body = {"query": document, "operationName": name, "variables": variables}
            made.append(orjson.dumps(body).decode())
        return made


def plain(value: Any) -> Any:
    """Return an answer in the common form: without `nodes`, and with normalised times."""
    if isinstance(value, list):
        return [plain(entry) for entry in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {"nodes"}:
        return plain(value["nodes"])
    return {
        key: datetime.fromisoformat(entry).isoformat()
        if key.endswith("At") and isinstance(entry, str)
        else plain(entry)
        for key, entry in value.items()
    }


def saved(value: Any) -> Any:
    """Return the customer in the answer of a write, in the common form."""
    return plain(value["saveCustomer"]["customer"])


def _spread(size: int) -> Iterator[int]:
    for turn in range(SAMPLES):
        yield 1 + (turn * 7919) % size


def _customer_ids(_: Dialect, size: int) -> Iterator[Variables]:
    return ({"id": customer_id(number)} for number in _spread(size))


def _classes(_: Dialect, __: int) -> Iterator[Variables]:
    return ({"classId": class_id(place)} for place in range(1, CLASSES + 1))


def _no_variables(_: Dialect, __: int) -> Iterator[Variables]:
    yield {}


def _new_customer(dialect: Dialect, _: int) -> Iterator[Variables]:
    wanted = {"name": f"{NEW_NAME_PREFIX} {NUMBER}", "companyNumber": NUMBER}
    if dialect is Dialect.OURS:
        yield {"input": {**wanted, "classId": class_id(CHECKED_CLASS)}}
        return
    row = {
        "rowId": f"cus_01z000000000000000{NUMBER}",
        "accountNumber": f"{NEW_NAME_PREFIX}-{NUMBER}",
        "nameKey": f"{NEW_NAME_PREFIX} {NUMBER}",
        "searchKey": f"{NEW_NAME_PREFIX} {NUMBER}",
        "customerClassId": class_id(CHECKED_CLASS),
        "profile": {},
        "enrichmentStatus": "PENDING",
        "createdAt": INSTANT,
        "lastModifiedAt": INSTANT,
        "version": 1,
    }
    yield {"input": {"customer": {**wanted, **row}}}


_WHOLE = """id accountNumber name companyNumber version createdAt
  customerClass { id name code } classHistory { id reason changedBy changedAt }"""
_WHOLE_POSTGRAPHILE = """id: rowId accountNumber name companyNumber version createdAt
  customerClass: customerClassByCustomerClassId { id: rowId name code }
  classHistory: classChangesByCustomerId { nodes { id: rowId reason changedBy changedAt } }"""
_PAGE = f"""query NAME($classId: ID!) {{
  customers(first: 50, filter: {{ classIds: [$classId] }}, sort: NAME_ASC) {{
    nodes {{ {_WHOLE} }} MORE }} }}"""
_PAGE_POSTGRAPHILE = f"""query NAME($classId: String!) {{
  customers: allCustomers(first: 50, condition: {{ customerClassId: $classId }},
    orderBy: [NAME_KEY_ASC]) {{ nodes {{ {_WHOLE_POSTGRAPHILE} }} MORE }} }}"""
_SAVE = """mutation NAME($input: SaveCustomerInput!) { saveCustomer(input: $input) {
  customer { name companyNumber version customerClass { id name } } userErrors { code } } }"""


def _page_documents(more: str) -> dict[Dialect, str]:
    return {
        Dialect.OURS: _PAGE.replace("MORE", more),
        Dialect.POSTGRAPHILE: _PAGE_POSTGRAPHILE.replace("MORE", more),
    }


_CONTACTS = """query NAME($classId: ID!) {
  customers(first: 50, filter: { classIds: [$classId] }, sort: NAME_ASC) { nodes { id name
    contacts { id name email receivesBills } } } }"""
_CONTACTS_POSTGRAPHILE = """query NAME($classId: String!) {
  customers: allCustomers(first: 50, condition: { customerClassId: $classId },
    orderBy: [NAME_KEY_ASC]) { nodes { id: rowId name
    contacts: contactsByCustomerId { nodes { id: rowId name email receivesBills } } } } }"""
_ONE = {
    Dialect.OURS: f"query NAME($id: ID!) {{ customer(id: $id) {{ {_WHOLE} }} }}",
    Dialect.POSTGRAPHILE: f"""query NAME($id: String!) {{
      customer: customerByRowId(rowId: $id) {{ {_WHOLE_POSTGRAPHILE} }} }}""",
}

OPERATIONS = (
    Operation("Q1", "customer by id, with class and class history", _ONE, _customer_ids),
    Operation("Q2", "50 customers of a class by name, with both", _page_documents(""), _classes),
    Operation("Q3", "the same, with totalCount", _page_documents("totalCount"), _classes),
    Operation(
        "Q4",
        "20 classes, the first 5 customers of each",
        {
            Dialect.OURS: """query NAME { customerClasses(first: 20) { nodes { id name
              customers(first: 5) { nodes { id name accountNumber } } } } }""",
            Dialect.POSTGRAPHILE: """query NAME { customerClasses: allCustomerClasses(
              first: 20, orderBy: [DISPLAY_POSITION_ASC, NAME_KEY_ASC]) { nodes { id: rowId name
              customers: customersByCustomerClassId(first: 5, orderBy: [NAME_KEY_ASC]) {
              nodes { id: rowId name accountNumber } } } } }""",
        },
        _no_variables,
    ),
    Operation(
        "Q6",
        "500 customers, 8 fields, with class history",
        {
            Dialect.OURS: """query NAME { customers(first: 500, sort: NAME_ASC) { nodes {
              id accountNumber externalReference name companyNumber createdAt lastModifiedAt version
              classHistory { id reason changedBy } } } }""",
            Dialect.POSTGRAPHILE: """query NAME { customers: allCustomers(first: 500,
              orderBy: [NAME_KEY_ASC]) { nodes { id: rowId accountNumber externalReference name
              companyNumber createdAt lastModifiedAt version
              classHistory: classChangesByCustomerId {
              nodes { id: rowId reason changedBy } } } } }""",
        },
        _no_variables,
    ),
    Operation(
        "Q7",
        "50 customers of a class by name, with their contacts",
        {Dialect.OURS: _CONTACTS, Dialect.POSTGRAPHILE: _CONTACTS_POSTGRAPHILE},
        _classes,
        servers=frozenset({"ours", "postgraphile"}),
    ),
    Operation(
        "Q5",
        "create a customer: this server also writes history, audit, run and job; others one row",
        {
            Dialect.OURS: _SAVE,
            Dialect.POSTGRAPHILE: """mutation NAME($input: CreateCustomerInput!) {
              saveCustomer: createCustomer(input: $input) { customer { name companyNumber version
              customerClass: customerClassByCustomerClassId { id: rowId name } } } }""",
        },
        _new_customer,
        writes=True,
    ),
    Operation(
        "Q5whole",
        "the same, with all these rows in one transaction on the ceiling too",
        {Dialect.OURS: _SAVE},
        _new_customer,
        writes=True,
        servers=frozenset({"ours", "ceiling"}),
    ),
)

_GRAPHQL = frozenset({"ours", "postgraphile", "mercurius", "naive"})
COLD = (
    Operation("C1", "Q1, each document new", _ONE, _customer_ids, servers=_GRAPHQL, is_cold=True),
    Operation(
        "C2", "Q2, each document new", _page_documents(""), _classes, servers=_GRAPHQL,
        is_cold=True,
    ),
)  # fmt: skip

PAGE = 20
_CURSORS = {
    Dialect.OURS: f"""query NAME($after: String) {{ customers(first: {PAGE}, after: $after,
      sort: NAME_ASC) {{ nodes {{ id name accountNumber }} pageInfo {{ endCursor }} }} }}""",
    Dialect.POSTGRAPHILE: f"""query NAME($after: Cursor) {{ customers: allCustomers(first: {PAGE},
      after: $after, orderBy: [NAME_KEY_ASC]) {{ nodes {{ id: rowId name accountNumber }}
      pageInfo {{ endCursor }} }} }}""",
}


def before_last_page(dialect: Dialect, size: int) -> str:
    """Return a query that gets the cursor before the last page without reading all pages."""
    if dialect is Dialect.OURS:
        return f"{{ customers(last: {PAGE + 1}, sort: NAME_ASC) {{ pageInfo {{ startCursor }} }} }}"
    return f"""{{ customers: allCustomers(first: 1, offset: {size - PAGE - 1},
      orderBy: [NAME_KEY_ASC]) {{ nodes {{ rowId }} pageInfo {{ startCursor }} }} }}"""


def cursor_operations(cursors: dict[Dialect, str]) -> Sequence[Operation]:
    """Return the operations that read the first and the last page."""

    def last(dialect: Dialect, _: int) -> Iterator[Variables]:
        yield {"after": cursors[dialect]}

    paging = frozenset({"ours", "postgraphile"})
    return (
        Operation("P1", "first page of all by name", _CURSORS, _no_variables, servers=paging),
        Operation("PN", "last page of all by name", _CURSORS, last, servers=paging),
    )
