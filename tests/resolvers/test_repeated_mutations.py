"""Every mutation may be repeated with an idempotency key, and then changes nothing."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from models import Customer, IdempotentRequest
from models.tables.access import Scope
from models.tables.audit import ActorContext
from tests.access_world import add_user, sign_in
from tests.clock import Clock
from tests.databases import Databases
from tests.graphql_client import (
    Api,
    Json,
    connected,
    document_of,
    running_api,
    serving,
    stored,
)
from tests.mutations import MUTATIONS, input_of
from tests.resolvers.test_dry_runs import ANY_SIZE
from tests.schema.whole_rows import whole

HEADER = "Idempotency-Key"
SAVED = "isReplayed isDryRun customer { id name version }"
SAVE = document_of("saveCustomer", SAVED)
ACME: Json = {"name": "Acme", "classCode": "CHARITY"}
VOLATILE = {"isReplayed", "secret", "url"}
TWINS = 20


@pytest.fixture
async def api(databases: Databases, clock: Clock) -> AsyncIterator[Api]:
    """Yield the running application; it accepts documents that select whole payloads."""
    async with running_api(databases, clock, **ANY_SIZE) as started:
        yield started


async def save(api: Api, key: str, token: str | None = None, **values: Any) -> Json:
    """Save a customer with a key in the header; return the payload."""
    sent = {"input": {**ACME, **values}}
    answer = await api.post(SAVE, sent, token=token, headers={HEADER: key})
    assert "errors" not in answer.json(), answer.json()
    payload: Json = answer.json()["data"]["saveCustomer"]
    return payload


async def code_of(api: Api, key: str, token: str | None = None, **values: Any) -> str:
    """Save a customer with a key in the header; return the code of the error."""
    sent = {"input": {**ACME, **values}}
    answer = await api.post(SAVE, sent, token=token, headers={HEADER: key})
    (error,) = answer.json()["errors"]
    return str(error["extensions"]["code"])


@pytest.mark.parametrize("mutation", MUTATIONS)
async def test_a_repeated_mutation_changes_nothing_and_shows_the_same(
    api: Api, act: ActorContext, mutation: str
) -> None:
    values = {"input": await input_of(mutation, api, act)}
    first = (await api.post(whole(mutation), values, headers={HEADER: "k"})).json()
    before = await stored()
    answer = await api.post(whole(mutation), values, headers={HEADER: "k"})
    again = answer.json()

    assert ("errors" in first, "errors" in again) == (False, False)
    shown, repeated = first["data"][mutation], again["data"][mutation]
    assert (shown["isReplayed"], shown["userErrors"]) == (False, [])
    assert (repeated["isReplayed"], repeated["userErrors"]) == (True, [])
    assert answer.headers["Idempotent-Replayed"] == "true"
    assert await stored() == before
    assert repeated.get("secret") is None
    for name in shown.keys() - VOLATILE:
        assert repeated[name] == shown[name], name


@pytest.mark.parametrize("mutation", MUTATIONS)
async def test_a_repeat_may_select_other_fields(api: Api, act: ActorContext, mutation: str) -> None:
    """The outcome is stored whole, whatever the first request selected."""
    values = {"input": await input_of(mutation, api, act)}
    bare = document_of(mutation, "isReplayed")
    await api.post(bare, values, headers={HEADER: "k"})
    plain = (await api.post(whole(mutation), values, headers={HEADER: "k"})).json()
    payload = plain["data"][mutation]
    own = {name: value for name, value in payload.items() if isinstance(value, dict)}
    assert payload["isReplayed"]
    assert any(own.values()) or any(
        payload.get(name) is not None
        for name in (
            "deletedId",
            "erasedId",
            "erasedEntryCount",
            "expiresAt",
            "redeliveredCount",
            "restartedLookupCount",
            *("suggestions", "jobs", "pausedKinds"),
            "savedCount",
        )
    )


async def test_a_repeat_shows_the_object_as_it_is_now(api: Api) -> None:
    first = await save(api, "k")
    await api.save_customer(id=first["customer"]["id"], name="Renamed")
    again = await save(api, "k")
    assert again["customer"] == {**first["customer"], "name": "Renamed", "version": 2}


async def test_a_repeat_shows_a_deleted_object_as_null(api: Api) -> None:
    first = await save(api, "k")
    await api.done("deleteCustomer", "deletedId", id=first["customer"]["id"])
    before = await stored()
    again = await save(api, "k")
    assert (again["isReplayed"], again["customer"], again["userErrors"]) == (True, None, [])
    assert await stored() == before


async def test_a_repeat_shows_an_object_out_of_reach_as_null(api: Api) -> None:
    """A partner's customer is handed to another partner before the partner repeats."""
    mine, other = [
        await api.save_customer(name=name, classCode="RESELLER_OTHER") for name in ("A", "B")
    ]
    user = await add_user(api, "Uma", Scope.CUSTOMERS_WRITE, resellerId=mine["id"])
    token = await sign_in(api, user, Scope.CUSTOMERS_WRITE)
    first = await save(api, "k", token)
    await api.save_customer(id=first["customer"]["id"], parentId=other["id"])
    again = await save(api, "k", token)
    assert (again["isReplayed"], again["customer"]) == (True, None)


