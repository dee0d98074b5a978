"""GraphQL over HTTP: statuses, media types, refusals, and masked bugs."""

import gzip
import json
import logging
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from models.tables.access import Scope
from schema.engine.limits import Limits
from tests.clock import Clock
from tests.databases import Databases
from tests.graphql_client import Api, running_api, stored, the_schema

pytestmark = pytest.mark.asyncio(loop_scope="module")

RESPONSE = "application/graphql-response+json"
JSON = "application/json"
VIEWER = "{ viewer { name } }"
TESS = {"viewer": {"name": "Tess Tester"}}
MAX_BODY = Limits().max_request_bytes
ADD = 'mutation { saveCustomer(input: { name: "A", classCode: "CHARITY" }) { customer { id } } }'


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(databases: Databases) -> AsyncIterator[Api]:
    """Yield an application that all tests of this module share; they store nothing in it."""
    async with running_api(databases, Clock()) as started:
        yield started


@pytest.fixture
def auth(api: Api) -> dict[str, str]:
    return {"Authorization": f"Bearer {api.token}"}


def refusal(response: httpx.Response) -> tuple[int, str, str]:
    """Return status, media type and error code of a request refused before GraphQL execution."""
    body = response.json()
    assert set(body) == {"errors"}
    (error,) = body["errors"]
    assert set(error) == {"message", "extensions"}
    media_type = response.headers["content-type"]
    return response.status_code, media_type, error["extensions"]["code"]


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, JSON),
        ("", JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        (JSON, JSON),
        (RESPONSE, RESPONSE),
        (",".join(["text/html"] * 49 + [RESPONSE]), RESPONSE),
        (
            ",".join([JSON, *["text/html"] * 49, RESPONSE]),
            JSON,
        ),  # the number of media types that are checked
        (f"{RESPONSE}; charset=utf-8, {JSON}; charset=utf-8", RESPONSE),
        (f"{RESPONSE};q=0.5, {JSON}", JSON),
        (f"{JSON};q=0.2, {RESPONSE};q=0.9", RESPONSE),
        ("text/html, */*;q=0.1", JSON),
        (f"{JSON.upper()}", JSON),
    ],
)
async def test_the_media_type_is_the_one_that_the_client_likes_best(
    api: Api, auth: dict[str, str], accept: str | None, expected: str
) -> None:
    request = api.http.build_request("POST", "/graphql", json={"query": VIEWER}, headers=auth)
    if accept is None:
        del request.headers["accept"]
    else:
        request.headers["accept"] = accept
    response = await api.http.send(request)
    assert response.status_code == 200
    assert response.headers["content-type"] == f"{expected}; charset=utf-8"
    assert response.json()["data"] == TESS


@pytest.mark.parametrize("accept", ["text/html", "application/xml;q=1", f"{JSON};q=0", "nonsense"])
async def test_a_media_type_that_is_not_offered_is_not_acceptable(
    api: Api, auth: dict[str, str], accept: str
) -> None:
    response = await api.http.post(
        "/graphql", json={"query": VIEWER}, headers=auth | {"Accept": accept}
    )
    assert refusal(response) == (406, f"{JSON}; charset=utf-8", "BAD_REQUEST")


async def test_a_query_may_go_by_get_with_variables_in_the_url(
    api: Api, auth: dict[str, str]
) -> None:
    response = await api.http.get(
        "/graphql",
        params={
            "query": "query One($c: String) { customerClass(code: $c) { code } } query Two { viewer"
            " { name } }",
            "operationName": "One",
            "variables": '{"c": "CHARITY"}',
        },
        headers=auth,
    )
    assert response.status_code == 200
    assert response.json()["data"] == {"customerClass": {"code": "CHARITY"}}


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"query": ""},
        {"query": VIEWER, "variables": "{"},
        {"query": VIEWER, "variables": "[]"},
        {"query": VIEWER, "variables": '"text"'},
        {"query": VIEWER, "extensions": "1"},
    ],
)
async def test_a_malformed_get_is_a_bad_request(
    api: Api, auth: dict[str, str], params: dict[str, str]
) -> None:
    response = await api.http.get("/graphql", params=params, headers=auth)
    assert refusal(response) == (400, f"{JSON}; charset=utf-8", "BAD_REQUEST")


