"""Documents by id: registered ones, and those that clients sent earlier."""

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest

from schema.engine.trusted_documents import SentDocuments, Wanted, id_of, read_documents
from tests.clock import Clock
from tests.databases import Databases
from tests.graphql_client import Api, connected, running_api, serving, stored

VIEWER = "{ viewer { name } }"
TESS = {"viewer": {"name": "Tess Tester"}}
CODES = "query One($c: String) { customerClass(code: $c) { code } }"
ADD = 'mutation { saveCustomer(input: { name: "A", classCode: "CHARITY" }) { customer { name } } }'
RESPONSE = "application/graphql-response+json"


def hash_of(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def apollo(text: str) -> dict[str, Any]:
    """Return the request extension with which Apollo clients identify a document."""
    return {"persistedQuery": {"version": 1, "sha256Hash": hash_of(text)}}


async def post(api: Api, *, accept: str = "*/*", **body: Any) -> httpx.Response:
    headers = {"Authorization": f"Bearer {api.token}", "Accept": accept}
    return await api.http.post("/graphql", json=body, headers=headers)


def code_of(response: httpx.Response) -> str:
    (error,) = response.json()["errors"]
    code: str = error["extensions"]["code"]
    return code


async def test_a_hash_alone_is_not_found_until_it_came_with_its_text(api: Api) -> None:
    """The protocol of automatic persisted queries."""
    first = await post(api, extensions=apollo(VIEWER))
    assert (first.status_code, code_of(first)) == (200, "PERSISTED_QUERY_NOT_FOUND")
    assert first.json()["errors"][0]["message"] == "PersistedQueryNotFound"
    strict = await post(api, extensions=apollo(VIEWER), accept=RESPONSE)
    assert (strict.status_code, code_of(strict)) == (400, "PERSISTED_QUERY_NOT_FOUND")
    assert (await post(api, query=VIEWER, extensions=apollo(VIEWER))).json()["data"] == TESS
    assert (await post(api, extensions=apollo(VIEWER))).json()["data"] == TESS
    assert (await post(api, documentId=id_of(VIEWER))).json()["data"] == TESS


async def test_a_known_query_may_go_by_get_with_its_hash_and_variables(api: Api) -> None:
    await post(api, query=CODES, extensions=apollo(CODES), variables={"c": "CHARITY"})
    headers = {"Authorization": f"Bearer {api.token}"}
    given = {"variables": '{"c": "RESIDENTIAL"}'}
    for names in ({"extensions": json.dumps(apollo(CODES))}, {"documentId": id_of(CODES)}):
        response = await api.http.get("/graphql", params=given | names, headers=headers)
        assert response.json()["data"] == {"customerClass": {"code": "RESIDENTIAL"}}


async def test_a_known_mutation_still_needs_a_post(api: Api) -> None:
    await post(api, query=ADD, documentId=id_of(ADD))
    before = await stored()
    response = await api.http.get(
        "/graphql",
        params={"documentId": id_of(ADD)},
        headers={"Authorization": f"Bearer {api.token}"},
    )
    assert response.status_code == 405
    assert await stored() == before
    again = await post(api, documentId=id_of(ADD))
    assert again.json()["data"] == {"saveCustomer": {"customer": {"name": "A"}}}


@pytest.mark.parametrize(
    "body",
    [
        {"query": VIEWER, "extensions": apollo(CODES)},
        {"query": VIEWER, "documentId": id_of(CODES)},
        {"query": VIEWER, "documentId": "viewer"},
        {"extensions": {"persistedQuery": {"version": 2, "sha256Hash": hash_of(VIEWER)}}},
        {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": 7}}},
        {"extensions": {"persistedQuery": "x"}},
        {"documentId": 7},
        {"documentId": ""},
        {"query": "", "extensions": {}},
    ],
)
async def test_a_hash_of_something_else_is_a_bad_request(api: Api, body: Any) -> None:
    response = await post(api, **body)
    assert (response.status_code, code_of(response)) == (400, "BAD_REQUEST")


@pytest.mark.parametrize("text", ["{ viewer { nothing } }", "{", "query A { viewer { id } } { x }"])
async def test_what_is_not_valid_is_not_kept(api: Api, text: str) -> None:
    assert code_of(await post(api, query=text, documentId=id_of(text))) == "INVALID_OPERATION"
    assert code_of(await post(api, documentId=id_of(text))) == "PERSISTED_QUERY_NOT_FOUND"


def test_what_was_sent_is_kept_within_bounds_the_latest_used() -> None:
    documents = SentDocuments(most=3, most_text=100)

    def send(text: str) -> None:
        documents.keep(documents.find(text, id_of(text)))

    def is_kept(text: str) -> bool:
        return documents._texts._entries.get(("", id_of(text))) is not None

    for text in ("a", "b", "c"):
        send(text)
    assert documents.find(None, id_of("a")) == Wanted("a")
    send("d")
    assert [is_kept(text) for text in "abcd"] == [True, False, True, True]
    send("e" * 99)
    assert [is_kept(text) for text in ("a", "c", "d", "e" * 99)] == [False, False, True, True]
    send("f" * 101)
    assert not is_kept("f" * 101)
    documents.keep(documents.find("g", None))
    assert not is_kept("g")


async def test_a_websocket_takes_ids_that_are_known(databases: Databases, clock: Clock) -> None:
    async with (
        running_api(databases, clock) as api,
        serving(api.app) as host,
        connected(host) as socket,
    ):
        await socket.sign_in(api.token)

        async def ask(**payload: Any) -> Any:
            await socket.send(type="subscribe", id="1", payload=payload)
            message = await socket.receive()
            if message["type"] == "next":
                assert await socket.receive() == {"type": "complete", "id": "1"}
                return message["payload"]["data"]
            return message["payload"][0]["extensions"]["code"]

        assert await ask(extensions=apollo(VIEWER)) == "PERSISTED_QUERY_NOT_FOUND"
        await post(api, query=VIEWER, documentId=id_of(VIEWER))
        assert await ask(extensions=apollo(VIEWER)) == TESS
        assert await ask(documentId=id_of(VIEWER)) == TESS
        await socket.send(type="subscribe", id="1", payload={"documentId": 7})
        assert await socket.closed() == 4400


FOLDER = {"viewer.graphql": VIEWER, "deep/codes.graphql": CODES, "deep/notes.txt": "{ nothing }"}


def written(folder: Path) -> Path:
    for name, text in FOLDER.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n", "utf-8")
    return folder


def test_documents_are_read_from_folders_and_from_the_files_of_tools(tmp_path: Path) -> None:
    expected = {id_of(text): text for text in (f"{VIEWER}\n", f"{CODES}\n")}
    assert read_documents(written(tmp_path / "folder")) == expected
    relay, manifest = tmp_path / "relay.json", tmp_path / "apollo.json"
    relay.write_text(json.dumps({"a1": VIEWER, "b2": CODES}))
    assert read_documents(relay) == {"a1": VIEWER, "b2": CODES}
    operations = [{"id": hash_of(VIEWER), "name": "V", "type": "query", "body": VIEWER}]
    manifest.write_text(
        json.dumps(
            {"format": "apollo-persisted-query-manifest", "version": 1, "operations": operations}
        )
    )
    assert read_documents(manifest) == {hash_of(VIEWER): VIEWER}


@pytest.mark.parametrize("text", ["", "[]", "7", '{"a": 1}', '{"operations": [{"id": "a"}]}', "{"])
def test_a_file_that_holds_no_documents_says_so(tmp_path: Path, text: str) -> None:
    path = tmp_path / "documents.json"
    path.write_text(text)
    with pytest.raises(ValueError, match="TRUSTED_DOCUMENTS"):
        read_documents(path)
    with pytest.raises(ValueError, match="TRUSTED_DOCUMENTS"):
        read_documents(tmp_path / "nowhere.json")


async def test_only_registered_documents_run_where_they_are_set(
    databases: Databases, clock: Clock, tmp_path: Path
) -> None:
    async with running_api(databases, clock, trusted_documents=written(tmp_path)) as api:
        before = await stored()
        for body in (
            {"query": VIEWER},
            {"documentId": id_of(VIEWER)},
            {"extensions": apollo(VIEWER)},
            {"query": VIEWER, "extensions": apollo(VIEWER)},
            {"query": f"{VIEWER}\n"},
            {"documentId": id_of(f"{VIEWER}\n")},
        ):
            assert (await post(api, **body)).json()["data"] == TESS
        for body, code in (
            ({"query": ADD}, "DOCUMENT_NOT_TRUSTED"),
            ({"query": VIEWER + " "}, "DOCUMENT_NOT_TRUSTED"),
            ({"query": ADD, "extensions": apollo(ADD)}, "DOCUMENT_NOT_TRUSTED"),
            ({"query": ADD, "documentId": id_of(ADD)}, "DOCUMENT_NOT_TRUSTED"),
            ({"extensions": apollo(ADD)}, "PERSISTED_QUERY_NOT_FOUND"),
            ({"documentId": "../viewer.graphql"}, "PERSISTED_QUERY_NOT_FOUND"),
            ({"query": ADD, "documentId": id_of(VIEWER)}, "BAD_REQUEST"),
            ({}, "BAD_REQUEST"),
        ):
            assert code_of(await post(api, **body)) == code, body
        assert await stored() == before


async def test_a_websocket_trusts_no_more(
    databases: Databases, clock: Clock, tmp_path: Path
) -> None:
    async with (
        running_api(databases, clock, trusted_documents=written(tmp_path)) as api,
        serving(api.app) as host,
        connected(host) as socket,
    ):
        await socket.sign_in(api.token)
        before = await stored()
        await socket.subscribe(ADD)
        message = await socket.receive()
        assert message["payload"][0]["extensions"]["code"] == "DOCUMENT_NOT_TRUSTED"
        assert await stored() == before
        assert (await socket.ask(VIEWER))["data"] == TESS
