"""The schema follows rules for names, nullability, descriptions and lists."""

import pytest
from graphql import build_schema

from schema.root import build_schema as served_schema
from tests.schema_style import RULES, faults

SHORT = "is short, and all of it is wanted"
EXCEPTIONS: dict[str, dict[str, str]] = {
    "instants end in At, or are at or since": {
        "WebhookEndpoint.failingSince": "says since when a state lasts",
    },
    "ids end in Id or Ids": {
        **dict.fromkeys(
            ("AuditFilter.requestId", "AuditEntry.requestId", "Job.requestId"),
            "names no object of this API",
        ),
        **{
            f"{kind}.filingId": "is an id of Companies House"
            for kind in ("CountValue", "FiledValue", "MoneyValue", "ProfileChange")
        },
    },
    "a reason that a person gives is reason": {
        "SaveCustomerClassInput.overrideReason": "asks for the override by being sent",
        "RegisterAllowance.blockedReason": "is no person's reason",
    },
    "numbers say what they count or measure": {
        "WebhookAttempt.statusCode": "is a status of HTTP, and measures nothing",
        **dict.fromkeys(
            ("RecordConsentsResult.index", "SaveContactsResult.index", "SaveCustomersResult.index"),
            "is the place of a row in the input, as in the paths of errors",
        ),
        "ImportFault.line": "is a position, as in the errors of GraphQL",
    },
    "lists have no null items": {"Query.nodes": "has null for an object that is not found"},
    "objects with an id are nodes": {
        "Credential": "has its id for caches, and belongs to a request",
        "PlatformDefaults": "has its id for caches, and is one of its kind",
        "Viewer": "has its id for caches, and belongs to a request",
    },
    "lists of the root are connections": {
        "Query.nodes": "has an item for each id that was sent",
        "Query.companySearch": "is cut by Companies House",
        **dict.fromkeys(
            ("Query.consentAdvisoryCounts", "Query.eventTypes", "Query.permissions"), SHORT
        ),
        "Query.customersOverTime": "has a series for each metric and class",
    },
}
"""By rule: the coordinates that may break it, each with its reason."""


def test_the_schema_follows_every_rule_but_for_exceptions_with_a_reason() -> None:
    """A fault without an exception is to be mended; an exception without a fault is to go."""
    found = faults(build_schema(served_schema().as_str()))
    excepted = {(rule, where) for rule, cases in EXCEPTIONS.items() for where in cases}
    assert [one for one in found if one not in excepted] == [], (
        "mend these, or give the reason for each in EXCEPTIONS of this module"
    )
    assert excepted - set(found) == set()


GOOD = '''
"""A query."""
type Query {
  """A thing."""
  thing: Thing
}

"""A thing."""
type Thing {
  """A field."""
  %s
}
'''
CASES = {
    "name: String": [],
    "full_name: String": ["types in PascalCase, fields in camelCase, enum values in CAPITALS"],
    "created: Int": ["numbers say what they count or measure"],
    "createdAt: String": ["instants end in At, or are at or since"],
    "born: Date": ["scalars are specified", "dates end in On, or are value"],
    "bornOn: String": ["dates end in On, or are value"],
    "parentId: String": ["ids end in Id or Ids"],
    "parent: ID": ["ids end in Id or Ids"],
    "parentIds: ID": ["lists of ids have a plural"],
    "parentId: [ID!]": ["lists of ids have a plural"],
    "active: Boolean": ["booleans begin with a verb"],
    "isActive: Boolean": [],
    "correctionReason: String": ["a reason that a person gives is reason"],
    "customers: Int": ["numbers say what they count or measure"],
    "customerCount: Int": [],
    "labels: [String]": ["lists have no null items"],
    "labels: [String!]": [],
    "id: ID!": ["objects with an id are nodes"],
    "code: String @deprecated": ["deprecations say what to use, and the day of the removal"],
    'code: String @deprecated(reason: "Use `name`. Removed on 2027-06-01.")': [],
}
"""Fields, and the rules that they break."""


@pytest.mark.parametrize("field", CASES)
def test_a_field_breaks_the_rules_that_it_should(field: str) -> None:
    more = '"""A date."""\nscalar Date' if "Date" in field else ""
    assert [rule for rule, _ in faults(build_schema(GOOD % field + more))] == CASES[field]


BAD = """
directive @marked(by: String) on FIELD_DEFINITION
scalar DateTime @specifiedBy(url: "https://specification.example")
enum state { on OFF }
input thingFilter { from: DateTime }
type Item { name: String }
type ItemConnection { nodes: [Item!]! pageInfo: String }
type Query {
  items(first: Int, after: Int, filter: String, sort: ItemOrder): ItemConnection!
  all(state: state, choice: thingFilter): [Item!]
}
enum ItemOrder { NAME_ASC }
type Subscription { changed: Item! }
"""
FOUND = {
    "types in PascalCase, fields in camelCase, enum values in CAPITALS": [
        *("state", "state.on", "thingFilter"),
    ],
    "instants end in At, or are at or since": ["thingFilter.from"],
    "ranges are fromAt and untilAt": ["thingFilter.from"],
    "root fields are nullable": ["Query.items", "Subscription.changed"],
    "connections have nodes, edges and pageInfo": ["ItemConnection"],
    "connections are paged in both directions": [
        f"Query.items({name}:)" for name in ("after", "last", "before")
    ],
    "lists of the root are connections": ["Query.all"],
    "filter and sort have types of that name": ["Query.items(filter:)", "Query.items(sort:)"],
}
"""By rule: what breaks it in BAD."""


def test_a_bad_schema_is_told_everything_that_is_wrong() -> None:
    found: dict[str, list[str]] = {}
    for rule, where in faults(build_schema(BAD)):
        found.setdefault(rule, []).append(where)
    undescribed = set(found.pop("everything is described"))
    assert found == FOUND
    assert {
        *("@marked", "@marked(by:)", "DateTime", "state", "state.on", "thingFilter.from"),
        *("Query", "Query.items", "Query.items(first:)"),
    } <= undescribed


def test_every_rule_is_broken_by_some_case() -> None:
    broken = {rule for rules in CASES.values() for rule in rules} | FOUND.keys()
    assert RULES.keys() - broken == {"everything is described"}
