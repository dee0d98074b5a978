"""Signing in with the identity provider's tokens, over HTTP and WebSockets."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
import structlog
from aiohttp import web

from models import AuditEntry, GroupMembership, Heartbeat, User, UserGroup
from models.tables.access import Scope, issue_token
from tests.clock import Clock
from tests.databases import Databases
from tests.graphql_client import (
    ENOUGH_S,
    Api,
    Json,
    connected,
    counted_statements,
    running_api,
    serving,
    stored,
    wait_for_subscriptions,
)
from tests.identity_provider import (
    AUDIENCE,
    JWKS,
    IdentityProvider,
    identity_provider,
    key_pair,
    signed,
)

VIEWER = "{ viewer { name scopes credential { actorId } } }"
COUNT = "{ customers { totalCount } }"
FOLLOW = "subscription($id: ID!) { customerEnriched(customerId: $id) { name } }"


@pytest.fixture
async def provider(clock: Clock) -> AsyncIterator[IdentityProvider]:
    """Yield the organisation's identity provider."""
    async with identity_provider(clock) as served:
        yield served


@pytest.fixture
async def api(databases: Databases, clock: Clock, provider: IdentityProvider) -> AsyncIterator[Api]:
    """Yield the application, which trusts that provider."""
    settings: Json = {"oidc_issuer": provider.issuer, "oidc_audience": AUDIENCE}
    async with running_api(databases, clock, **settings) as started:
        yield started


async def group(api: Api, name: str, *scopes: Scope) -> UserGroup:
    """Store a group with an external name that the provider uses in claims."""
    return await UserGroup.create(
        name=name,
        name_key=name,
        external_name=name,
        permissions=list(scopes),
        created_at=api.clock(),
        last_modified_at=api.clock(),
    )


async def status(api: Api, token: str) -> int:
    return (await api.post(VIEWER, token=token)).status_code


async def test_a_user_is_made_when_first_seen_and_recorded(
    api: Api, provider: IdentityProvider
) -> None:
    """R96: the audit entry names the platform as the actor."""
    token = provider.token(name="Alice Able", email="Alice@ID.example")
    viewer = (await api.data(VIEWER, token=token))["viewer"]
    user = await User.get()
    named = {"name": "Alice Able", "scopes": [], "credential": {"actorId": user.id}}
    assert viewer == named
    assert (user.issuer, user.subject) == (provider.issuer, "alice")
    assert (user.email, user.permissions, user.version) == ("Alice@id.example", [], 1)
    entry = await AuditEntry.get(operation="user.provisioned")
    assert (entry.subject_id, entry.actor_id, entry.before) == (user.id, "system", {})
    assert entry.after["name"] == "Alice Able"
    assert (await api.error(COUNT, token=token))["extensions"]["code"] == "FORBIDDEN"


async def test_many_first_requests_at_once_make_one_user(
    api: Api, provider: IdentityProvider
) -> None:
    tokens = [provider.token(jti=str(number)) for number in range(12)]
    answers = await asyncio.gather(*(api.data(VIEWER, token=token) for token in tokens))
    user = await User.get()
    assert {answer["viewer"]["credential"]["actorId"] for answer in answers} == {user.id}
    assert await AuditEntry.filter(operation="user.provisioned").count() == 1
    assert provider.fetches() == 1


