"""WebSocket sessions: they end with their credential, have limits, and take turns."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from models import AccessToken, GroupMembership, User, UserGroup
from models.lists.customer_list import page
from models.storage.database import Signals
from models.tables.access import TOKENS, Principal, Scope, issue_token, new_token
from tests.access_world import add_user, sign_in
from tests.clock import START, Clock
from tests.databases import Databases
from tests.graphql_client import (
    ENOUGH_S,
    Api,
    Json,
    LiveApi,
    Socket,
    connected,
    running_live_api,
    serving,
    wait_for_subscriptions,
)
from web.close_codes import SessionEnd
from web.sign_in import SignInUnavailable
from web.socket_sessions import SessionLimits, SocketSession, SocketSessions, TooManySessions

VIEWER = "{ viewer { name } }"
COUNT = "{ customers { totalCount } }"
PAGE = "{ customers { nodes { id } } }"
FOLLOW = "subscription($id: ID!) { customerEnriched(customerId: $id) { name } }"
ALL = frozenset(Scope)


@asynccontextmanager
async def following(api: Api, token: str) -> AsyncIterator[tuple[Socket, str]]:
    """Yield a socket with a subscription without events, and the operation's id."""
    customer = await api.save_customer()
    async with serving(api.app) as address, connected(address) as socket:
        await socket.sign_in(token)
        operation = await socket.subscribe(FOLLOW, id=customer["id"])
        await wait_for_subscriptions(api)
        yield socket, operation


async def user_token(api: Api, own: frozenset[Scope], group: frozenset[Scope]) -> str:
    """Create a user in a group; return the secret of a token with all scopes."""
    now = api.clock()
    dates: Json = {"created_at": now, "last_modified_at": now}
    user = await User.create(name="Uma", name_key="uma", permissions=sorted(own), **dates)
    made = await UserGroup.create(name="G", name_key="g", permissions=sorted(group), **dates)
    await GroupMembership.create(group=made, user=user, joined_at=now)
    token, secret = new_token("Uma's laptop", ALL, now)
    token.user_id = user.id
    await token.save(force_create=True)
    return secret


READS = frozenset({Scope.CUSTOMERS_READ})
RUNS = frozenset({Scope.ENRICHMENT_RUN})
ENDS: dict[str, tuple[Callable[[], Awaitable[Any]], str]] = {
    "revoked": (lambda: AccessToken.all().update(revoked_at=START), "UNAUTHENTICATED"),
    "deleted": (lambda: AccessToken.all().delete(), "UNAUTHENTICATED"),
    "expiry moved": (lambda: AccessToken.all().update(expires_at=START), "UNAUTHENTICATED"),
    "user disabled": (lambda: User.all().update(disabled_at=START), "UNAUTHENTICATED"),
    "scope lost": (lambda: AccessToken.all().update(scopes=["customers:read"]), "FORBIDDEN"),
    "permission lost": (lambda: User.all().update(permissions=[]), "FORBIDDEN"),
    "group's permission lost": (lambda: UserGroup.all().update(permissions=[]), "FORBIDDEN"),
    "group left": (lambda: GroupMembership.all().delete(), "FORBIDDEN"),
}


@pytest.mark.parametrize("end", ENDS)
async def test_an_idle_socket_ends_with_its_credential(live: LiveApi, end: str) -> None:
    """R95: although no message is sent and the subscription has no event."""
    change, code = ENDS[end]
    token = await user_token(live, READS, RUNS)
    async with following(live, token) as (socket, operation):
        assert await socket.ask(COUNT) == {"data": {"customers": {"totalCount": 1}}}
        async with asyncio.timeout(ENOUGH_S):
            await change()
            assert await socket.ended() == ({operation: code}, 4403)
    await wait_for_subscriptions(live, 0)


