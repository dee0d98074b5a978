"""Forwarded headers: a client's address behind proxies, and forged headers."""

from collections.abc import AsyncIterator
from ipaddress import ip_network
from typing import Any

import httpx
import pytest

from tests.clock import Clock
from tests.databases import Databases
from tests.graphql_client import Api, running_api
from tests.listening import listening
from web.proxy import MAX_HOPS, ForwardedHeader, TrustedProxies, address_of

X, RFC = ForwardedHeader.X_FORWARDED, ForwardedHeader.FORWARDED
PROXY, CLIENT, OTHER = "10.0.0.1", "192.0.2.7", "198.51.100.9"
NETWORKS = [ip_network("10.0.0.0/8"), ip_network("fd00::/8")]

Headers = list[tuple[str, str]]


def seen(by: ForwardedHeader, peer: str | None, headers: Headers, kind: str = "http") -> Any:
    """Return the client address and scheme that are derived from the headers."""
    scope: dict[str, Any] = {
        "type": kind,
        "client": None if peer is None else (peer, 4711),
        "scheme": "ws" if kind == "websocket" else "http",
        "headers": [(name.encode(), value.encode("latin1")) for name, value in headers],
    }
    TrustedProxies(NETWORKS, by).apply_forwarded(scope)
    return address_of(scope), scope["scheme"]


def xff(*values: str) -> Headers:
    return [("x-forwarded-for", value) for value in values]


def proto(*values: str) -> Headers:
    return [("x-forwarded-proto", value) for value in values]


def rfc(*values: str) -> Headers:
    return [("forwarded", value) for value in values]


@pytest.mark.parametrize(
    ("by", "peer", "headers", "expected"),
    [
        # No headers.
        (X, CLIENT, [], (CLIENT, "http")),
        (X, PROXY, [], (PROXY, "http")),
        # Headers of a client that is not a trusted proxy are ignored.
        (X, CLIENT, [*xff(OTHER), *proto("https")], (CLIENT, "http")),
        (RFC, CLIENT, rfc(f"for={OTHER};proto=https"), (CLIENT, "http")),
        (X, None, xff(OTHER), ("", "http")),
        # One proxy, and the two kinds of header.
        (X, PROXY, [*xff(CLIENT), *proto("https")], (CLIENT, "https")),
        (RFC, PROXY, rfc(f"for={CLIENT};proto=https"), (CLIENT, "https")),
        (RFC, PROXY, rfc(f"Proto=HTTPS; For={CLIENT}"), (CLIENT, "https")),
        # The client's headers of the other kind were passed on and are ignored.
        (X, PROXY, rfc(f"for={OTHER};proto=https"), (PROXY, "http")),
        (RFC, PROXY, [*xff(OTHER), *proto("https")], (PROXY, "http")),
        # Values that the client wrote are on the left and are ignored.
        (X, PROXY, xff(f"{OTHER}, {CLIENT}"), (CLIENT, "http")),
        (X, PROXY, xff(OTHER, CLIENT), (CLIENT, "http")),
        (X, PROXY, xff(f"10.0.0.9, {OTHER}, {CLIENT}"), (CLIENT, "http")),
        (RFC, PROXY, rfc(f"for={OTHER};proto=https, for={CLIENT}"), (CLIENT, "http")),
        (RFC, PROXY, rfc(f'for="a, for={OTHER}', f"for={CLIENT}"), (CLIENT, "http")),
        # Several trusted proxies.
        (X, PROXY, xff(f"{OTHER}, {CLIENT}, 10.0.0.2, 10.0.0.3"), (CLIENT, "http")),
        (X, PROXY, [*xff(f"{CLIENT}, 10.0.0.2"), *proto("https, http")], (CLIENT, "https")),
        (X, PROXY, [*xff(f"{CLIENT}, 10.0.0.2"), *proto("http, https")], (CLIENT, "http")),
        (X, PROXY, [*xff(f"{CLIENT}, 10.0.0.2"), *proto("https")], (CLIENT, "https")),
        (RFC, PROXY, rfc(f"for={CLIENT};proto=https, for=10.0.0.2"), (CLIENT, "https")),
        # All addresses are trusted: the first one is the client.
        (X, PROXY, xff("10.0.0.8, 10.0.0.2"), ("10.0.0.8", "http")),
        # All notations of addresses.
        (X, PROXY, xff(f"{CLIENT}:4711"), (CLIENT, "http")),
        (X, PROXY, xff("2001:DB8::1"), ("2001:db8::1", "http")),
        (X, PROXY, xff("[2001:db8::1]"), ("2001:db8::1", "http")),
        (X, PROXY, xff("[2001:db8::1]:4711"), ("2001:db8::1", "http")),
        (X, "fd00::1", xff("::ffff:192.0.2.7"), (CLIENT, "http")),
        (X, "::ffff:10.0.0.1", xff(CLIENT), (CLIENT, "http")),
        (RFC, PROXY, rfc('for="[2001:db8::1]:4711"'), ("2001:db8::1", "http")),
        # Unknown or invalid values: the nearest known address is used.
        (X, PROXY, xff(""), (PROXY, "http")),
        (X, PROXY, xff("unknown"), (PROXY, "http")),
        (X, PROXY, xff(f"{OTHER}, unknown"), (PROXY, "http")),
        (X, PROXY, xff(f"{OTHER}, unknown, 10.0.0.2"), ("10.0.0.2", "http")),
        (RFC, PROXY, rfc(f"for={OTHER}, for=_hidden;proto=https"), (PROXY, "https")),
        (X, PROXY, xff("192.0.2.7.8"), (PROXY, "http")),
        (X, PROXY, xff("192.0.2.7:port"), (PROXY, "http")),
        (X, PROXY, xff("[192.0.2.7"), (PROXY, "http")),
        (X, PROXY, xff("[2001:db8::1]x"), (PROXY, "http")),
        (X, PROXY, xff("fe80::1%eth0"), (PROXY, "http")),
        (X, PROXY, xff("\xff\xfe"), (PROXY, "http")),
        (X, PROXY, [*xff(CLIENT), *proto("gopher")], (CLIENT, "http")),
        (X, PROXY, [*xff(CLIENT), *proto("")], (CLIENT, "http")),
        (X, PROXY, [*xff(CLIENT), *proto("https, https")], (CLIENT, "http")),
        (X, PROXY, proto("https"), (PROXY, "https")),
        (RFC, PROXY, rfc(";;=,=;"), (PROXY, "http")),
        # An excessively long chain.
        (X, PROXY, xff(", ".join([OTHER, *["10.0.0.2"] * MAX_HOPS])), ("10.0.0.2", "http")),
    ],
)
def test_the_client_is_the_first_from_the_right_that_is_no_trusted_proxy(
    by: ForwardedHeader, peer: str | None, headers: Headers, expected: tuple[str, str]
) -> None:
    assert seen(by, peer, headers) == expected