async def test_a_user_may_do_what_it_its_groups_and_the_claimed_groups_may(
    api: Api, provider: IdentityProvider
) -> None:
    """R93."""
    await api.data(VIEWER, token=provider.token())
    user = await User.get()
    joined = await group(api, "joined", Scope.CONTACTS_READ)
    await GroupMembership.create(group=joined, user=user, joined_at=api.clock())
    await group(api, "claimed", Scope.CUSTOMERS_WRITE)
    await group(api, "other", Scope.ACCESS_ADMINISTER)
    await User.all().update(permissions=[Scope.CONSENT_READ])
    api.clock.advance(timedelta(seconds=31))
    cases: list[tuple[Any, set[str]]] = [
        (None, set()),
        (["claimed", "unheard of"], {"CUSTOMERS_READ", "CUSTOMERS_WRITE"}),
        ("claimed", {"CUSTOMERS_READ", "CUSTOMERS_WRITE"}),
    ]
    for claim, more in cases:
        viewer = (await api.data(VIEWER, token=provider.token(groups=claim)))["viewer"]
        assert set(viewer["scopes"]) == {"CONTACTS_READ", "CONSENT_READ"} | more, claim
    shown = "{ viewer { groups { name } user { id } } }"
    viewer = (await api.data(shown, token=provider.token(groups=["claimed"])))["viewer"]
    assert viewer == {
        "groups": [{"name": "claimed"}, {"name": "joined"}],
        "user": {"id": user.id},
    }
    assert await GroupMembership.all().count() == 1  # claimed groups are not stored


async def test_what_the_provider_says_anew_is_taken_over(
    api: Api, provider: IdentityProvider
) -> None:
    old = provider.token(name="Alice Able", email="alice@id.example")
    await api.data(VIEWER, token=old)
    api.clock.advance(timedelta(seconds=60))
    new = provider.token(name="Alice Baker", email="no address")
    for token in (new, old, new):  # an older token does not undo it
        assert (await api.data(VIEWER, token=token))["viewer"]["name"] == "Alice Baker"
    user = await User.get()
    assert (user.name, user.name_key, user.email) == (
        "Alice Baker",
        "alice baker",
        "alice@id.example",
    )
    assert user.version == 1  # no user edited it
    (entry,) = await AuditEntry.filter(operation="user.refreshed")
    assert (entry.before, entry.after) == ({"name": "Alice Able"}, {"name": "Alice Baker"})


async def test_a_partners_user_is_bound_to_its_reseller(
    api: Api, provider: IdentityProvider
) -> None:
    """R99."""
    reseller = await api.save_customer(classCode="RESELLER_OTHER")
    await User.create(
        name="Pat",
        name_key="pat",
        issuer=provider.issuer,
        subject="alice",
        reseller_id=reseller["id"],
        permissions=[Scope.CUSTOMERS_READ],
        created_at=api.clock(),
        last_modified_at=api.clock(),
    )
    credentials = api.platform.credentials
    principal = await credentials.of(f"Bearer {provider.token()}")
    assert principal is not None
    assert principal.reseller_id == reseller["id"]
    assert principal.expires_at == api.clock() + timedelta(seconds=360)


async def test_a_disabled_user_is_refused_and_not_made_again(
    api: Api, provider: IdentityProvider
) -> None:
    token = provider.token(name="Alice")
    assert await status(api, token) == 200
    await heard(api, lambda: User.all().update(disabled_at=api.clock()))
    before = await stored()
    assert await status(api, token) == 401
    assert await status(api, provider.token(name="Alice Again", jti="2")) == 401
    assert await stored() == before


async def heard(api: Api, change: Callable[[], Awaitable[Any]]) -> None:
    """Change permissions, and wait until the application has received the notice."""
    with api.platform.database.signals.watching("tokens") as told:
        await change()
        if api.platform.database.is_postgres:
            await asyncio.wait_for(told.wait(), 60)


async def test_the_common_request_costs_no_statement_and_no_question(
    api: Api, provider: IdentityProvider
) -> None:
    token = provider.token()
    credentials = api.platform.credentials
    async with asyncio.timeout(60):
        while credentials.state() is None:  # noqa: ASYNC110  # it has no event for it
            await asyncio.sleep(0.01)
    for _ in range(2):  # the first sign-in creates the user, which is a change
        await credentials.of(f"Bearer {token}")
    asked = len(provider.asked)
    with counted_statements() as statements:
        assert await credentials.of(f"Bearer {token}") is not None
    assert statements == []
    assert len(provider.asked) == asked
    api.clock.advance(timedelta(seconds=360))
    assert await credentials.of(f"Bearer {token}") is None


