"""What the request log counts, without a server."""

from types import SimpleNamespace
from typing import Any

import pytest
from graphql import parse

import workers
from models.storage.statement_time import StatementTime
from observability.metrics import OTHER, PREFIX, CappedLabel, Counter, Histogram, counter, histogram
from observability.metrics_requests import RequestMetrics
from observability.metrics_work import KINDS, WorkMetrics
from observability.routes import route_of
from schema.base.errors import ErrorCode
from schema.base.request_notes import RequestNotes
from schema.engine.known_operations import KnownOperation, known_operation, root_field_names
from schema.engine.strawberry_internals import core_schema
from tests.graphql_client import the_schema

FIELDS = frozenset({"viewer", "customers", "saveCustomer", "events", "__typename"})


def known(text: str) -> KnownOperation:
    found = known_operation(parse(text), text, None)
    assert found is not None
    return found


def notes_of(text: str | None = "{ viewer { name } }", **values: Any) -> RequestNotes:
    notes = RequestNotes()
    notes.status = 200
    notes.operation = None if text is None else known(text)
    for name, value in values.items():
        setattr(notes, name, value)
    return notes


def counted(metrics: RequestMetrics, name: str) -> dict[tuple[object, ...], float]:
    (found,) = [
        one for one in metrics.families(StatementTime()) if one.definition.name == PREFIX + name
    ]
    values = dict(found.samples) | {labels: sum(row[:-1]) for labels, row in found.rows}
    return {labels: value for labels, value in values.items() if value}


PLATFORM = SimpleNamespace(reseller_id=None)
PARTNER = SimpleNamespace(reseller_id="cus_1")


@pytest.mark.parametrize(
    ("notes", "outcome"),
    [
        ({}, "ok"),
        ({"user_errors": 1}, "user_error"),
        # A refusal wins over user errors of other fields, and a fault over a refusal.
        ({"codes": ["FORBIDDEN"], "user_errors": 1}, "refused"),
        ({"codes": ["FORBIDDEN", "INTERNAL_ERROR"]}, "failed"),
        ({"codes": ["RATE_LIMITED"]}, "limited"),
        ({"codes": ["OVERLOADED"]}, "failed"),
        # Without a code, the status decides.
        ({"status": 429}, "limited"),
        ({"status": 500}, "failed"),
        ({"status": 404}, "refused"),
    ],
)
def test_an_outcome_is_one_of_few(notes: dict[str, Any], outcome: str) -> None:
    metrics = RequestMetrics(FIELDS)
    metrics.request(notes_of(**notes), "/graphql", 3.0, is_complete=True)
    assert counted(metrics, "operations_total") == {("query", "viewer", outcome, "anonymous"): 1}


def test_a_client_that_leaves_is_not_a_fault() -> None:
    metrics = RequestMetrics(FIELDS)
    metrics.request(notes_of(), "/graphql", 3.0, is_complete=False)
    assert counted(metrics, "operations_total") == {("query", "viewer", "aborted", "anonymous"): 1}


@pytest.mark.parametrize(
    ("text", "ended", "outcome"),
    [
        ("{ viewer { name } }", "completed", "ok"),
        ("{ viewer { name } }", "cancelled", "aborted"),
        ("{ viewer { name } }", "failed", "failed"),
        ("subscription { events { node { id } } }", "cancelled", "ok"),
        ("subscription { events { node { id } } }", "closed", "ok"),
        ("subscription { events { node { id } } }", "refused", "refused"),
    ],
)
def test_operations_of_websockets_end_in_their_own_ways(
    text: str, ended: str, outcome: str
) -> None:
    metrics = RequestMetrics(FIELDS)
    metrics.operation(notes_of(text, principal=PLATFORM), 3.0, ended)
    (labels,) = counted(metrics, "operations_total")
    assert labels[2:] == (outcome, "platform")
    is_stream = text.startswith("subscription")
    assert counted(metrics, "operation_duration_seconds") == (
        {} if is_stream else {("query", "viewer"): 1}
    )


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("{ a: viewer { name } b: viewer { name } }", "viewer"),
        ("{ viewer { name } customers { nodes { id } } }", "several"),
        ("{ ... on Query { viewer { name } } }", "several"),
        ("{ notOfTheSchema }", OTHER),
        ("{ __typename }", "__typename"),
    ],
)
def test_an_operation_is_told_by_its_root_field(text: str, field: str) -> None:
    metrics = RequestMetrics(FIELDS)
    metrics.request(notes_of(text, principal=PARTNER), "/graphql", 3.0, is_complete=True)
    assert counted(metrics, "operations_total") == {("query", field, "ok", "partner"): 1}


