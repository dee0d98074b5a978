"""The limit on invalid tokens and links per client address; valid ones are always served."""

import asyncio
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from models import AccessToken
from models.tables.access import Principal
from tests.clock import Clock
from tests.databases import Databases
from tests.graphql_client import (
    Api,
    connected,
    counted_statements,
    running_api,
    serving,
    stored,
)
from tests.web.confirmation_pages import UNKNOWN, ask, guarded
from web.auth_failure_limiter import AuthFailureLimiter, SignIn, TooManyAuthFailures, limiter_key

SECOND = timedelta(seconds=1)
VIEWER = "{ viewer { name } }"
WELL_FORMED = "ccl_" + "A" * 43


def guessing(clock: Clock, failures: int = 3, **settings: Any) -> AuthFailureLimiter:
    """Return a limiter that allows `failures` failures a minute."""
    return AuthFailureLimiter(clock, failures, timedelta(minutes=1), **settings)


def wait_after(limit: AuthFailureLimiter, address: str) -> int | None:
    """Count a failure; return the seconds to wait if it exceeds the limit, else None."""
    try:
        limit.fail(address)
    except TooManyAuthFailures as refused:
        return refused.retry_after
    return None


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),  # IPv4 through an IPv6 socket
        ("", ""),  # no address, for example over a Unix socket
        ("a:b", "a:b"),
    ],
)
def test_an_address_of_ipv6_counts_as_its_network(address: str, key: str) -> None:
    assert limiter_key(address) == key


def test_failures_are_allowed_at_once_and_then_at_the_same_rate(clock: Clock) -> None:
    limit = guessing(clock)
    assert [wait_after(limit, "192.0.2.1") for _ in range(5)] == [None, None, None, 20, 20]
    clock.advance(19 * SECOND)
    assert wait_after(limit, "192.0.2.1") == 1
    clock.advance(1 * SECOND)
    assert [wait_after(limit, "192.0.2.1") for _ in range(2)] == [None, 20]
    clock.advance(timedelta(minutes=1))
    assert [wait_after(limit, "192.0.2.1") for _ in range(4)] == [None, None, None, 20]


def test_addresses_are_counted_apart_and_networks_together(clock: Clock) -> None:
    limit = guessing(clock, 1)
    assert wait_after(limit, "192.0.2.1") is None
    assert wait_after(limit, "192.0.2.2") is None
    assert wait_after(limit, "2001:db8::1") is None
    assert wait_after(limit, "2001:db8::2") == 60
    assert wait_after(limit, "2001:db8:0:1::2") is None


def test_a_clock_that_is_set_back_locks_nobody_out(clock: Clock) -> None:
    limit = guessing(clock, 1)
    assert wait_after(limit, "192.0.2.1") is None
    clock.advance(timedelta(hours=-1))
    assert [wait_after(limit, "192.0.2.1") for _ in range(2)] == [None, 60]