async def test_a_mutation_by_get_is_not_allowed_and_changes_nothing(
    api: Api, auth: dict[str, str]
) -> None:
    before = await stored()
    response = await api.http.get("/graphql", params={"query": ADD}, headers=auth)
    assert refusal(response) == (405, f"{JSON}; charset=utf-8", "BAD_REQUEST")
    assert response.headers["allow"] == "POST"
    assert await stored() == before


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS"])
async def test_other_methods_are_not_allowed(api: Api, auth: dict[str, str], method: str) -> None:
    response = await api.http.request(method, "/graphql", headers=auth, json={"query": VIEWER})
    assert refusal(response) == (405, f"{JSON}; charset=utf-8", "BAD_REQUEST")
    assert response.headers["allow"] == "GET, POST"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"1",
        b'"query"',
        b"[]",
        b'[{"query": "{ viewer { name } }"}]',
        b"{}",
        b'{"query": null}',
        b'{"query": ""}',
        b'{"query": 1}',
        b'{"query": ["{ viewer { name } }"]}',
        b'{"query": "{ viewer { name } }", "variables": []}',
        b'{"query": "{ viewer { name } }", "variables": "{}"}',
        b'{"query": "{ viewer { name } }", "operationName": 1}',
        b'{"query": "{ viewer { name } }", "extensions": "x"}',
        b'{"query": "\xff"}',
        b'{"query": "\\ud800"}',
    ],
)
async def test_a_malformed_body_is_a_bad_request(
    api: Api, auth: dict[str, str], body: bytes
) -> None:
    """Batched requests are refused too."""
    response = await api.http.post("/graphql", content=body, headers=auth | {"Content-Type": JSON})
    assert refusal(response) == (400, f"{JSON}; charset=utf-8", "BAD_REQUEST")


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "text/plain",
        "application/graphql",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json; charset=latin1",
    ],
)
async def test_a_body_that_is_not_json_in_utf8_is_an_unsupported_media_type(
    api: Api, auth: dict[str, str], content_type: str | None
) -> None:
    headers = auth if content_type is None else auth | {"Content-Type": content_type}
    response = await api.http.post(
        "/graphql", content=b'{"query": "{ viewer { name } }"}', headers=headers
    )
    assert refusal(response) == (415, f"{JSON}; charset=utf-8", "BAD_REQUEST")


@pytest.mark.parametrize(
    ("content_type", "message"),
    [
        ("text/plain", 'The Content-Type must be application/json; it is "text/plain".'),
        ("", "The Content-Type must be application/json; it is missing."),
        ("application/json; charset=Latin-1", 'The charset must be utf-8; it is "latin-1".'),
        ("application/json; charset=utf-8; charset=utf-16", 'must be utf-8; it is "utf-16".'),
        ("x" * 1_000, f'it is "{"x" * 60}"….'),
    ],
)
async def test_the_media_type_that_is_not_taken_is_told(
    api: Api, auth: dict[str, str], content_type: str, message: str
) -> None:
    response = await api.http.post(
        "/graphql", content=b'{"query": "{a}"}', headers=auth | {"Content-Type": content_type}
    )
    assert refusal(response) == (415, f"{JSON}; charset=utf-8", "BAD_REQUEST")
    assert response.json()["errors"][0]["message"].endswith(message)


@pytest.mark.parametrize("coding", ["gzip", "br", "gzip, identity", "x-\xff"])
async def test_a_content_coding_is_refused_and_the_one_that_is_taken_told(
    api: Api, auth: dict[str, str], coding: str
) -> None:
    """RFC 9110, 12.5.3."""
    before = await stored()
    body = gzip.compress(json.dumps({"query": ADD}).encode())
    headers = {**auth, "Content-Type": JSON, "Content-Encoding": coding.encode("latin-1")}
    response = await api.http.post("/graphql", content=body, headers=headers)  # type: ignore[arg-type]  # httpx takes bytes too
    assert refusal(response) == (415, f"{JSON}; charset=utf-8", "BAD_REQUEST")
    assert response.headers["accept-encoding"] == "identity"
    assert f'"{coding}"' in response.json()["errors"][0]["message"]
    assert await stored() == before