def test_a_websocket_keeps_a_scheme_of_its_own() -> None:
    assert seen(X, PROXY, proto("https"), "websocket") == (PROXY, "wss")


def test_long_rubbish_takes_no_time() -> None:
    """A pattern with backtracking would take minutes."""
    for text in ("a" * 60_000, "for=" * 15_000, '"' * 60_000, ",".join("a" * 20_000), "[" * 60_000):
        assert seen(RFC, PROXY, rfc(text)) == (PROXY, "http")
        assert seen(X, PROXY, xff(text)) == (PROXY, "http")


GUESS = {"Authorization": f"Bearer ccl_{'A' * 43}"}


@pytest.fixture
async def behind(databases: Databases, clock: Clock) -> AsyncIterator[tuple[Api, str]]:
    """Serve with this machine as a trusted proxy; yield the client and the address."""
    async with (
        running_api(databases, clock, auth_failure_limit=1, trusted_proxies="127.0.0.0/8") as api,
        listening(api.app) as address,
    ):
        yield api, f"http://{address}"


async def test_clients_behind_a_trusted_proxy_are_counted_apart(behind: tuple[Api, str]) -> None:
    _, url = behind
    async with httpx.AsyncClient(base_url=url) as http:
        seen = []
        for client in (CLIENT, CLIENT, OTHER, f"{OTHER}, {CLIENT}"):
            headers = GUESS | {"X-Forwarded-For": client, "X-Forwarded-Proto": "https"}
            response = await http.get("/schema.graphql", headers=headers)
            seen.append(response.status_code)
            assert response.headers["strict-transport-security"] == "max-age=31536000"
        assert seen == [401, 429, 401, 429]
        plain = await http.get("/healthz")
        assert "strict-transport-security" not in plain.headers


async def test_without_trusted_proxies_forwarded_headers_are_the_clients_invention(
    databases: Databases, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does uvicorn trust them, by default or because of its environment variable."""
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "*")
    async with (
        running_api(databases, clock, auth_failure_limit=1) as api,
        listening(api.app) as address,
        httpx.AsyncClient(base_url=f"http://{address}") as http,
    ):
        seen = []
        for client in (CLIENT, OTHER):
            headers = GUESS | {
                "X-Forwarded-For": client,
                "Forwarded": f"for={client};proto=https",
                "X-Forwarded-Proto": "https",
                "X-Forwarded-Host": "evil.example",
            }
            response = await http.get("/schema.graphql", headers=headers)
            seen.append(response.status_code)
            assert "strict-transport-security" not in response.headers
        assert seen == [401, 429]


@pytest.mark.parametrize("networks", ["10.0.0.1/8", "proxy.example", "*", "10.0.0.0/33"])
async def test_a_network_that_is_none_is_refused_at_the_start(
    databases: Databases, clock: Clock, networks: str
) -> None:
    with pytest.raises(ValueError, match=r"networks separated by commas, such as 10\.0\.0\.0/8"):
        async with running_api(databases, clock, trusted_proxies=networks):
            pass