def test_ten_thousand_names_make_three_series() -> None:
    metrics = RequestMetrics(FIELDS)
    for number in range(10_000):
        text = ("viewer { name }", f"a{number}: viewer {{ name }}", f"field{number}")[number % 3]
        notes = notes_of(f"query Name{number} {{ {text} }}", codes=[f"CODE{number}"])
        metrics.request(notes, "/graphql", 3.0, is_complete=True)
        metrics.request(notes_of(None), f"/path{number}", 3.0, is_complete=True)
    assert counted(metrics, "operations_total") == {
        ("query", "viewer", "refused", "anonymous"): 6_667,
        ("query", OTHER, "refused", "anonymous"): 3_333,
    }
    assert counted(metrics, "operation_errors_total") == {(OTHER,): 10_000}
    assert counted(metrics, "http_requests_total") == {
        ("/graphql", 200): 10_000,
        (OTHER, 200): 10_000,
    }


def test_all_root_fields_of_the_schema_are_labels() -> None:
    names = root_field_names(core_schema(the_schema()))
    assert names >= {"viewer", "saveCustomer", "customerEnriched", "__schema", "__typename"}


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/", "/"),
        ("/healthz", "/healthz"),
        ("/exports/customers.csv", "/exports"),
        ("/confirm/…", "/confirm"),
        ("//exports", OTHER),
        ("/healthz2", OTHER),
        ("", OTHER),
    ],
)
def test_routes_are_the_first_parts_of_known_paths(path: str, route: str) -> None:
    assert route_of(path) == route


def test_a_code_that_the_service_declares_is_a_label() -> None:
    metrics = RequestMetrics(FIELDS)
    for code in ErrorCode:
        metrics.request(notes_of(codes=[code.value]), "/graphql", 3.0, is_complete=True)
    assert counted(metrics, "operation_errors_total") == {(code.value,): 1 for code in ErrorCode}


def test_failures_are_told_as_zero_before_the_first() -> None:
    families = [*RequestMetrics(FIELDS).families(StatementTime()), *WorkMetrics().families()]
    samples = {one.definition.name.removeprefix(PREFIX): dict(one.samples) for one in families}
    assert samples["operation_errors_total"][("INTERNAL_ERROR",)] == 0
    assert samples["job_attempts_total"][("enrich", "given_up")] == 0
    assert samples["mails_total"][("confirmation_mail", "DELAYED")] == 0
    assert set(KINDS) == set(workers.KINDS)


def test_a_histogram_counts_a_bound_with_the_smaller_sizes() -> None:
    sizes = Histogram(histogram("sizes", "Sizes."), (1, 10))
    for value in (0.5, 1, 1.5, 10, 11):
        sizes.observe((), value)
    assert sizes.rows == {(): [2, 2, 1, 24.0]}


def test_a_capped_label_lets_the_first_values_pass() -> None:
    label = CappedLabel(2)
    assert [label.of(one) for one in ("a", "b", "c", "a", "d")] == ["a", "b", OTHER, "a", OTHER]
    count = Counter(counter("things", "Things."))
    count.add(("a",), 2)
    count.add(("a",))
    assert count.values == {("a",): 3}