def test_a_flood_of_addresses_fills_no_memory(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Pytest would keep the 40,000 log lines, which take most of the time.
    silent = SimpleNamespace(info=lambda *_, **__: None)
    monkeypatch.setattr("web.auth_failure_limiter.log", silent)
    limit = guessing(clock, most_addresses=1000)
    tracemalloc.start()
    try:
        for number in range(20_000):
            limit.fail(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")
        for number in range(20_000):
            limit.fail(f"2001:db8:{number:x}::1")
        limiter_key.cache_clear()
        used, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(limit) == 1000
    assert used < 1_000_000


async def test_who_signs_in_is_never_refused_and_who_sends_nothing_guesses_nothing(
    clock: Clock,
) -> None:
    known = Principal("tok_1", "Ann", frozenset())

    async def identify(authorization: str | None) -> Principal | None:
        return known if authorization == "good" else None

    limit = guessing(clock, 2)
    sign_in = SignIn(identify, limit)
    for _ in range(5):
        assert await sign_in(None, "192.0.2.1") is None
    assert len(limit) == 0
    for _ in range(2):
        assert await sign_in("bad", "192.0.2.1") is None
    with pytest.raises(TooManyAuthFailures):
        await sign_in("bad", "192.0.2.1")
    assert await sign_in("good", "192.0.2.1") == known
    assert await sign_in("bad", "192.0.2.2") is None


async def test_a_failure_on_our_side_is_nobodys_guess(clock: Clock) -> None:
    async def identify(_: str | None) -> Principal | None:
        raise ConnectionRefusedError

    limit = guessing(clock, 1)
    with pytest.raises(ConnectionRefusedError):
        await SignIn(identify, limit)("bad", "192.0.2.1")
    assert len(limit) == 0


async def test_beyond_the_limit_guesses_are_looked_up_one_after_the_other(clock: Clock) -> None:
    running, most = 0, 0

    async def identify(_: str | None) -> Principal | None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1
        return None

    sign_in = SignIn(identify, guessing(clock, 10))
    await asyncio.gather(*(sign_in("bad", "192.0.2.1") for _ in range(10)))
    assert most == 10
    most = 0
    refused = await asyncio.gather(
        *(sign_in("bad", "192.0.2.1") for _ in range(10)), return_exceptions=True
    )
    assert [type(one) for one in refused] == [TooManyAuthFailures] * 10
    assert most == 1


async def test_who_has_signed_in_before_does_not_queue_with_those_who_guess(clock: Clock) -> None:
    known = Principal("tok_1", "Ann", frozenset())
    go_on = asyncio.Event()

    async def identify(authorization: str | None) -> Principal | None:
        if authorization == "good":
            return known
        await go_on.wait()
        return None

    limit = guessing(clock, 1)
    limit.fail("192.0.2.1")
    sign_in = SignIn(identify, limit)
    assert await sign_in("good", "192.0.2.1") == known
    guesses = asyncio.gather(
        *(sign_in("bad", "192.0.2.1") for _ in range(5)), return_exceptions=True
    )
    await asyncio.sleep(0)
    assert await asyncio.wait_for(sign_in("good", "192.0.2.1"), 5) == known
    go_on.set()
    assert [type(one) for one in await guesses] == [TooManyAuthFailures] * 5


@asynccontextmanager
async def limited(databases: Databases, clock: Clock) -> AsyncIterator[Api]:
    async with running_api(
        databases, clock, auth_failure_limit=3, auth_failure_window_s=60
    ) as started:
        yield started


def outcome(response: httpx.Response) -> tuple[int, str | None, str | None]:
    """Return status, code and Retry-After."""
    code = None
    if "json" in response.headers["content-type"] and "errors" in response.json():
        code = response.json()["errors"][0]["extensions"]["code"]
    return response.status_code, code, response.headers.get("retry-after")


NOT_SIGNED_IN, LIMITED = (401, "UNAUTHENTICATED", None), (429, "RATE_LIMITED", "20")


async def test_guesses_by_every_door_count_together_and_a_valid_token_is_served(
    databases: Databases, clock: Clock
) -> None:
    """R95."""
    asks = {"Authorization": f"Bearer {WELL_FORMED}"}
    async with limited(databases, clock) as api:
        before = await stored()
        seen = [await api.post(VIEWER, token=WELL_FORMED)]
        seen.append(await api.http.get("/schema.graphql", headers=asks))
        seen.append(await api.http.get("/exports/consent-evidence.csv", headers=asks))
        assert [outcome(one) for one in seen] == [NOT_SIGNED_IN] * 3
        seen = [await api.post(VIEWER, token=WELL_FORMED)]
        for path in (
            "/schema.graphql",
            "/exports/consent-evidence.csv",
            "/exports/delivery-exposure.csv",
        ):
            seen.append(await api.http.get(path, headers=asks))
        assert [outcome(one) for one in seen] == [LIMITED] * 4
        plain = await api.http.get("/schema.graphql", headers=asks | {"Accept": "text/html"})
        assert (plain.status_code, plain.text) == (
            429,
            "Too many sign-ins from your address have failed. Try again in 20 s.\n",
        )
        assert plain.headers["retry-after"] == "20"
        assert await api.data(VIEWER) == {"viewer": {"name": "Tess Tester"}}
        nothing = await api.http.post("/graphql", json={"query": VIEWER})
        assert outcome(nothing) == NOT_SIGNED_IN
        clock.advance(20 * SECOND)
        assert outcome(await api.post(VIEWER, token=WELL_FORMED)) == NOT_SIGNED_IN
        assert await stored() == before


@pytest.mark.parametrize(
    "token",
    ["", "ccl_", "ccl_" + "A" * 42, "ccl_" + "A" * 44, "ccx_" + "A" * 43, "ccl_" + "!" * 43, "é"],
)
async def test_a_token_of_another_form_reaches_no_database(
    databases: Databases, clock: Clock, token: str
) -> None:
    async with limited(databases, clock) as api:
        headers = [(b"Authorization", f"Bearer {token}".encode())]
        with counted_statements() as seen:
            for _ in range(5):
                await api.http.post("/graphql", json={"query": VIEWER}, headers=headers)
        assert seen == []


async def test_a_token_that_is_known_to_be_wrong_is_not_looked_for_again(
    databases: Databases, clock: Clock
) -> None:
    """Until tokens change: then it may have become valid, for example if a row is restored."""
    async with running_api(databases, clock) as api:
        await api.post(VIEWER)
        await api.change_tokens("Tess Tester", revoked_at=clock())
        assert (await api.post(VIEWER)).status_code == 401
        with counted_statements() as seen:
            assert (await api.post(VIEWER)).status_code == 401
        assert [one for one in seen if "access_token" in one] == []
        await api.change_tokens("Tess Tester", revoked_at=None)
        assert (await api.post(VIEWER)).status_code == 200
        assert await AccessToken.all().count() == 1


async def test_guesses_over_a_websocket_count_too(databases: Databases, clock: Clock) -> None:
    async with limited(databases, clock) as api, serving(api.app) as address:
        ends = []
        for _ in range(4):
            async with connected(address) as socket:
                payload = {"Authorization": f"Bearer {WELL_FORMED}"}
                await socket.send(type="connection_init", payload=payload)
                ends.append(await socket.closed_with_reason())
        assert ends == [(4401, "The token is missing or not valid")] * 3 + [
            (1013, "Too many sign-ins from your address have failed. Try again in 20 s.")
        ]
        assert outcome(await api.post(VIEWER, token=WELL_FORMED)) == LIMITED
        async with connected(address) as socket:
            await socket.sign_in(api.token)


@pytest.mark.parametrize("page", ["confirm", "withdraw"])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_wrong_links_are_limited_and_the_right_one_still_works(
    databases: Databases, clock: Clock, page: str, method: str
) -> None:
    """R67."""
    async with limited(databases, clock) as api:
        mail = await ask(api)
        before = await stored()
        for _ in range(3):
            assert (await api.http.request(method, f"/{page}/{UNKNOWN}")).status_code == 404
        response = await api.http.request(method, f"/{page}/{UNKNOWN}")
        assert (response.status_code, response.headers["retry-after"]) == (429, "20")
        assert "Too many wrong links" in guarded(response).words
        assert outcome(await api.post(VIEWER, token=WELL_FORMED)) == LIMITED
        assert await stored() == before
        assert (await api.http.post(mail.path())).status_code == 200


async def test_a_wrong_link_takes_no_transaction(databases: Databases, clock: Clock) -> None:
    """On SQLite a transaction would block all writers."""
    async with running_api(databases, clock) as api:
        with counted_statements() as seen:
            await api.http.post("/confirm/short")
        assert seen == []
        with counted_statements() as seen:
            await api.http.post(f"/confirm/{UNKNOWN}")
        assert [one.split()[0] for one in seen] == ["SELECT"]
