"""The identity provider's keys: fetching, caching, rotation, and use during an outage."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta
from typing import Any

import aiohttp
import pytest
import trustme
from aiohttp import web

from identity.errors import ProviderUnavailable, TokenRefused
from identity.keys import Keys, keys_of
from identity.provider import KeyRefreshPolicy, Provider
from tests.clock import Clock
from tests.identity_provider import (
    AUDIENCE,
    DISCOVERY,
    JWKS,
    IdentityProvider,
    identity_provider,
    key_pair,
    public,
)

FIRST, SECOND = key_pair("RSA"), key_pair("RSA", 2)
KEY_REFRESH = KeyRefreshPolicy(
    lifetime=timedelta(minutes=10),
    grace=timedelta(hours=2),
    pause=timedelta(seconds=10),
)


@pytest.fixture
async def remote(clock: Clock) -> AsyncIterator[IdentityProvider]:
    """Yield a provider that publishes the first key."""
    async with identity_provider(clock) as served:
        yield served


@pytest.fixture
async def opened(remote: IdentityProvider, clock: Clock) -> AsyncIterator[Callable[..., Any]]:
    """Yield a function that opens the provider's keys with the given settings."""
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession())

        async def open_keys(**settings: Any) -> Keys:
            given = {
                "issuer": remote.issuer,
                "audience": AUDIENCE,
                "key_refresh": KEY_REFRESH,
                **settings,
            }
            return await stack.enter_async_context(keys_of(Provider(**given), session, clock))

        yield open_keys


@pytest.fixture
async def keys(opened: Callable[..., Any]) -> Keys:
    """Return opened keys that have not been fetched yet."""
    made: Keys = await opened()
    return made


async def kid_of(keys: Keys, kid: str | None = FIRST.kid) -> str | None:
    return (await keys.find(kid, "RS256")).kid


async def refused(keys: Keys, kid: str | None) -> None:
    with pytest.raises(TokenRefused, match="UNKNOWN_KEY"):
        await keys.find(kid, "RS256")


async def unavailable(keys: Keys) -> None:
    with pytest.raises(ProviderUnavailable) as raised:
        await keys.find(FIRST.kid, "RS256")
    assert raised.value.wait == 10


async def fetched(keys: Keys) -> None:
    """Wait until the fetch in the background has ended."""
    fetching = keys._fetching
    assert fetching is not None
    await fetching


async def until(holds: Callable[[], bool]) -> None:
    """Wait until `holds()` is true, because keys are fetched in the background."""
    async with asyncio.timeout(60):
        while not holds():  # noqa: ASYNC110  # nobody tells
            await asyncio.sleep(0.002)


async def test_nothing_is_asked_before_the_first_token_and_then_once(
    keys: Keys, remote: IdentityProvider
) -> None:
    assert remote.asked == []
    found = await asyncio.gather(*(kid_of(keys) for _ in range(20)))
    assert set(found) == {FIRST.kid}
    assert remote.asked == [DISCOVERY, JWKS]


async def test_a_set_address_of_keys_spares_discovery(
    opened: Callable[..., Any], remote: IdentityProvider
) -> None:
    keys = await opened(jwks_url=f"{remote.issuer}{JWKS}")
    assert await kid_of(keys) == FIRST.kid
    assert remote.asked == [JWKS]


async def test_keys_are_fetched_again_in_the_background_when_they_are_old(
    keys: Keys, remote: IdentityProvider, clock: Clock
) -> None:
    await kid_of(keys)
    version = keys.version
    clock.advance(timedelta(minutes=9, seconds=59))
    assert await kid_of(keys) == FIRST.kid
    assert remote.fetches() == 1
    remote.rotate(SECOND)
    clock.advance(timedelta(seconds=1))
    assert await kid_of(keys) == FIRST.kid  # no caller waits for it
    await until(lambda: keys.version != version)
    await refused(keys, FIRST.kid)  # the key was withdrawn
    assert await kid_of(keys, SECOND.kid) == SECOND.kid
    assert remote.fetches() == 2


async def test_the_version_alone_keeps_keys_fresh(
    keys: Keys, remote: IdentityProvider, clock: Clock
) -> None:
    """A cached sign-in does not look up its key, so it compares versions to notice a withdrawal."""
    assert keys.version is None  # no keys are known, so no token is trusted
    await kid_of(keys)
    version = keys.version
    assert version is not None
    clock.advance(timedelta(minutes=10))
    assert keys.version == version
    await fetched(keys)
    assert (remote.fetches(), keys.version) == (2, version)  # the same keys
    remote.rotate(SECOND)
    clock.advance(timedelta(minutes=10))
    assert keys.version == version
    await fetched(keys)
    assert keys.version == version + 1


