"""A mutation document runs only if the caller holds every permission that it needs."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
import structlog

from models import Customer
from models.tables.access import Scope
from schema.engine.cost_budget import CostBudget
from schema.types import customer as customer_types
from tests.clock import Clock
from tests.databases import Databases
from tests.graphql_client import Api, Json, connected, running_api, serving, stored
from tests.mutations import GRANT

pytestmark = pytest.mark.asyncio(loop_scope="module")

WRITE = (Scope.CUSTOMERS_WRITE,)
SAVE = 'saveCustomer(input: { name: "Acme", classCode: "CHARITY" })'
CLASS = 'saveCustomerClass(input: { name: "Mine" })'
ERRORS = "userErrors { code }"
CONSENT = """consent: { basis: WRITTEN_OPT_IN, givenBy: "Ann", method: PAPER,
  evidenceReference: "file" }"""
SAVE_BY_INPUT = "mutation($input: SaveCustomerInput!) { saveCustomer(input: $input) { %s } }"

REFUSED: dict[str, tuple[str, Json, list[str]]] = {
    "the second of two mutations": (
        f"mutation {{ a: {SAVE} {{ {ERRORS} }} b: {CLASS} {{ {ERRORS} }} }}",
        {},
        ["b"],
    ),
    "several, each named by its own path": (
        f"""mutation {{ a: {CLASS} {{ {ERRORS} }} b: {SAVE} {{ customer {{ contacts {{ id }} }} }}
        c: {CLASS} {{ {ERRORS} }} }}""",
        {},
        ["a", "b.customer.contacts", "c"],
    ),
    "a field of the payload": (
        f"mutation {{ {SAVE} {{ customer {{ id contacts {{ name }} }} }} }}",
        {},
        ["saveCustomer.customer.contacts"],
    ),
    "deeper, below lists and aliases": (
        f"""mutation {{ {SAVE} {{ it: customer {{ customerClass {{ customers {{ nodes {{
          people: contacts {{ name }} consent {{ entry {{ id }} }} }} }} }} }} }} }}""",
        {},
        [
            "saveCustomer.it.customerClass.customers.nodes.people",
            "saveCustomer.it.customerClass.customers.nodes.consent.entry",
        ],
    ),
    "in a fragment within a fragment": (
        f"""mutation {{ {SAVE} {{ ...Payload }} }}
        fragment Payload on SaveCustomerPayload {{ customer {{ ...Own }} }}
        fragment Own on Customer {{ consentHistory {{ id }} }}""",
        {},
        ["saveCustomer.customer.consentHistory"],
    ),
    "in an inline fragment by way of an interface": (
        f"""mutation {{ {SAVE} {{ customer {{ ... on Node {{ id
          ... on Customer {{ contacts {{ id }} }} }} }} }} }}""",
        {},
        ["saveCustomer.customer.contacts"],
    ),
    "the same path twice, once in a fragment": (
        f"""mutation {{ {SAVE} {{ customer {{ contacts {{ id }} ... {{ contacts {{ name }} }} }} }}
        }}""",
        {},
        ["saveCustomer.customer.contacts"],
    ),
    "what is below a refused field": (
        f"""mutation {{ {SAVE} {{ customer {{ contacts {{ customer {{ contacts {{ id }} }} }} }} }}
        }}""",
        {},
        ["saveCustomer.customer.contacts"],
    ),
    "included by a variable": (
        f"""mutation($yes: Boolean!) {{ {SAVE} {{
          customer {{ contacts @include(if: $yes) {{ id }} }} }} }}""",
        {"yes": True},
        ["saveCustomer.customer.contacts"],
    ),
    "not skipped, by a variable's default": (
        f"""mutation($no: Boolean = false) {{ {SAVE} {{
          customer {{ ... @skip(if: $no) {{ contacts {{ id }} }} }} }} }}""",
        {},
        ["saveCustomer.customer.contacts"],
    ),
    "a root field that a fragment brings in": (
        f"""mutation($yes: Boolean!) {{ a: {SAVE} {{ {ERRORS} }} ...More @include(if: $yes) }}
        fragment More on Mutation {{ b: {CLASS} {{ {ERRORS} }} }}""",
        {"yes": True},
        ["b"],
    ),
    "consent in a literal input, with the mutation before it": (
        f"""mutation {{ a: {SAVE} {{ {ERRORS} }}
        b: saveCustomer(input: {{ name: "B", classCode: "CHARITY", {CONSENT} }}) {{ {ERRORS} }}
        }}""",
        {},
        ["b"],
    ),
    "consent in an input that is a variable": (
        SAVE_BY_INPUT % ERRORS,
        {"input": {"name": "B", "classCode": "CHARITY", "consent": GRANT}},
        ["saveCustomer"],
    ),
    "consent that is a variable within the input": (
        """mutation($consent: RecordConsentFields) { saveCustomer(
          input: { name: "B", classCode: "CHARITY", consent: $consent }) {
          userErrors { code } } }""",
        {"consent": GRANT},
        ["saveCustomer"],
    ),
    "a dry run": (
        """mutation { saveCustomer(input: { name: "B", classCode: "CHARITY", dryRun: true }) {
          customer { contacts { id } } } }""",
        {},
        ["saveCustomer.customer.contacts"],
    ),
}
"""Documents refused for a token with only customers:write, with variables and refused paths."""

ALLOWED: dict[str, tuple[str, Json]] = {
    "left out by @skip": (
        f"mutation {{ {SAVE} {{ customer {{ name contacts @skip(if: true) {{ id }} }} }} }}",
        {},
    ),
    "not included by a variable": (
        f"""mutation($yes: Boolean!) {{ {SAVE} {{ customer {{ name
          ... @include(if: $yes) {{ contacts {{ id }} }} }} }} b: {CLASS} @include(if: $yes) {{
          {ERRORS} }} }}""",
        {"yes": False},
    ),
    "left out by one of two directives": (
        f"""mutation($yes: Boolean!) {{ {SAVE} {{ customer {{ name
          contacts @include(if: $yes) @skip(if: $yes) {{ id }} }} }} }}""",
        {"yes": True},
    ),
    "in a fragment on another type": (
        f"""mutation {{ {SAVE} {{ customer {{ name ... on Node {{
          ... on CustomerClass {{ deletability {{ isAllowed }} }} }} }} }} }}""",
        {},
    ),
    "consent that is null": (
        """mutation($consent: RecordConsentFields) { saveCustomer(
          input: { name: "Acme", classCode: "CHARITY", consent: $consent }) {
          customer { name } } }""",
        {"consent": None},
    ),
    "consent by a variable that is left out": (
        """mutation($consent: RecordConsentFields) { saveCustomer(
          input: { name: "Acme", classCode: "CHARITY", consent: $consent }) {
          customer { name } } }""",
        {},
    ),
    "another operation of the same document": (
        f"""mutation Mine {{ {SAVE} {{ customer {{ name }} }} }}
        mutation Other {{ {CLASS} {{ {ERRORS} }} }}""",
        {"operationName": "Mine"},
    ),
}
"""Documents allowed for that token, with variables."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(databases: Databases) -> AsyncIterator[Api]:
    """Yield an application that all tests of this module share."""
    async with running_api(databases, Clock()) as started:
        yield started