async def test_each_bad_token_is_refused_as_any_other_and_logged_without_it(
    api: Api, provider: IdentityProvider
) -> None:
    rsa, unknown = key_pair("RSA"), key_pair("RSA", 2)
    bad = [
        provider.token(aud="billing"),
        provider.token(iss="https://evil.example"),
        provider.token(exp=api.clock().timestamp() - 60),
        provider.token(nbf=api.clock().timestamp() + 61),
        provider.token(sub=None),
        provider.token(exp=None),
        provider.token(key=unknown),
        signed(provider.claims(), unknown, kid=rsa.kid),
        signed(provider.claims(), rsa, "PS256"),
        signed(provider.claims(), rsa, crit=["exp"]),
        signed(provider.claims(), unknown, jku=f"{provider.url}/evil"),
        f"{provider.token()[:-4]}AAAA",
        f"{provider.token()}x",
        "e30.e30.e30",
        "a.b.c",
    ]
    await api.data(VIEWER, token=provider.token())
    before = await stored()
    with structlog.testing.capture_logs() as logged:
        for token in bad:
            response = await api.post(VIEWER, token=token)
            assert response.status_code == 401, token
            assert response.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    assert await stored() == before
    assert "/evil" not in provider.asked
    assert provider.fetches() == 1  # the pause between fetches is not over
    lines = [line for line in logged if line["event"] == "token_refused"]
    assert len(lines) == len(bad)
    assert {tuple(sorted(line)) for line in lines} == {("event", "log_level", "reason")}
    assert not any(token in str(logged) for token in bad if len(token) > 20)


async def test_without_a_provider_its_tokens_are_like_any_unknown_one(
    databases: Databases, clock: Clock, provider: IdentityProvider
) -> None:
    async with running_api(databases, clock) as plain:
        assert await status(plain, provider.token()) == 401
    assert provider.asked == []


async def test_keys_may_change_between_two_requests(api: Api, provider: IdentityProvider) -> None:
    first, second = key_pair("RSA"), key_pair("P-256")
    old = provider.token(first)
    assert await status(api, old) == 200
    provider.rotate(second, first)
    api.clock.advance(timedelta(seconds=10))
    assert await status(api, provider.token(second, "ES256")) == 200
    assert await status(api, old) == 200
    # Tokens of a withdrawn key are refused, also cached ones.
    provider.rotate(second)
    api.clock.advance(timedelta(seconds=10))
    assert await status(api, provider.token(key_pair("RSA", 2))) == 401
    assert await status(api, old) == 401


async def test_without_its_provider_a_token_can_wait_and_ours_need_not(
    api: Api, provider: IdentityProvider
) -> None:
    await Heartbeat.create(worker="elsewhere", seen_at=api.clock())
    provider.answers[JWKS] = lambda: web.Response(status=503)
    response = await api.post(VIEWER, token=provider.token())
    assert response.status_code == 503
    assert response.headers["retry-after"] == "10"
    assert response.json() == {
        "errors": [
            {
                "message": "Your token cannot be checked now. Try again later.",
                "extensions": {
                    "code": "SIGN_IN_UNAVAILABLE",
                    "retryable": True,
                    "retryAfterSeconds": 10,
                },
            }
        ]
    }
    sdl = await api.http.get(
        "/schema.graphql", headers={"Authorization": f"Bearer {provider.token()}"}
    )
    assert (sdl.status_code, sdl.headers["retry-after"]) == (503, "10")
    assert await status(api, api.token) == 200
    ready = await api.http.get("/readyz?all=1")
    assert ready.status_code == 200
    assert ready.json()["information"]["identity_provider"] == "failed: STATUS_503"
    async with serving(api.app) as address, connected(address) as socket:
        await socket.send(
            type="connection_init", payload={"Authorization": f"Bearer {provider.token()}"}
        )
        assert await socket.closed() == 1013
    del provider.answers[JWKS]
    api.clock.advance(timedelta(seconds=10))
    assert await status(api, provider.token()) == 200
    told = (await api.http.get("/readyz?all=1")).json()["information"]
    assert told["identity_provider"] == "ok"