async def test_a_key_that_came_meanwhile_is_found_by_its_first_token(
    keys: Keys, remote: IdentityProvider, clock: Clock
) -> None:
    await kid_of(keys)
    remote.rotate(SECOND, FIRST)
    clock.advance(timedelta(seconds=10))
    assert await kid_of(keys, SECOND.kid) == SECOND.kid
    assert await kid_of(keys) == FIRST.kid
    assert remote.fetches() == 2


async def test_made_up_key_ids_cause_one_question_in_each_pause(
    keys: Keys, remote: IdentityProvider, clock: Clock
) -> None:
    await kid_of(keys)
    for pauses in range(4):
        await asyncio.gather(*(refused(keys, f"made-up-{pauses}-{n}") for n in range(50)))
        assert remote.fetches() == 1 + pauses
        clock.advance(timedelta(seconds=9))
        await refused(keys, "made-up")
        assert remote.fetches() == 1 + pauses
        clock.advance(timedelta(seconds=1))
    # Even so, a new key is found at the next lookup.
    remote.rotate(SECOND)
    assert await kid_of(keys, SECOND.kid) == SECOND.kid


async def test_a_token_without_a_key_id_causes_no_question(
    keys: Keys, remote: IdentityProvider, clock: Clock
) -> None:
    remote.keys = [public(FIRST), public(SECOND)]
    await kid_of(keys)
    clock.advance(timedelta(seconds=60))
    await refused(keys, None)
    assert remote.fetches() == 1


async def test_known_keys_serve_through_an_outage_for_the_grace_and_no_longer(
    keys: Keys, remote: IdentityProvider, clock: Clock
) -> None:
    await kid_of(keys)
    version = keys.version
    remote.answers[JWKS] = lambda: web.Response(status=503)
    clock.advance(timedelta(minutes=10))
    assert await kid_of(keys) == FIRST.kid
    await until(lambda: keys.fault == "STATUS_503")
    clock.advance(timedelta(hours=2) - timedelta(seconds=1))
    assert await kid_of(keys) == FIRST.kid
    assert keys.version == version
    clock.advance(timedelta(seconds=1))
    assert keys.version is None
    await unavailable(keys)
    asked = len(remote.asked)
    await unavailable(keys)
    assert len(remote.asked) == asked  # the provider is not asked again during the pause
    del remote.answers[JWKS]
    clock.advance(timedelta(seconds=10))
    assert await kid_of(keys) == FIRST.kid
    assert (keys.version, keys.fault) == (version, None)


class Slow(web.StreamResponse):
    """A response that starts and never ends."""

    async def prepare(self, request: Any) -> Any:
        writer = await super().prepare(request)
        await asyncio.Event().wait()
        return writer


FAULTS: list[tuple[str, Callable[[], web.StreamResponse], str]] = [
    (JWKS, lambda: web.Response(status=500), "STATUS_500"),
    (JWKS, lambda: web.Response(status=404), "STATUS_404"),
    (JWKS, lambda: web.Response(text="<html>"), "NOT_JSON"),
    (JWKS, lambda: web.Response(body=b"\xff\xfe"), "NOT_JSON"),
    (JWKS, lambda: web.json_response([]), "NOT_JSON"),
    (JWKS, lambda: web.json_response({}), "NO_KEYS"),
    (JWKS, lambda: web.json_response({"keys": "none"}), "NO_KEYS"),
    (JWKS, lambda: web.json_response({"keys": []}), "NO_KEYS"),
    (JWKS, lambda: web.json_response({"keys": [{"kty": "oct", "k": "YQ"}]}), "NO_KEYS"),
    (JWKS, lambda: web.Response(body=b" " * 262_145), "TOO_LARGE"),
    (DISCOVERY, lambda: web.Response(body=b" " * 262_145), "TOO_LARGE"),
    (DISCOVERY, lambda: web.Response(status=404), "STATUS_404"),
    (DISCOVERY, lambda: web.json_response({}), "WRONG_ISSUER"),
]


@pytest.mark.parametrize(("path", "answer", "code"), FAULTS)
async def test_a_provider_that_does_not_answer_as_it_must_lets_nobody_in(
    keys: Keys,
    remote: IdentityProvider,
    path: str,
    answer: Callable[[], web.StreamResponse],
    code: str,
) -> None:
    remote.answers[path] = answer
    await unavailable(keys)
    assert keys.fault == code