def paths_of(body: Json) -> list[str]:
    """Return the paths of the errors; asserts that all are missing permissions, without data."""
    assert body["data"] is None
    assert {error["extensions"]["code"] for error in body["errors"]} == {"FORBIDDEN"}
    assert all(error["extensions"]["requiredScopes"] for error in body["errors"])
    return [".".join(map(str, error["path"])) for error in body["errors"]]


@pytest.mark.parametrize("case", REFUSED)
async def test_a_document_that_needs_more_is_refused_whole(api: Api, case: str) -> None:
    document, variables, paths = REFUSED[case]
    token = await api.token_for(*WRITE)
    await api.answer(
        document, **variables
    )  # first by a caller with permission, so that plans are compiled
    before = await stored()
    for _ in range(3):
        body = await api.answer(document, token=token, **variables)
        assert paths_of(body) == paths
        assert await stored() == before
    (error, *_) = body["errors"]
    assert error["locations"]
    assert body["extensions"]["cost"]["actual"] == 1  # no mutation ran


@pytest.mark.parametrize("case", ALLOWED)
async def test_a_document_is_refused_for_nothing_that_it_does_not_select(
    api: Api, case: str
) -> None:
    document, variables = ALLOWED[case]
    values = dict(variables)
    sent = {"query": document, "operationName": values.pop("operationName", None)}
    headers = {"Authorization": f"Bearer {await api.token_for(*WRITE)}"}
    before = await Customer.all().count()
    for done in (1, 2):
        response = await api.http.post(
            "/graphql", json={**sent, "variables": values}, headers=headers
        )
        assert response.json()["data"] == {"saveCustomer": {"customer": {"name": "Acme"}}}
        assert await Customer.all().count() == before + done


async def test_a_withdrawal_with_preferences_needs_both_scopes_before_anything_runs(
    api: Api,
) -> None:
    customer = await api.save_customer()
    document = """mutation($a: WithdrawConsentInput!, $b: WithdrawConsentInput!) {
      a: withdrawConsent(input: $a) { userErrors { code } }
      b: withdrawConsent(input: $b) { userErrors { code } } }"""
    token = await api.token_for(Scope.CONSENT_WRITE)
    values = {"customerId": customer["id"], "method": "EMAIL"}
    before = await stored()
    body = await api.answer(
        document, token=token, a=values, b={**values, "revokePreferences": True}
    )
    assert paths_of(body) == ["b"]
    assert await stored() == before
    body = await api.answer(
        document, token=token, a=values, b={**values, "revokePreferences": False}
    )
    assert body["data"] == {"a": {"userErrors": []}, "b": {"userErrors": []}}


