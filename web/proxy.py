"""Finds the client's address behind proxies, by forwarded headers of trusted proxies only. PURE.

A client may send any value in these headers. So they are read from the right, up to the first
address that is not a trusted proxy. A proxy writes one kind of header and passes the other on
unchanged, so an operator chooses one kind. Host and forwarded hosts are not used: links begin with
`PUBLIC_URL`.
"""

import re
from collections.abc import Iterable, MutableMapping
from enum import StrEnum, unique
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any

Network = IPv4Network | IPv6Network
Header = tuple[bytes, bytes]

MAX_HOPS = 20
"""The maximum number of entries of a forwarded header that are read, from the right."""

SCHEMES = frozenset({"http", "https"})
PORT = re.compile(r":?[0-9]{1,5}")


@unique
class ForwardedHeader(StrEnum):
    """The kind of header that the trusted proxies write."""

    X_FORWARDED = "x-forwarded"
    """`X-Forwarded-For` and `X-Forwarded-Proto`."""
    FORWARDED = "forwarded"
    """`Forwarded`, by RFC 7239."""


def address_of(scope: MutableMapping[str, Any]) -> str:
    """Return the client's address in an ASGI scope; empty for a Unix socket."""
    client = scope.get("client")
    return str(client[0]) if client else ""


class TrustedProxies:
    """The proxies whose forwarded headers are believed; `by` is the kind of header they write."""

    def __init__(self, networks: Iterable[Network], by: ForwardedHeader) -> None:
        self._networks = tuple(networks)
        self.are_any = bool(self._networks)
        self._by = by
        self._is_trusted = lru_cache(maxsize=1024)(self._compute_trust)

    def apply_forwarded(self, scope: MutableMapping[str, Any]) -> None:
        """Set client address and scheme of a request's ASGI scope to those that proxies report.

        The scope is not changed if the request does not come from a trusted proxy.
        """
        if not self._is_trusted(address_of(scope)):
            return
        address, proto = self._client(scope["headers"])
        if address is not None:
            scope["client"] = (address, 0)
        if proto in SCHEMES:
            scope["scheme"] = proto.replace("http", "ws") if _is_socket(scope) else proto

    def _client(self, headers: Iterable[Header]) -> tuple[str | None, str | None]:
        """Return address and scheme of the client: the first hop from the right, but for proxies.

        A hop is the sender of a request that a proxy received, as an entry in a header. Trusted
        proxies are skipped. If a hop cannot be parsed, the address of the proxy that wrote it is
        returned. An address or scheme that no header states is None.
        """
        found: tuple[str | None, str | None] = (None, None)
        for node, proto in _hops(headers, self._by):
            address = _address(node)
            if address is None:
                return found[0], proto or found[1]
            found = address, proto or found[1]
            if not self._is_trusted(address):
                break
        return found

    def _compute_trust(self, text: str) -> bool:
        address = _address(text)
        return address is not None and any(ip_address(address) in one for one in self._networks)


def _hops(headers: Iterable[Header], by: ForwardedHeader) -> list[tuple[str, str | None]]:
    """Return node (address, maybe with port) and scheme of each hop, the nearest first."""
    if by is ForwardedHeader.FORWARDED:
        return [_hop(element) for element in _elements(headers, b"forwarded")]
    nodes = _elements(headers, b"x-forwarded-for")
    protos: list[str | None] = [one.lower() for one in _elements(headers, b"x-forwarded-proto")]
    if len(protos) == 1:
        protos *= len(nodes) or 1
    if not nodes:
        return [("", protos[0])] if protos else []
    if len(protos) != len(nodes):
        protos = [None] * len(nodes)
    return list(zip(nodes, protos, strict=True))


def _hop(element: str) -> tuple[str, str | None]:
    """Parse an element of `Forwarded` such as `for="[2001:db8::1]:4711";proto=https`.

    The node is empty, and the scheme is None, if it is missing.
    """
    pairs = (pair.partition("=") for pair in element.split(";"))
    given = {name.strip().lower(): value.strip().strip('"') for name, _, value in pairs}
    return given.get("for", ""), given.get("proto", "").lower() or None


def _elements(headers: Iterable[Header], name: bytes) -> list[str]:
    """Return the elements of a list header, the last element first; the header may be repeated."""
    lines = [value.decode("latin1") for key, value in headers if key == name]
    if not lines:
        return []
    return [one.strip() for one in ",".join(lines).rsplit(",", MAX_HOPS)[-MAX_HOPS:][::-1]]


def _address(node: str) -> str | None:
    """Return the address in `address`, `address:port`, `[address]` or `[address]:port`.

    None for any other text.
    """
    text = node
    if node.startswith("["):
        text, bracket, rest = node[1:].partition("]")
        if not bracket or (rest and not PORT.fullmatch(rest)):
            return None
    elif node.count(":") == 1:
        text, _, port = node.partition(":")
        if not PORT.fullmatch(port):
            return None
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        if address.scope_id is not None:
            return None
        return str(address.ipv4_mapped or address)
    return str(address)


def _is_socket(scope: MutableMapping[str, Any]) -> bool:
    return bool(scope["type"] == "websocket")