@pytest.mark.parametrize(
    ("mutation", "code"),
    [("disableUser", "UNAUTHENTICATED"), ("revokePermissions", "FORBIDDEN")],
)
async def test_an_idle_socket_ends_with_what_an_administrator_takes_away(
    live: LiveApi, mutation: str, code: str
) -> None:
    """R95: the token is still valid, but its user is not."""
    user = await add_user(live, "Uma", Scope.CUSTOMERS_READ)
    token = await sign_in(live, user, Scope.CUSTOMERS_READ)
    given: Json = {"id": user}
    if mutation == "revokePermissions":
        given = {"granteeId": user, "permissions": ["CUSTOMERS_READ"]}
    async with following(live, token) as (socket, operation), asyncio.timeout(ENOUGH_S):
        await live.done(mutation, "", **given)
        assert await socket.ended() == ({operation: code}, 4403)


async def test_an_idle_socket_ends_when_its_token_expires(live: LiveApi) -> None:
    token = await issue_token("Short", READS, live.clock(), timedelta(hours=1))
    async with following(live, token) as (socket, _):
        live.clock.advance(timedelta(minutes=59))
        assert await socket.ask(COUNT) == {"data": {"customers": {"totalCount": 1}}}
        async with asyncio.timeout(ENOUGH_S):
            live.clock.advance(timedelta(minutes=1))
            assert await socket.ended() == ({}, 4403)


