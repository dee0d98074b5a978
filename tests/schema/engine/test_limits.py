"""Documents beyond a limit are refused with a code, the limit and the measured value."""

from collections.abc import AsyncIterator
from time import process_time
from typing import Any

import pytest
import pytest_asyncio

from schema.base.errors import RequestRefused
from schema.engine.limits import Limits, refuse_too_many_values
from tests.clock import Clock
from tests.databases import Databases
from tests.graphql_client import Api, running_api, stored
from tests.schema.nested_documents import REFUSED, aliased, chained, nested, nested_value

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(databases: Databases) -> AsyncIterator[Api]:
    """Yield an application that all tests of this module share; they store nothing in it."""
    async with running_api(databases, Clock()) as started:
        yield started


@pytest.mark.parametrize(("document", "code", "limit", "actual"), REFUSED)
async def test_a_document_beyond_a_limit_is_refused_and_changes_nothing(
    api: Api, document: str, code: str, limit: int, actual: int | None
) -> None:
    before = await stored()
    begun = process_time()
    error = await api.error(document)
    assert process_time() - begun < 5
    said = {"limit": limit} if actual is None else {"limit": limit, "actual": actual}
    assert error["extensions"] == {"code": code, **said}
    assert f"{limit:,}" in error["message"]
    assert await stored() == before


TAKEN = [
    f"{{ customers(first: 0) {{ nodes {{ {nested(17)} }} }} }}",
    f"{{ viewer {{ ...F1 }} }} {chained(20)}",
    f"{{ {aliased(50, '__typename')} }}",
    f"{{ viewer {{ {aliased(100)} }} }}",
    "{ viewer { " + "id " * 200 + "} }",
    "{ viewer { " + "id @skip(if: true) " * 99 + " name } }",
    "{ customers(first: 0, filter: { classIds: [" + '"x" ' * 100 + "] }) { totalCount } }",
]


@pytest.mark.parametrize("document", TAKEN)
async def test_a_document_at_a_limit_is_answered(api: Api, document: str) -> None:
    await api.data(document)


async def test_numbers_that_no_json_holds_are_cut_short(api: Api) -> None:
    tenfold = "".join(f"fragment F{n} on Viewer {{ {f'...F{n + 1} ' * 10} }} " for n in range(19))
    error = await api.error(f"{{ viewer {{ ...F0 }} }} {tenfold} fragment F19 on Viewer {{ id }}")
    assert error["extensions"] == {"code": "SELECTION_TOO_WIDE", "limit": 200, "actual": 10**9}
    assert error["message"].endswith("this one has 1,000,000,000 or more.")


async def test_empty_fragments_are_not_followed_over_and_over(api: Api) -> None:
    tenfold = "".join(
        f"fragment F{n} on CustomerConnection {{ {f'...F{n + 1} ' * 10} }} " for n in range(18)
    )
    begun = process_time()
    data = await api.data(
        f"{{ customers {{ ...F0 }} }} {tenfold} fragment F18 on CustomerConnection {{ }}"
    )
    assert data == {"customers": {}}
    assert process_time() - begun < 5  # 10^18 comparisons would take for ever


async def test_a_circle_of_fragments_is_refused_where_it_closes(api: Api) -> None:
    error = await api.error(
        "{ viewer { ...A } } fragment A on Viewer { ...B } fragment B on Viewer { id ...A }"
    )
    assert error["extensions"] == {"code": "INVALID_OPERATION"}
    assert error["message"] == "Cannot spread fragment 'A' within itself via 'B'."


@pytest.mark.parametrize(
    ("value", "code", "limit", "actual"),
    [
        (nested_value(13), "VALUE_TOO_DEEP", 12, 13),
        (nested_value(900), "VALUE_TOO_DEEP", 12, 13),
        (["x"] * 1001, "LIST_TOO_LONG", 1000, 1001),
        (["x"] * 100_000, "LIST_TOO_LONG", 1000, 100_000),
        ([["x"] * 1000] * 20, "VARIABLES_TOO_LARGE", 10_000, 20_020),
        ({f"k{number}": 1 for number in range(10_001)}, "VARIABLES_TOO_LARGE", 10_000, 10_001),
    ],
)
async def test_variables_beyond_a_limit_are_refused(
    api: Api, value: Any, code: str, limit: int, actual: int
) -> None:
    query = "query($ids: [ID!]!) { nodes(ids: $ids) { id } }"
    error = await api.error(query, ids=value)
    assert error["extensions"] == {"code": code, "limit": limit, "actual": actual}


async def test_values_at_the_limits_are_taken() -> None:
    limits = Limits()
    refuse_too_many_values({"a": nested_value(12), "b": ["x"] * 1000}, limits)
    refuse_too_many_values({f"v{number}": "x" for number in range(20_000)}, limits)
    refuse_too_many_values(None, limits)
    with pytest.raises(RequestRefused):
        refuse_too_many_values({"a": {"b": nested_value(12)}}, limits)


async def test_json_that_is_nested_without_end_is_a_bad_request(api: Api) -> None:
    body = b'{"query": "{ viewer { id } }", "variables": {"a": ' + b"[" * 100_000
    response = await api.http.post(
        "/graphql",
        content=body,
        headers={"Authorization": f"Bearer {api.token}", "Content-Type": "application/json"},
    )
    assert response.status_code == 400
    assert response.json()["errors"][0]["extensions"] == {"code": "BAD_REQUEST"}


@pytest.mark.parametrize(
    "document",
    [
        # The error for an unknown field contains the whole object around it.
        "mutation { saveCustomer(input: { "
        + " ".join(f"{'x' * 2_000}{number}: 1" for number in range(100))
        + " }) { __typename } }",
        f"{{ {'a' * 200_000} }}",
        f"{{ customers(first: {'9' * 100_000}) {{ totalCount }} }}",
    ],
)
async def test_what_is_said_of_a_document_does_not_grow_with_it(api: Api, document: str) -> None:
    response = await api.post(document)
    errors = response.json()["errors"]
    assert 1 <= len(errors) <= 11
    assert len(response.content) < 10_000


@pytest.mark.parametrize("said", ["nested too deeply", "Document contains more than 5000 tokens."])
async def test_a_limit_is_not_found_in_what_a_client_says(api: Api, said: str) -> None:
    (error,) = (await api.post(f'{{ viewer(x "{said}") }}')).json()["errors"]
    assert error["extensions"]["code"] == "INVALID_OPERATION"