@pytest.mark.parametrize("coding", ["identity", "Identity"])
async def test_a_body_as_it_is_may_begin_with_a_byte_order_mark(
    api: Api, auth: dict[str, str], coding: str
) -> None:
    response = await api.http.post(
        "/graphql",
        content=b'\xef\xbb\xbf{"query": "{ viewer { name } }"}',
        headers=auth | {"Content-Type": JSON, "Content-Encoding": coding},
    )
    assert (response.status_code, response.json()["data"]) == (200, TESS)


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ('{"x": 1e400}', "x: 1e400 is too large for a 64-bit float."),
        ('{"x": [-Infinity]}', "x[0]: -Infinity is not a JSON number."),
        ('{"x": 1, "x": 2}', "x: this key is repeated in its object."),
        ('{"x": 123456789012345678901}', "x: 123456789012345678901 has more than 64 bits."),
        ('{"x": "\\udc00"}', "x: \\udc00 is half of a character; its other half is missing."),
        ('{"x": "\\u0000"}', "x: text must not contain the character U+0000."),
    ],
)
async def test_a_value_that_cannot_be_used_is_told_with_its_place(
    api: Api, auth: dict[str, str], variables: str, message: str
) -> None:
    given = {"query": "{ viewer { name } }", "variables": variables}
    body = f'{{"query": "{given["query"]}", "variables": {variables}}}'.encode()
    posted = await api.http.post("/graphql", content=body, headers=auth | {"Content-Type": JSON})
    got = await api.http.get("/graphql", params=given, headers=auth)
    for response in (posted, got):
        assert refusal(response) == (400, f"{JSON}; charset=utf-8", "BAD_REQUEST")
        assert response.json()["errors"][0]["message"].startswith(f"variables.{message}")


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (
            "query=%7Ba%7D&query=%7Bb%7D",
            "query is repeated in the query string.",
        ),
        ("query=%7Ba%7D&variables={}&variables={}", "variables is repeated"),
        ("query=%ff", "The query string must be UTF-8, percent-encoded."),
        ("query=%00", "query: text must not contain the character U+0000."),
        ("query=%7Ba%7D&operationName=%00", "operationName: text must not contain"),
    ],
)
async def test_a_query_string_that_cannot_be_read_in_one_way_is_refused(
    api: Api, auth: dict[str, str], query: str, message: str
) -> None:
    response = await api.http.get(f"/graphql?{query}", headers=auth)
    assert refusal(response) == (400, f"{JSON}; charset=utf-8", "BAD_REQUEST")
    assert response.json()["errors"][0]["message"].startswith(message)


@pytest.mark.parametrize("charset", ["utf-8", "UTF-8", '"utf-8"', "utf8", "'UTF8'", " utf-8 "])
async def test_a_body_may_say_that_it_is_utf8(api: Api, auth: dict[str, str], charset: str) -> None:
    response = await api.http.post(
        "/graphql",
        content=b'{"query": "{ viewer { name } }", "variables": null, "operationName": ""}',
        headers=auth | {"Content-Type": f"application/json;charset={charset}"},
    )
    assert (response.status_code, response.json()["data"]) == (200, TESS)


async def test_a_body_over_the_limit_is_too_large_and_changes_nothing(
    api: Api, auth: dict[str, str]
) -> None:
    before = await stored()
    padded = f"{ADD} #" + "x" * MAX_BODY
    response = await api.http.post("/graphql", json={"query": padded}, headers=auth)
    assert refusal(response) == (413, f"{JSON}; charset=utf-8", "REQUEST_TOO_LARGE")
    assert response.json()["errors"][0]["extensions"]["limit"] == MAX_BODY
    assert await stored() == before


async def test_a_body_at_the_limit_is_taken(api: Api, auth: dict[str, str]) -> None:
    start = b'{"query": "{ viewer { name } } #'
    body = start + b"x" * (MAX_BODY - len(start) - 2) + b'"}'
    response = await api.http.post("/graphql", content=body, headers=auth | {"Content-Type": JSON})
    assert (len(body), response.status_code, response.json()["data"]) == (MAX_BODY, 200, TESS)


@pytest.mark.parametrize(
    "header",
    [None, "", "Bearer", "Bearer ", "Bearer ccl_nobody", "Basic dGVzcw==", "ccl_nobody"],
)
@pytest.mark.parametrize("accept", [JSON, RESPONSE])
async def test_without_a_valid_token_the_answer_is_401_with_a_challenge(
    api: Api, header: str | None, accept: str
) -> None:
    """R95: the error differs from a missing permission."""
    before = await stored()
    headers = {"Accept": accept} | ({} if header is None else {"Authorization": header})
    response = await api.http.post("/graphql", json={"query": ADD}, headers=headers)
    assert refusal(response) == (401, f"{accept}; charset=utf-8", "UNAUTHENTICATED")
    assert response.headers["www-authenticate"] == "Bearer"
    assert await stored() == before