async def test_an_expiry_ends_queries_with_an_error_and_subscriptions_without(
    live: LiveApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client would repeat a query whose outcome it does not know, but an error ends all."""
    entered = asyncio.Event()

    async def slow(*_: Any, **__: Any) -> Any:
        entered.set()
        await asyncio.Event().wait()

    monkeypatch.setattr("resolvers.customer.page", slow)
    token = await issue_token("Short", READS, live.clock(), timedelta(hours=1))
    async with following(live, token) as (socket, _), asyncio.timeout(ENOUGH_S):
        asked = await socket.subscribe(PAGE)
        await entered.wait()
        live.clock.advance(timedelta(hours=1))
        assert await socket.ended() == ({asked: "UNAUTHENTICATED"}, 4403)


async def test_a_socket_outlives_what_others_lose_and_what_it_gains(live: LiveApi) -> None:
    token = await issue_token("Kept", READS, live.clock())
    await issue_token("Other", ALL, live.clock())
    async with following(live, token) as (socket, _):
        await live.change_tokens("Other", revoked_at=live.clock())
        refused = await socket.ask('{ customerClass(code: "CHARITY") { code } }')
        assert refused["errors"][0]["extensions"]["code"] == "FORBIDDEN"
        await live.change_tokens("Kept", scopes=["customers:read", "customer_classes:read"])
        answer = await socket.ask('{ customerClass(code: "CHARITY") { code } }')
        assert answer == {"data": {"customerClass": {"code": "CHARITY"}}}
        await live.change_tokens("Kept", scopes=["customers:read"])
        assert (await socket.ended())[1] == 4403


async def test_nothing_is_told_to_a_credential_that_has_ended(
    live: LiveApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even before the periodic check has noticed."""
    monkeypatch.setattr("web.socket_sessions.SocketSessions._check_all", _nothing)
    async with following(live, live.token) as (socket, operation):
        (customer,) = (await live.data("{ customers { nodes { id } } }"))["customers"]["nodes"]
        other = await issue_token("Other", ALL, live.clock())
        await live.change_tokens("Tess Tester", revoked_at=live.clock())
        live.token = other
        classes = await live.class_of("COMPANY_UK_LIMITED")
        await live.done(
            "changeCustomerClass", "", customerId=customer["id"], classId=classes["id"], reason="x"
        )
        await live.save_customer(id=customer["id"], companyNumber="101")
        assert await socket.ended() == ({operation: "UNAUTHENTICATED"}, 4403)


async def _nothing(*_: Any) -> None:
    return None


async def test_a_bug_in_what_a_subscription_waits_for_is_masked(
    live: LiveApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("the vault is behind the painting")

    customer = await live.save_customer()
    monkeypatch.setattr("resolvers.subscription.newest_events", fail)
    async with serving(live.app) as address, connected(address) as socket:
        await socket.sign_in(live.token)
        result = await socket.ask(FOLLOW, id=customer["id"])
    (error,) = result["errors"]
    assert error["extensions"]["code"] == "INTERNAL_ERROR"
    assert "vault" not in error["message"]
    assert result["data"] is None


@asynccontextmanager
async def limited(
    databases: Databases, clock: Clock, **settings: Any
) -> AsyncIterator[tuple[LiveApi, str]]:
    """Serve the application with the given limits; yield it and its address."""
    async with (
        running_live_api(databases, clock, **settings) as live,
        serving(live.app) as address,
    ):
        yield live, address


async def test_a_credential_has_so_many_connections_and_no_more(
    databases: Databases, clock: Clock
) -> None:
    async with limited(databases, clock, credential_connections=2) as (live, address):
        other = await live.token_for(Scope.CUSTOMERS_READ)
        async with connected(address) as first, connected(address) as second:
            await first.sign_in(live.token)
            await second.sign_in(live.token)
            async with connected(address) as third:
                await third.send(
                    type="connection_init", payload={"Authorization": f"Bearer {live.token}"}
                )
                assert await third.closed_with_reason() == (1013, "Too many connections")
            async with connected(address) as others:
                await others.sign_in(other)
                assert "data" in await others.ask(VIEWER)
            assert "data" in await first.ask(VIEWER)
        async with connected(address) as again, asyncio.timeout(ENOUGH_S):
            await again.sign_in(live.token)  # both connections are closed


@pytest.mark.parametrize(
    ("settings", "limit"),
    [({"connection_subscriptions": 2}, 2), ({"credential_subscriptions": 2}, 2)],
)
async def test_subscriptions_have_a_limit(
    databases: Databases, clock: Clock, settings: Json, limit: int
) -> None:
    async with limited(databases, clock, **settings) as (live, address), connected(address) as one:
        customer = await live.save_customer()
        await one.sign_in(live.token)
        first = await one.subscribe(FOLLOW, id=customer["id"])
        await one.subscribe(FOLLOW, id=customer["id"])
        await wait_for_subscriptions(live, 2)
        third = await one.subscribe(FOLLOW, id=customer["id"])
        refused = await one.receive()
        assert (refused["type"], refused["id"]) == ("error", third)
        (error,) = refused["payload"]
        assert error["extensions"] == {
            "code": "TOO_MANY_SUBSCRIPTIONS",
            "retryable": True,
            "limit": limit,
        }
        await one.send(type="complete", id=first)
        await wait_for_subscriptions(live, 1)
        assert "data" in await one.ask(VIEWER)


async def test_the_subscriptions_of_a_credential_count_over_its_connections(
    databases: Databases, clock: Clock
) -> None:
    async with (
        limited(databases, clock, credential_subscriptions=2) as (live, address),
        AsyncExitStack() as stack,
    ):
        customer = await live.save_customer()
        for followers in (1, 2):
            socket = await stack.enter_async_context(connected(address))
            await socket.sign_in(live.token)
            await socket.subscribe(FOLLOW, id=customer["id"])
            await wait_for_subscriptions(live, followers)
        async with connected(address) as third:
            await third.sign_in(live.token)
            await third.subscribe(VIEWER)
            (error,) = (await third.receive())["payload"]
            assert error["extensions"]["code"] == "TOO_MANY_SUBSCRIPTIONS"
        async with connected(address) as another:
            await another.sign_in(await live.token_for(Scope.CUSTOMERS_READ))
            assert "data" in await another.ask(VIEWER)


async def test_operations_of_sockets_take_turns_and_waiting_subscriptions_hold_none(
    databases: Databases, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One query may run and one may wait."""
    entered, go_on = asyncio.Event(), asyncio.Event()

    async def slow(*given: Any, **named: Any) -> Any:
        entered.set()
        await go_on.wait()
        return await page(*given, **named)

    settings = {"running_requests": 1, "waiting_requests": 1}
    async with limited(databases, clock, **settings) as (live, address):
        customer = await live.save_customer(
            "id", name="Sandbox Alpha Trading", classCode="COMPANY_UK_LIMITED"
        )
        async with connected(address) as follower, connected(address) as asker:
            await follower.sign_in(live.token)
            await asker.sign_in(live.token)
            followed = await follower.subscribe(FOLLOW, id=customer["id"])
            await wait_for_subscriptions(live)
            assert "data" in await asker.ask(COUNT)  # a waiting subscription holds no slot
            monkeypatch.setattr("resolvers.customer.page", slow)
            running = await asker.subscribe(PAGE)
            await entered.wait()
            waiting = await asker.subscribe(PAGE)
            refused = await asker.subscribe(PAGE)
            answer = await asker.receive()
            assert (answer["type"], answer["id"]) == ("error", refused)
            (error,) = answer["payload"]
            assert error["extensions"]["code"] == "OVERLOADED"
            assert error["extensions"]["retryAfterSeconds"] == 1
            # An event also waits for a slot.
            await live.save_customer(id=customer["id"], companyNumber="101")
            with pytest.raises(TimeoutError):
                await follower.ws.receive(timeout=0.3)
            go_on.set()
            told = await follower.next(followed)
            assert told["data"]["customerEnriched"] == {"name": "Sandbox Alpha Trading"}
            done = [await asker.receive() for _ in range(4)]
            assert {one["id"] for one in done if one["type"] == "next"} == {running, waiting}


class FakeConnection:
    """A fake client connection, which may be slow to close."""

    def __init__(self, *, is_slow: bool = False) -> None:
        self.running = 0
        self.acts_as: list[Principal] = []
        self.ended: list[tuple[Any, int]] = []
        self.is_resumable = False
        self._is_slow = is_slow

    def set_principal(self, principal: Principal) -> None:
        self.acts_as.append(principal)

    async def end(self, ending: SessionEnd) -> None:
        if self._is_slow:
            await asyncio.Event().wait()
        assert ending.refusal.extensions is not None
        self.ended.append((ending.refusal.extensions["code"], ending.code))
        self.is_resumable = ending.is_resumable


class World:
    """The valid credentials, which a test can change."""

    def __init__(self, clock: Clock, limits: SessionLimits | None = None) -> None:
        self.principals: dict[str, Principal] = {}
        self.fault: Exception | None = None
        self.state = 0
        self.asked = 0
        self.connections = SocketSessions(
            self.authenticate, lambda: self.state, clock, limits or SessionLimits()
        )

    async def authenticate(self, authorization: str | None) -> Principal | None:
        self.asked += 1
        if self.fault is not None:
            raise self.fault
        return self.principals.get(authorization or "")

    def set(self, authorization: str, **changes: Any) -> None:
        self.state += 1
        self.principals[authorization] = Principal(
            **{"id": authorization, "name": "Ann", "scopes": READS, **changes}
        )

    async def sign_in(self, authorization: str, connection: SocketSession) -> None:
        principal = await self.authenticate(authorization)
        assert principal is not None
        self.connections.add(authorization, principal, connection)

    async def look(self) -> None:
        await self.connections._check_all()
        await asyncio.sleep(0)  # for what ends beside


@pytest.fixture
def world(clock: Clock) -> World:
    made = World(clock)
    made.set("a")
    return made


async def test_who_is_looked_at_is_asked_for_only_after_something_changed(world: World) -> None:
    connection = FakeConnection()
    await world.sign_in("a", connection)
    await world.look()  # in case permissions changed while it signed in
    asked = world.asked
    await world.look()
    assert world.asked == asked
    world.state += 1
    await world.look()
    assert world.asked == asked + 1
    assert connection.ended == []


@pytest.mark.parametrize(
    ("changes", "ended"),
    [
        ({}, []),
        ({"name": "renamed"}, []),
        ({"scopes": READS | RUNS}, []),  # more permissions than before
        ({"scopes": frozenset({Scope.CUSTOMERS_WRITE})}, []),  # implies the former permissions
        ({"scopes": frozenset[Scope]()}, [("FORBIDDEN", 4403)]),
        ({"scopes": RUNS}, [("FORBIDDEN", 4403)]),  # other permissions than before
        ({"reseller_id": "cus_1"}, [("FORBIDDEN", 4403)]),  # a smaller tenant scope
        ({"id": "b"}, [("FORBIDDEN", 4403)]),  # somebody else
    ],
)
async def test_a_socket_ends_when_anything_was_lost(
    world: World, changes: Json, ended: list[Any]
) -> None:
    connection = FakeConnection()
    await world.sign_in("a", connection)
    world.set("a", **changes)
    await world.look()
    assert connection.ended == ended
    if not ended:
        assert connection.acts_as[-1] == world.principals["a"]


async def test_who_comes_after_a_loss_acts_by_what_is_left(world: World) -> None:
    before, after = FakeConnection(), FakeConnection()
    await world.sign_in("a", before)
    world.set("a", scopes=frozenset[Scope]())
    await world.sign_in("a", after)
    await asyncio.sleep(0)
    assert (before.ended, after.ended) == ([("FORBIDDEN", 4403)], [])
    assert after.acts_as == [world.principals["a"]]
    world.connections.remove("a", before)
    await world.look()
    assert after.ended == []
    assert await world.connections.check("a")


async def test_a_slow_client_holds_up_nobody(world: World) -> None:
    slow, quick = FakeConnection(is_slow=True), FakeConnection()
    await world.sign_in("a", slow)
    world.set("b")
    await world.sign_in("b", quick)
    world.principals.clear()
    world.state += 1
    await world.look()
    assert quick.ended == [("UNAUTHENTICATED", 4403)]
    assert not quick.is_resumable


async def test_where_nobody_can_tell_the_client_is_told_to_come_back(world: World) -> None:
    connection = FakeConnection()
    await world.sign_in("a", connection)
    world.fault = SignInUnavailable(10)
    world.state += 1
    await world.look()
    assert connection.ended == [("SIGN_IN_UNAVAILABLE", 1013)]
    assert connection.is_resumable


async def test_sockets_outlive_a_database_that_is_away_but_not_their_expiry(
    world: World, clock: Clock
) -> None:
    signals = Signals()
    short, long = FakeConnection(), FakeConnection()
    world.set("short", expires_at=clock() + timedelta(minutes=1))
    await world.sign_in("a", long)
    await world.sign_in("short", short)
    watching = asyncio.create_task(world.connections.watch(signals))
    await asyncio.sleep(0)
    world.fault = ConnectionRefusedError()
    world.state += 1
    await _looked(world, signals)
    assert (short.ended, long.ended) == ([], [])
    clock.advance(timedelta(minutes=1))
    await _looked(world, signals)
    assert (short.ended, long.ended) == ([("UNAUTHENTICATED", 4403)], [])
    assert short.is_resumable
    world.fault = None
    world.principals.clear()
    await _looked(world, signals)
    assert long.ended == [("UNAUTHENTICATED", 4403)]
    watching.cancel()


async def _looked(world: World, signals: Signals) -> None:
    """Signal a change of credentials, and wait until the sessions were checked."""
    asked = world.asked
    signals.fire(TOKENS)
    async with asyncio.timeout(ENOUGH_S):
        while world.asked == asked:  # noqa: ASYNC110  # nobody tells
            await asyncio.sleep(0)
    for _ in range(5):
        await asyncio.sleep(0)


async def test_connections_count_by_whom_they_stand_for_whatever_the_token(clock: Clock) -> None:
    """An identity provider's tokens are renewed every few minutes."""
    world = World(clock, SessionLimits(credential_connections=2))
    made: list[SocketSession] = [FakeConnection() for _ in range(3)]
    for number in range(3):
        world.set(f"token {number}", id="usr_1")
    await world.sign_in("token 0", made[0])
    await world.sign_in("token 1", made[1])
    with pytest.raises(TooManySessions):
        await world.sign_in("token 2", made[2])
    world.connections.remove("token 0", made[0])
    await world.sign_in("token 2", made[2])
    assert not await world.connections.check("token 0")


async def test_more_tokens_give_a_user_no_more_connections(clock: Clock) -> None:
    """Nor a partner, with tokens without a user."""
    for owner in ({"user_id": "usr_1"}, {"reseller_id": "cus_1"}):
        world = World(clock, SessionLimits(credential_connections=1))
        world.set("token 0", **owner)
        world.set("token 1", **owner)
        world.set("another's")
        made: list[SocketSession] = [FakeConnection() for _ in range(2)]
        await world.sign_in("token 0", made[0])
        with pytest.raises(TooManySessions):
            await world.sign_in("token 1", made[1])
        await world.sign_in("another's", FakeConnection())
        world.connections.remove("token 0", made[0])
        await world.sign_in("token 1", made[1])
