"""A local OpenID Connect provider: discovery, keys, and signed tokens."""

import base64
import json
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

from tests.clock import Clock

AUDIENCE = "customer-classes"
DISCOVERY = "/.well-known/openid-configuration"
JWKS = "/keys"

Json = dict[str, Any]


@cache
def key_pair(kind: str, number: int = 1) -> Key:
    """Return a key pair of a kind; the same `number` always returns the same pair."""
    kid = f"{kind}-{number}"
    if kind == "RSA":
        return RSAKey.generate_key(2048, {"kid": kid})
    if kind == "Ed25519":
        return OKPKey.generate_key("Ed25519", {"kid": kid})
    return ECKey.generate_key(kind, {"kid": kid})


def public(key: Key, **changes: Any) -> Json:
    """Return a key in its published form."""
    return {**key.as_dict(private=False), **changes}


def segment(content: Any) -> str:
    """Return a base64url segment of a token; bytes are not serialised."""
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def signed(claims: Mapping[str, Any] | bytes, key: Key, alg: str = "RS256", **header: Any) -> str:
    """Return a signed token with these claims and headers; headers of None are left out."""
    given = {"typ": "JWT", "alg": alg, "kid": key.kid, **header}
    protected = {name: value for name, value in given.items() if value is not None}
    signing_input = f"{segment(protected)}.{segment(claims)}"
    signature = JWSRegistry.algorithms[alg].sign(signing_input.encode(), key)
    return f"{signing_input}.{segment(signature)}"


@dataclass
class IdentityProvider:
    """An identity provider whose answers a test can replace, and which records its requests."""

    clock: Clock
    url: str = ""
    keys: list[Any] = field(default_factory=lambda: [public(key_pair("RSA"))])
    about: Json | None = None
    """Replaces the discovery document."""
    answers: dict[str, Callable[[], web.StreamResponse]] = field(default_factory=dict)
    """Replacement answers by path."""
    asked: list[str] = field(default_factory=list)

    @property
    def issuer(self) -> str:
        """The value of the `iss` claim in its tokens."""
        return f"{self.url}/realm"

    def claims(self, **changes: Any) -> Json:
        """Return the claims of a valid token with changes; None removes a claim."""
        now = self.clock().timestamp()
        given = {
            "iss": self.issuer,
            "aud": AUDIENCE,
            "sub": "alice",
            "exp": now + 300,
            "iat": now,
            **changes,
        }
        return {name: value for name, value in given.items() if value is not None}

    def token(self, key: Key | None = None, alg: str = "RS256", **changes: Any) -> str:
        """Return a signed token, which is valid unless the changed claims make it invalid."""
        return signed(self.claims(**changes), key or key_pair("RSA"), alg)

    def rotate(self, *keys: Key) -> None:
        """Publish only these keys from now on."""
        self.keys = [public(key) for key in keys]

    def fetches(self) -> int:
        """How often the keys were requested."""
        return self.asked.count(JWKS)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer a request and record it."""
        path = request.path.removeprefix("/realm")
        self.asked.append(path)
        if path in self.answers:
            return self.answers[path]()
        if path == DISCOVERY:
            true = {"issuer": self.issuer, "jwks_uri": f"{self.url}/realm{JWKS}"}
            return web.json_response(true if self.about is None else self.about)
        if path == JWKS:
            return web.json_response({"keys": self.keys})
        return web.Response(status=404)


@asynccontextmanager
async def identity_provider(
    clock: Clock, certificate: ssl.SSLContext | None = None
) -> AsyncIterator[IdentityProvider]:
    """Run an identity provider on a free local port; with a certificate, over TLS."""
    provider = IdentityProvider(clock)
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", provider.answer)
    server = TestServer(application)
    await server.start_server(ssl=certificate)
    try:
        provider.url = str(server.make_url("")).rstrip("/")
        yield provider
    finally:
        await server.close()