async def test_the_schema_is_printed_for_those_who_sign_in(api: Api, auth: dict[str, str]) -> None:
    refused = await api.http.get("/schema.graphql")
    assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")
    response = await api.http.get("/schema.graphql", headers=auth)
    assert response.status_code == 200
    assert response.text == the_schema().as_str() + "\n"


BAD_DOCUMENTS = [
    ("{", {}, "INVALID_OPERATION"),
    ("{ nothingOfThatName }", {}, "INVALID_OPERATION"),
    ("query($id: ID!) { customer(id: $id) { id } }", {}, "BAD_USER_INPUT"),
    (
        "query($first: Int) { customers(first: $first) { totalCount } }",
        {"first": "x"},
        "BAD_USER_INPUT",
    ),
    (
        "query($first: Int) { customers(first: $first) { totalCount } }",
        {"first": 2**31},
        "BAD_USER_INPUT",
    ),
    (
        "query($s: CustomerSort) { customers(sort: $s) { totalCount } }",
        {"s": "SIZE"},
        "BAD_USER_INPUT",
    ),
    (
        "mutation($input: SaveCustomerInput!) { saveCustomer(input: $input) { customer { id } } }",
        {"input": {"name": "A", "classCode": "CHARITY", "colour": "red"}},
        "BAD_USER_INPUT",
    ),
    (
        "mutation($input: SaveCustomerInput!) { saveCustomer(input: $input) { customer { id } } }",
        {"input": {"name": 7, "classCode": "CHARITY"}},
        "BAD_USER_INPUT",
    ),
    (
        "query($since: DateTime, $id: ID!) { node(id: $id) { id } }",  # $since is not used
        {"since": "yesterday", "id": "x"},
        "INVALID_OPERATION",
    ),
]


@pytest.mark.parametrize(("document", "variables", "code"), BAD_DOCUMENTS)
@pytest.mark.parametrize(("accept", "status"), [(RESPONSE, 400), (JSON, 200)])
async def test_a_request_error_has_no_data_and_the_status_of_its_media_type(
    api: Api,
    auth: dict[str, str],
    document: str,
    variables: dict[str, Any],
    code: str,
    accept: str,
    status: int,
) -> None:
    """Variables that cannot be coerced are a request error too."""
    before = await stored()
    response = await api.http.post(
        "/graphql",
        json={"query": document, "variables": variables},
        headers=auth | {"Accept": accept},
    )
    body = response.json()
    assert response.status_code == status
    assert "data" not in body
    assert [error["extensions"]["code"] for error in body["errors"]] == [code]
    assert await stored() == before


@pytest.mark.parametrize(
    ("document", "name"),
    [
        (VIEWER, "Nobody"),
        ("query A { viewer { id } } query B { viewer { id } }", "C"),
        ("fragment F on Viewer { id }", None),
    ],
)
async def test_an_operation_that_is_not_in_the_document_is_a_bad_request(
    api: Api, auth: dict[str, str], document: str, name: str | None
) -> None:
    response = await api.http.post(
        "/graphql", json={"query": document, "operationName": name}, headers=auth
    )
    assert refusal(response) == (400, f"{JSON}; charset=utf-8", "BAD_REQUEST")


async def test_several_operations_are_refused_unless_one_is_named(api: Api) -> None:
    before = await stored()
    error = await api.error(f"query A {VIEWER} {ADD.replace('mutation', 'mutation B')}")
    assert error["extensions"] == {"code": "INVALID_OPERATION"}
    error = await api.error(f"{ADD.replace('mutation', 'mutation B')} query A {VIEWER}")
    assert error["extensions"] == {"code": "INVALID_OPERATION"}
    assert await stored() == before


async def test_a_subscription_is_sent_to_the_websocket(api: Api, auth: dict[str, str]) -> None:
    response = await api.http.post(
        "/graphql",
        json={"query": 'subscription { customerEnriched(customerId: "cus_1") { id } }'},
        headers=auth,
    )
    assert refusal(response) == (400, f"{JSON}; charset=utf-8", "BAD_REQUEST")


