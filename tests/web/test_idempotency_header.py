"""The header Idempotency-Key, and the statuses and headers of answers to repeated requests."""

from typing import Any

import pytest

from models import Customer
from tests.graphql_client import Api, document_of
from web.http import MANY_ROWS
from web.http_request import HTTPRefused, read_idempotency_key

SAVE = document_of("saveCustomer", "isReplayed customer { id name }")
ACME = {"input": {"name": "Acme", "classCode": "CHARITY"}}
HEADER = "Idempotency-Key"
TWO = (
    "mutation($input: SaveCustomerInput!) { a: saveCustomer(input: $input) { isReplayed }"
    " b: saveCustomer(input: $input) { isReplayed } }"
)
BODIES = ("application/json", "application/graphql-response+json")


@pytest.mark.parametrize(
    ("values", "key"),
    [
        (["8e03"], "8e03"),
        (['"8e03"'], "8e03"),
        ([' "8e03" '], "8e03"),
        ([r'"a\"b\\c"'], r'a"b\c'),
        (["a,b"], "a,b"),  # a bare key may have any visible character but quotes
        (["x" * 255], "x" * 255),
        (['"' + "x" * 255 + '"'], "x" * 255),
        ([""], None),
        (['""'], None),
        (["x" * 256], None),
        (["a b"], None),
        (['"a b"'], None),
        (['"a'], None),
        (['a"'], None),
        (['"a", "b"'], None),  # two headers that a proxy joined
        ([r'"a\x"'], None),  # only quotes and backslashes are escaped
        (["\xe9"], None),
        (["a", "a"], None),
        (["a", "b"], None),
    ],
)
def test_a_key_is_bare_or_in_quotes_and_sent_once(values: list[str], key: str | None) -> None:
    scope: dict[str, Any] = {
        "headers": [(b"idempotency-key", one.encode("latin-1")) for one in values]
    }
    if key is not None:
        assert read_idempotency_key(scope) == key
        return
    with pytest.raises(HTTPRefused) as refused:
        read_idempotency_key(scope)
    assert (refused.value.status, refused.value.code) == (400, "IDEMPOTENCY_KEY_INVALID")


async def test_a_repeat_is_marked_in_the_payload_and_in_a_header(api: Api) -> None:
    answers = [await api.post(SAVE, ACME, headers={HEADER: one}) for one in ("k", '"k"')]
    payloads = [one.json()["data"]["saveCustomer"] for one in answers]
    assert [one["isReplayed"] for one in payloads] == [False, True]
    assert [one.headers.get("Idempotent-Replayed") for one in answers] == [None, "true"]
    assert payloads[0]["customer"] == payloads[1]["customer"]
    assert await Customer.all().count() == 1


@pytest.mark.parametrize("many_rows", [MANY_ROWS, 0], ids=["short", "long"])
@pytest.mark.parametrize("accepted", BODIES)
async def test_another_request_with_the_key_is_422(
    api: Api, accepted: str, many_rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also if the request cost so much that its answer is encoded in parts."""
    monkeypatch.setattr("web.http.MANY_ROWS", many_rows)
    headers = {HEADER: "k", "Accept": accepted}
    await api.post(SAVE, ACME, headers=headers)
    other = {"input": {**ACME["input"], "name": "Other"}}
    answer = await api.post(SAVE, other, headers=headers)
    (error,) = answer.json()["errors"]
    extensions = error["extensions"]
    assert (answer.status_code, answer.json()["data"]) == (422, {"saveCustomer": None})
    assert error["path"] == ["saveCustomer"]
    assert extensions == {"code": "IDEMPOTENCY_KEY_REUSED", "retryable": False}
    assert [one.name for one in await Customer.all()] == ["Acme"]


async def test_a_repeated_header_is_400(api: Api) -> None:
    answer = await api.http.post(
        "/graphql",
        json={"query": SAVE, "variables": ACME},
        headers=[("Authorization", f"Bearer {api.token}"), (HEADER, "a"), (HEADER, "a")],
    )
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["extensions"]["code"] == "IDEMPOTENCY_KEY_INVALID"
    assert not await Customer.exists()


@pytest.mark.parametrize(
    "document",
    [
        "{ viewer { id } }",
        "{ __typename }",
        "{ __schema { queryType { name } } }",
        TWO,
    ],
)
async def test_the_header_needs_exactly_one_mutation(api: Api, document: str) -> None:
    answer = await api.post(document, ACME if "$" in document else {}, headers={HEADER: "k"})
    (error,) = answer.json()["errors"]
    assert error["extensions"]["code"] == "IDEMPOTENCY_KEY_MISPLACED"
    assert not await Customer.exists()


async def test_a_get_request_cannot_have_the_header(api: Api) -> None:
    answer = await api.http.get(
        "/graphql",
        params={"query": "{ viewer { id } }"},
        headers={"Authorization": f"Bearer {api.token}", HEADER: "k"},
    )
    assert answer.json()["errors"][0]["extensions"]["code"] == "IDEMPOTENCY_KEY_MISPLACED"


async def test_the_status_is_200_if_another_mutation_ran(api: Api) -> None:
    await api.post(SAVE, ACME, headers={HEADER: "k"})
    document = (
        "mutation($input: SaveCustomerInput!, $k: String!) {"
        " a: saveCustomer(input: $input) @idempotent(key: $k) { isReplayed }"
        " b: saveCustomer(input: $input) { isReplayed } }"
    )
    other = {"input": {**ACME["input"], "name": "Other"}, "k": "k"}
    answer = await api.post(document, other)
    assert answer.status_code == 200
    assert answer.json()["data"] == {"a": None, "b": {"isReplayed": False}}
    assert sorted([one.name for one in await Customer.all()]) == ["Acme", "Other"]