async def test_what_is_not_for_partners_is_refused_before_anything_runs(api: Api) -> None:
    """R99: a partner's scope does not give access to data about all customers together."""
    reseller = await api.save_customer(name="Reseller", classCode="RESELLER_OTHER")
    uma = await api.done("saveUser", "user { id }", name="Uma", resellerId=reseller["id"])
    scopes = ["CUSTOMERS_WRITE", "CUSTOMER_CLASSES_READ"]
    await api.done(
        "grantPermissions", "user { id }", granteeId=uma["user"]["id"], permissions=scopes
    )
    issued = await api.done(
        "issueAccessToken", "secret", userId=uma["user"]["id"], name="Own", scopes=scopes
    )
    document = f"mutation {{ {SAVE} {{ customer {{ customerClass {{ %s {{ isAllowed }} }} }} }} }}"
    before = await stored()
    body = await api.answer(document % "deletability", token=issued["secret"])
    assert body["data"] is None
    (error,) = body["errors"]
    assert error["path"] == ["saveCustomer", "customer", "customerClass", "deletability"]
    assert error["message"] == "Partners (callers bound to a reseller) may not use this field."
    assert await stored() == before


async def test_a_socket_refuses_and_allows_the_same(api: Api) -> None:
    token = await api.token_for(*WRITE)
    async with serving(api.app) as address, connected(address) as socket:
        await socket.sign_in(token)
        for document, variables, paths in REFUSED.values():
            before = await stored()
            for _ in range(2):
                assert paths_of(await socket.ask(document, **variables)) == paths
            assert await stored() == before
        document, variables = ALLOWED["not included by a variable"]
        answer = await socket.ask(document, **variables)
        assert answer["data"] == {"saveCustomer": {"customer": {"name": "Acme"}}}


async def test_a_failed_mutation_leaves_the_results_of_those_that_ran(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: Any) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr("models.changes.customer_class_editing.audit.record", fail)
    document = f"""mutation {{ a: {SAVE} {{ customer {{ name }} }}
      b: saveCustomerClass(input: {{ name: "Never" }}) {{ {ERRORS} }} c: {SAVE} {{ {ERRORS} }} }}"""
    before = await Customer.all().count()
    body = await api.answer(document)
    assert body["data"] == {
        "a": {"customer": {"name": "Acme"}},
        "b": None,
        "c": {"userErrors": []},
    }
    (error,) = body["errors"]
    assert (error["path"], error["extensions"]["code"]) == (["b"], "INTERNAL_ERROR")
    assert await Customer.all().count() == before + 2


@pytest.mark.parametrize("others", ["", f"b: {SAVE} {{ {ERRORS} }}"])
async def test_an_error_after_a_change_was_stored_leaves_its_payload(
    api: Api, monkeypatch: pytest.MonkeyPatch, others: str
) -> None:
    """The caller learns that the change was made, and which part of the response is missing."""

    class Broken(customer_types.Customer):
        @property
        def name(self) -> str:  # type: ignore[override]  # it fails
            raise RuntimeError("a bug")

    async def broken(*_: Any, **__: Any) -> Broken:
        return object.__new__(Broken)

    monkeypatch.setattr("resolvers.outcome.read_by_id", broken)
    document = f"mutation {{ a: {SAVE} {{ customer {{ name }} {ERRORS} }} {others} }}"
    before = await Customer.all().count()
    for _ in range(3):
        body = await api.answer(document)
        assert body["data"]["a"] == {"customer": None, "userErrors": []}
        assert len(body["data"]) == 1 + bool(others)
        (error,) = body["errors"]
        assert error["path"] == ["a", "customer", "name"]
        assert error["extensions"]["code"] == "INTERNAL_ERROR"
    assert await Customer.all().count() == before + 3 * (1 + bool(others))


async def test_points_that_cannot_be_given_back_take_no_result_away(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database may become unavailable between a commit and the end of the request."""

    async def fail(*_: Any) -> None:
        raise ConnectionError("lost")

    monkeypatch.setattr(CostBudget, "return_surplus", fail)
    monkeypatch.setattr(CostBudget, "most_held", property(lambda _: -1), raising=False)
    before = await Customer.all().count()
    with structlog.testing.capture_logs() as logged:
        data = await api.data(f"mutation {{ {SAVE} {{ customer {{ name }} }} }}")
    assert data == {"saveCustomer": {"customer": {"name": "Acme"}}}
    assert await Customer.all().count() == before + 1
    assert "points_not_given_back" in [one["event"] for one in logged]