async def test_a_token_of_ours_is_never_taken_to_the_provider(
    api: Api, provider: IdentityProvider
) -> None:
    token = await issue_token("Ours", frozenset(), api.clock())
    assert await status(api, token) == 200
    assert await status(api, f"{token}.a.b") == 401
    assert provider.asked == []


ENDS: dict[str, tuple[Callable[[Api, IdentityProvider], Awaitable[Any]], str | None, int]] = {}
"""The change, the error of a running subscription (None if clients shall repeat it), and the code.
"""


def ending(name: str, code: str | None, closed: int = 4403) -> Callable[[Any], Any]:
    def note(change: Any) -> Any:
        ENDS[name] = change, code, closed
        return change

    return note


@ending("expired", None)
async def _expire(api: Api, _: IdentityProvider) -> None:
    api.clock.advance(timedelta(seconds=360))


@ending("user disabled", "UNAUTHENTICATED")
async def _disable(api: Api, _: IdentityProvider) -> None:
    await User.all().update(disabled_at=api.clock())


@ending("claimed group's permission lost", "FORBIDDEN")
async def _take_permission(_: Api, __: IdentityProvider) -> None:
    await UserGroup.all().update(permissions=[])


@ending("claimed group renamed", "FORBIDDEN")
async def _rename(_: Api, __: IdentityProvider) -> None:
    await UserGroup.all().update(external_name="another")


@ending("key withdrawn", "UNAUTHENTICATED")
async def _withdraw(api: Api, provider: IdentityProvider) -> None:
    provider.rotate(key_pair("RSA", 2))
    api.clock.advance(timedelta(seconds=10))
    assert await status(api, provider.token(key_pair("RSA", 2))) == 200


@pytest.mark.parametrize("end", ENDS)
async def test_an_idle_socket_ends_with_the_providers_token(
    api: Api, provider: IdentityProvider, end: str
) -> None:
    """R95."""
    change, code, closed = ENDS[end]
    await group(api, "staff", Scope.CUSTOMERS_READ)
    customer = await api.save_customer()
    async with serving(api.app) as address, connected(address) as socket:
        await socket.sign_in(provider.token(groups=["staff"]))
        assert await socket.ask(COUNT) == {"data": {"customers": {"totalCount": 1}}}
        operation = await socket.subscribe(FOLLOW, id=customer["id"])
        await wait_for_subscriptions(api)
        async with asyncio.timeout(ENOUGH_S):
            await change(api, provider)
            assert await socket.ended() == ({operation: code} if code else {}, closed)


async def test_an_outage_ends_sockets_when_the_grace_is_over(
    databases: Databases, clock: Clock, provider: IdentityProvider
) -> None:
    settings: Json = {
        "oidc_issuer": provider.issuer,
        "oidc_audience": AUDIENCE,
        "oidc_keys_lifetime_s": 60,
        "oidc_keys_grace_s": 60,
    }
    async with (
        running_api(databases, clock, **settings) as api,
        serving(api.app) as address,
        connected(address) as socket,
    ):
        await socket.sign_in(provider.token(exp=clock().timestamp() + 3_600))
        provider.answers[JWKS] = lambda: web.Response(status=503)
        clock.advance(timedelta(seconds=119))
        assert "data" in await socket.ask(VIEWER)
        async with asyncio.timeout(ENOUGH_S):
            clock.advance(timedelta(seconds=1))
            assert await socket.ended() == ({}, 1013)