@pytest.mark.parametrize("accept", [JSON, RESPONSE])
async def test_an_error_of_a_field_leaves_the_rest_of_the_data(
    api: Api, auth: dict[str, str], accept: str
) -> None:
    response = await api.http.post(
        "/graphql",
        json={"query": "{ viewer { name } customer { id } }"},
        headers=auth | {"Accept": accept},
    )
    body = response.json()
    assert response.status_code == 200
    assert body["data"] == {"viewer": {"name": "Tess Tester"}, "customer": None}
    (error,) = body["errors"]
    assert (error["path"], error["extensions"]) == (["customer"], {"code": "BAD_USER_INPUT"})


async def test_a_refused_scope_is_logged_quietly_and_names_what_is_needed(
    api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    """R95."""
    token = await api.token_for(Scope.CUSTOMER_CLASSES_READ)
    with caplog.at_level(logging.DEBUG):
        error = await api.error("{ customers { totalCount } }", token=token)
    assert error["extensions"] == {"code": "FORBIDDEN", "requiredScopes": ["CUSTOMERS_READ"]}
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_a_bug_is_masked_behind_the_request_id(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("the vault is behind the painting")

    monkeypatch.setattr("resolvers.customer.page", fail)
    response = await api.post(
        "{ customers { nodes { id } } }", headers={"X-Request-Id": "trace-42", "Accept": RESPONSE}
    )
    assert (response.status_code, response.headers["x-request-id"]) == (200, "trace-42")
    (error,) = response.json()["errors"]
    assert error["extensions"] == {"code": "INTERNAL_ERROR", "requestId": "trace-42"}
    assert error["path"] == ["customers"]
    assert "vault" not in response.text


async def test_a_bug_in_a_mutation_is_masked_and_rolled_back(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = await stored()

    async def fail(*_: Any, **__: Any) -> None:
        raise ValueError("half way through")

    monkeypatch.setattr("resolvers.outcome.read_by_id", fail)
    error = await api.error(ADD)
    assert error["extensions"]["code"] == "INTERNAL_ERROR"
    assert "half way" not in error["message"]
    assert await stored() == before


async def test_a_database_that_is_gone_during_sign_in_is_503_with_the_request_id(
    api: Api, auth: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: Any, **__: Any) -> None:
        raise ConnectionRefusedError("10.1.2.3:5432 says no")

    monkeypatch.setattr("models.tables.access.Principals.of", fail)
    response = await api.http.post(
        "/graphql", json={"query": VIEWER}, headers=auth | {"X-Request-Id": "trace-43"}
    )
    assert response.status_code == 503
    assert response.headers["x-request-id"] == "trace-43"
    assert response.headers["retry-after"] == "2"
    (error,) = response.json()["errors"]
    assert error["extensions"] == {
        "code": "UNAVAILABLE",
        "reason": "LOST",
        "retryable": True,
        "retryAfterSeconds": 2,
    }
    assert "10.1.2.3" not in response.text


@pytest.mark.parametrize("wanted", ["trace-1", "A.b_c-9", "x" * 64])
async def test_a_request_id_is_echoed(api: Api, wanted: str) -> None:
    response = await api.post(VIEWER, headers={"X-Request-Id": wanted})
    assert response.headers.get_list("x-request-id") == [wanted]


@pytest.mark.parametrize("wanted", ["", "a b", "x" * 65, "<script>", 'a"b'])
async def test_a_request_id_that_is_no_safe_name_is_replaced(api: Api, wanted: str) -> None:
    response = await api.post(VIEWER, headers={"X-Request-Id": wanted})
    (given,) = response.headers.get_list("x-request-id")
    assert given != wanted
    assert len(given) == 32


@pytest.mark.parametrize("spelling", ["\\u0000", "\\\\u0000", "\\\\u{0}"])
async def test_the_null_character_is_refused_in_every_spelling(
    api: Api, auth: dict[str, str], spelling: str
) -> None:
    """PostgreSQL columns cannot store it."""
    before = await stored()
    in_variables = f'{{"query": "{{ viewer {{ id }} }}", "variables": {{"n": "a{spelling}"}}}}'
    in_document = f'{{"query": "{{ customer(accountNumber: \\"a{spelling}\\") {{ id }} }}"}}'
    for body in (in_document, in_variables)[: 2 if spelling == "\\u0000" else 1]:
        response = await api.http.post(
            "/graphql", content=body.encode(), headers=auth | {"Content-Type": JSON}
        )
        assert refusal(response) == (400, f"{JSON}; charset=utf-8", "BAD_REQUEST")
    assert await stored() == before