async def test_a_repeat_is_masked_as_the_caller_is_now(databases: Databases, clock: Clock) -> None:
    async with running_api(databases, clock, personal_data_needs_scope=True) as api:
        scopes = (Scope.CUSTOMERS_WRITE, Scope.PERSONAL_DATA_READ)
        user = await add_user(api, "Uma", *scopes)
        seeing, masked = [
            await sign_in(api, user, *some) for some in (scopes, (Scope.CUSTOMERS_WRITE,))
        ]
        person = {"name": "Ann Archer", "classCode": "RESIDENTIAL"}
        first = await save(api, "k", seeing, **person)
        again = await save(api, "k", masked, **person)
        assert first["customer"]["name"] == "Ann Archer"
        assert again["isReplayed"]
        assert again["customer"]["name"] != "Ann Archer"


async def test_the_permission_is_checked_before_the_key_is_looked_up(api: Api) -> None:
    user = await add_user(api, "Uma", Scope.CUSTOMERS_WRITE)
    writing = await sign_in(api, user, Scope.CUSTOMERS_WRITE)
    reading = await sign_in(api, user, Scope.CUSTOMERS_READ)
    await save(api, "k", writing)
    assert await code_of(api, "k", reading) == "FORBIDDEN"
    assert await code_of(api, "k", reading, name="Other") == "FORBIDDEN"


@pytest.mark.parametrize(
    ("mutation", "values"),
    [
        ("saveCustomer", {**ACME, "name": "Other"}),
        ("saveCustomer", {**ACME, "externalReference": None}),  # null is not the same as left out
        ("saveCustomer", {**ACME, "profile": {"employees": 1}}),
        ("saveUser", {"name": "Acme"}),  # another mutation
    ],
)
async def test_another_request_with_the_key_is_refused(
    api: Api, mutation: str, values: Json
) -> None:
    await save(api, "k")
    before = await stored()
    document = document_of(mutation, "isReplayed")
    answer = await api.post(document, {"input": values}, headers={HEADER: "k"})
    (error,) = answer.json()["errors"]
    assert error["extensions"]["code"] == "IDEMPOTENCY_KEY_REUSED"
    assert await stored() == before


async def test_names_aliases_and_selections_do_not_count(api: Api) -> None:
    await save(api, "k")
    literal = (
        'mutation Other($key: String!) { x: saveCustomer(input: { classCode: "CHARITY",'
        ' name: "Acme", dryRun: false }) @idempotent(key: $key) { isReplayed } }'
    )
    assert (await api.data(literal, key="k"))["x"] == {"isReplayed": True}


async def test_keys_are_of_the_owner_of_the_credential(api: Api) -> None:
    """The tokens of a user share keys, also after a rotation; other users have their own."""
    users = [await add_user(api, name, Scope.CUSTOMERS_WRITE) for name in ("Uma", "Una")]
    tokens = [
        await sign_in(api, user, Scope.CUSTOMERS_WRITE) for user in (users[0], users[0], users[1])
    ]
    made = [await save(api, "k", token) for token in (*tokens, None)]
    assert [one["isReplayed"] for one in made] == [False, True, False, False]
    assert len({one["customer"]["id"] for one in made}) == 3


async def test_refusals_are_not_stored(api: Api) -> None:
    """A retry is judged anew, with other values too."""
    answer = await save(api, "k", classCode="NO_SUCH_CLASS")
    assert [error["code"] for error in answer["userErrors"]] == ["NOT_FOUND"]
    assert not await IdempotentRequest.exists()
    assert (await save(api, "k"))["isReplayed"] is False