@pytest.mark.parametrize("path", [DISCOVERY, JWKS])
async def test_a_provider_that_is_slow_is_waited_for_so_long_and_no_longer(
    opened: Callable[..., Any], remote: IdentityProvider, path: str
) -> None:
    keys = await opened(key_refresh=replace(KEY_REFRESH, timeout_s=0.2))
    remote.answers[path] = Slow
    async with asyncio.timeout(60):
        await unavailable(keys)
    assert keys.fault == "TIMED_OUT"


async def test_a_provider_that_is_not_there_lets_nobody_in(opened: Callable[..., Any]) -> None:
    keys = await opened(issuer="http://127.0.0.1:9/realm")
    await unavailable(keys)
    assert keys.fault == "NO_CONNECTION"


@pytest.mark.parametrize(("is_trusted", "fault"), [(True, None), (False, "NO_CONNECTION")])
async def test_a_provider_must_be_who_its_certificate_says(
    clock: Clock, is_trusted: bool, fault: str | None
) -> None:
    authority, certificate = trustme.CA(), ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(certificate)
    known = ssl.create_default_context()
    if is_trusted:
        authority.configure_trust(known)
    async with (
        identity_provider(clock, certificate) as remote,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=known)) as session,
        keys_of(Provider(remote.issuer, AUDIENCE), session, clock) as keys,
    ):
        assert remote.issuer.startswith("https://")
        if is_trusted:
            assert await kid_of(keys) == FIRST.kid
        else:
            await unavailable(keys)
        assert keys.fault == fault


@pytest.mark.parametrize("path", [DISCOVERY, JWKS])
async def test_redirects_are_not_followed(keys: Keys, remote: IdentityProvider, path: str) -> None:
    def elsewhere() -> web.Response:
        return web.Response(status=302, headers={"Location": f"{remote.url}/realm/other"})

    remote.answers[path] = elsewhere
    await unavailable(keys)
    assert keys.fault == "STATUS_302"
    assert "/other" not in remote.asked


@pytest.mark.parametrize(
    ("about", "code"),
    [
        ({"issuer": "https://evil.example"}, "WRONG_ISSUER"),
        ({"issuer": None}, "WRONG_ISSUER"),
        ({"jwks_uri": None}, "UNTRUSTED_KEYS_ADDRESS"),
        ({"jwks_uri": "http://10.0.0.1/keys"}, "UNTRUSTED_KEYS_ADDRESS"),
        ({"jwks_uri": "https://user:secret@id.example/keys"}, "UNTRUSTED_KEYS_ADDRESS"),
        ({"jwks_uri": "file:///etc/passwd"}, "UNTRUSTED_KEYS_ADDRESS"),
        ({"jwks_uri": "/keys"}, "UNTRUSTED_KEYS_ADDRESS"),
    ],
)
async def test_a_description_of_another_or_of_untrusted_keys_is_not_believed(
    keys: Keys, remote: IdentityProvider, about: dict[str, Any], code: str
) -> None:
    remote.about = {"issuer": remote.issuer, "jwks_uri": f"{remote.issuer}{JWKS}", **about}
    await unavailable(keys)
    assert keys.fault == code
    assert remote.asked == [DISCOVERY]


async def test_who_gives_up_waiting_takes_the_keys_from_nobody(
    opened: Callable[..., Any], remote: IdentityProvider
) -> None:
    keys = await opened()
    asked, answered = asyncio.Event(), asyncio.Event()

    class Late(web.Response):
        async def prepare(self, request: Any) -> Any:
            asked.set()
            await answered.wait()
            return await super().prepare(request)

    about = {"issuer": remote.issuer, "jwks_uri": f"{remote.issuer}{JWKS}"}
    late = web.json_response(about)
    remote.answers[DISCOVERY] = lambda: Late(body=late.body, content_type="application/json")
    impatient = asyncio.create_task(kid_of(keys))
    await asked.wait()
    patient = asyncio.create_task(kid_of(keys))
    impatient.cancel()
    await asyncio.gather(impatient, return_exceptions=True)
    assert impatient.cancelled()
    answered.set()
    assert await patient == FIRST.kid
    assert remote.asked == [DISCOVERY, JWKS]


async def test_a_clock_that_was_set_back_stops_nothing(
    keys: Keys, remote: IdentityProvider, clock: Clock
) -> None:
    await kid_of(keys)
    remote.rotate(SECOND)
    clock.advance(-timedelta(days=1))
    assert await kid_of(keys, SECOND.kid) == SECOND.kid
