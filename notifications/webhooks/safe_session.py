"""An HTTP session that connects to public addresses only.

The address is checked when it is dialled, so that it does not matter how the host is written, and
what a name server answers a second time. Redirects are not followed, and no proxy is used, since a
proxy would resolve names itself.
"""

import socket
import ssl
from collections.abc import Sequence
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from models.rules.webhook_target import is_public

TOTAL_S = 15.0
CONNECT_S = 5.0

KEEP_ALIVE_S = 4.0
"""Shorter than usual idle timeouts of servers, so that no connection is reused as it is closed."""

USER_AGENT = "customer-classes-webhooks/1"


class UnsafeTargetError(OSError):
    """A host has an address that is not public."""

    def __init__(self) -> None:
        super().__init__("the address is not public")


class PublicResolver(AbstractResolver):
    """Resolves names, and refuses those with any address that is not public."""

    def __init__(self, resolver: AbstractResolver | None = None) -> None:
        self._resolver = resolver or aiohttp.ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return the addresses of a host; raises UnsafeTargetError."""
        found = await self._resolver.resolve(host, port, family)
        if not all(is_public(one["host"]) for one in found):
            raise UnsafeTargetError
        return found

    async def close(self) -> None:
        await self._resolver.close()


def open_session(
    *,
    allows_private: bool,
    total_s: float = TOTAL_S,
    connect_s: float = CONNECT_S,
    trusted: ssl.SSLContext | None = None,
    resolver: AbstractResolver | None = None,
    trace_configs: Sequence[aiohttp.TraceConfig] = (),
) -> aiohttp.ClientSession:
    """Return a session to post webhooks with, which the caller closes.

    `allows_private` is for development. `trusted` replaces the system's certificate authorities.
    """
    more: dict[str, Any] = {"resolver": resolver} if resolver is not None else {}
    if not allows_private:
        more = {"socket_factory": _public_socket, "resolver": PublicResolver(resolver)}
    connector = aiohttp.TCPConnector(
        limit=0, keepalive_timeout=KEEP_ALIVE_S, ssl=True if trusted is None else trusted, **more
    )
    return aiohttp.ClientSession(
        connector=connector,
        timeout=aiohttp.ClientTimeout(total=total_s, connect=connect_s),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        trust_env=False,
        headers={"User-Agent": USER_AGENT, "Accept-Encoding": "identity"},
        trace_configs=list(trace_configs),
    )


def _public_socket(address: tuple[Any, ...]) -> socket.socket:
    """Return a socket for an address that is about to be dialled."""
    family, kind, protocol, _, target = address
    if not is_public(target[0]):
        raise UnsafeTargetError
    return socket.socket(family, kind, protocol)