async def test_bugs_are_not_stored(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr("models.changes.customer_values.search_key_of", None)
        assert await code_of(api, "k") == "INTERNAL_ERROR"
    assert not await IdempotentRequest.exists()
    assert (await save(api, "k"))["isReplayed"] is False


async def test_dry_runs_neither_read_nor_write_keys(api: Api) -> None:
    tried = await save(api, "k", dryRun=True)
    assert (tried["isReplayed"], tried["isDryRun"]) == (False, True)
    assert not await IdempotentRequest.exists()
    first = await save(api, "k")
    for name in ("Acme", "Other"):
        tried = await save(api, "k", name=name, dryRun=True)
        assert (tried["isReplayed"], tried["customer"]["name"]) == (False, name)
        assert tried["customer"]["id"] != first["customer"]["id"]


async def test_the_keys_of_several_mutations_are_independent(api: Api) -> None:
    document = (
        "mutation($a: String!, $b: String!, $i: SaveCustomerInput!) {"
        " a: saveCustomer(input: $i) @idempotent(key: $a) { isReplayed }"
        " b: saveCustomer(input: $i) @idempotent(key: $b) { isReplayed }"
        " c: saveCustomer(input: $i) { isReplayed } }"
    )
    made = [await api.data(document, i=ACME, a="1", b=key) for key in ("2", "3")]
    assert [[one["isReplayed"] for one in data.values()] for data in made] == [
        [False, False, False],
        [True, False, False],
    ]
    assert await Customer.all().count() == 5


@pytest.mark.parametrize("is_directive", [True, False])
async def test_twins_run_once(api: Api, *, is_directive: bool) -> None:
    """R57: the other ones are told to repeat, or on SQLite wait and get the result."""
    document = (
        "mutation($i: SaveCustomerInput!, $k: String!) {"
        f" saveCustomer(input: $i) @idempotent(key: $k) {{ {SAVED} }} }}"
    )

    async def send() -> tuple[int, str, str | None]:
        if is_directive:
            answer = await api.post(document, {"i": ACME, "k": "k"})
        else:
            answer = await api.post(SAVE, {"input": ACME}, headers={HEADER: "k"})
        body = answer.json()
        if "errors" in body:
            extensions = body["errors"][0]["extensions"]
            assert (extensions["retryable"], extensions["retryAfterSeconds"]) == (True, 1)
            return answer.status_code, extensions["code"], answer.headers["Retry-After"]
        return answer.status_code, str(body["data"]["saveCustomer"]["isReplayed"]), None

    told = Counter(await asyncio.gather(*(send() for _ in range(TWINS))))
    waiting = (409, "IDEMPOTENCY_IN_PROGRESS", "1")
    assert told[200, "False", None] == 1
    assert told[200, "True", None] + told[waiting] == TWINS - 1
    if not api.platform.database.is_postgres:
        assert told[waiting] == 0
    assert (await Customer.all().count(), await IdempotentRequest.all().count()) == (1, 1)
    assert (await send())[1] == "True"


async def test_a_running_twin_is_told_at_once_on_postgresql(api: Api) -> None:
    """It holds no connection meanwhile, so that others are served."""
    database = api.platform.database
    if not database.is_postgres:
        pytest.skip("on SQLite, twins wait")
    caller = (await api.data("{ viewer { id } }"))["viewer"]["id"].replace("vwr_", "tok_")
    has_begun, may_end = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        from models.storage.locks import lock_name  # noqa: PLC0415  # for this test only

        await lock_name(f"{caller}|k")
        has_begun.set()
        await may_end.wait()

    holding = asyncio.create_task(database.transaction(hold))
    await has_begun.wait()
    assert await code_of(api, "k") == "IDEMPOTENCY_IN_PROGRESS"
    may_end.set()
    await holding
    assert (await save(api, "k"))["isReplayed"] is False


async def test_websockets_take_the_directive(api: Api) -> None:
    document = (
        "mutation($i: SaveCustomerInput!, $k: String!) {"
        " saveCustomer(input: $i) @idempotent(key: $k) { isReplayed } }"
    )
    seen = []
    async with serving(api.app) as address, connected(address) as socket:
        await socket.sign_in(api.token)
        for name in ("Acme", "Acme", "Other"):
            operation = await socket.subscribe(document, i={**ACME, "name": name}, k="k")
            message = await socket.receive()
            payload = message["payload"]
            seen.append(
                payload["data"]["saveCustomer"] or payload["errors"][0]["extensions"]["code"]
            )
            assert await socket.receive() == {"type": "complete", "id": operation}
    assert seen == [{"isReplayed": False}, {"isReplayed": True}, "IDEMPOTENCY_KEY_REUSED"]


async def test_nothing_of_the_request_is_stored_in_clear(api: Api) -> None:
    key = "key-of-ann@example.org"
    await save(api, key, name="Ann Archer")
    row = await IdempotentRequest.get()
    texts = f"{row.id} {row.caller} {row.operation} {row.fingerprint} {row.outcome}"
    assert "Ann" not in texts
    assert key not in texts
    assert (row.operation, set(row.outcome)) == ("saveCustomer", {"customer"})
    assert row.created_at == api.clock()


async def test_keys_end_with_their_retention(api: Api) -> None:
    await save(api, "k")
    api.clock.advance(timedelta(hours=47))
    assert (await save(api, "k"))["isReplayed"]


async def test_a_value_left_open_is_not_the_value_that_the_first_request_sent(api: Api) -> None:
    """A stand-in goes on with `REFUSE`, which must not repeat the request that sent it."""
    await save(api, "k", onConflict="REFUSE")
    assert await code_of(api, "k", onConflict=None) == "IDEMPOTENCY_KEY_REUSED"
    (fault,) = (await api.data(SAVE, input={**ACME, "onConflict": None}))["saveCustomer"][
        "userErrors"
    ]
    assert (fault["code"], fault["path"]) == ("REQUIRED", ["onConflict"])
