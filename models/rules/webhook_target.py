"""Says to which URLs and IP addresses webhooks may be sent. PURE."""

import re
import unicodedata
from collections.abc import Mapping
from enum import StrEnum, unique
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from types import MappingProxyType
from urllib.parse import urlsplit

MAX_URL_LENGTH = 2_000
MAX_NAME_LENGTH = 254
"""Of a host name with the final dot, by RFC 1035."""

LOCAL_ENDINGS = (
    *("localhost", "local", "internal", "lan", "home", "intranet", "arpa", "test"),
    "onion",
)
"""Last labels of names that no public name server knows."""

LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")

EXCEPTIONS = tuple(
    map(
        ip_network,
        (
            "64:ff9b::/96",  # NAT64, which leads to any IPv4 address
            "64:ff9b:1::/48",  # NAT64 of a local network
            "2002::/16",  # 6to4, likewise
            "2001::/32",  # Teredo, likewise
            "::/96",  # addresses that embed an IPv4 address
            "fec0::/10",  # site-local
            "3fff::/20",  # documentation
            "5f00::/16",  # segment routing
            "192.88.99.0/24",  # relays of 6to4
        ),
    )
)
"""Networks that `is_global` of Python 3.11 takes for public although they are not."""


@unique
class UrlFault(StrEnum):
    """Why a URL cannot be the target of webhooks."""

    INVALID = "INVALID"
    TOO_LONG = "TOO_LONG"
    NOT_HTTPS = "NOT_HTTPS"
    HAS_CREDENTIALS = "HAS_CREDENTIALS"
    HAS_FRAGMENT = "HAS_FRAGMENT"
    BAD_PORT = "BAD_PORT"
    IP_ADDRESS = "IP_ADDRESS"
    LOCAL_NAME = "LOCAL_NAME"


MESSAGES: Mapping[UrlFault, str] = MappingProxyType(
    {
        UrlFault.INVALID: "The URL is not valid.",
        UrlFault.TOO_LONG: f"The URL may have at most {MAX_URL_LENGTH:,} characters.",
        UrlFault.NOT_HTTPS: "The URL must begin with `https://`.",
        UrlFault.HAS_CREDENTIALS: "The URL must not contain a user name or a password.",
        UrlFault.HAS_FRAGMENT: "The URL must not contain a `#`.",
        UrlFault.BAD_PORT: "The port of the URL must be a number from 1 to 65535.",
        UrlFault.IP_ADDRESS: "The URL must contain a host name, not an IP address.",
        UrlFault.LOCAL_NAME: "The host name of the URL must be a public name.",
    }
)


def message_of(fault: UrlFault) -> str:
    """Return what is wrong, in English."""
    return MESSAGES[fault]


def faults_of_url(url: str, *, allows_private: bool) -> list[UrlFault]:
    """Return all reasons why a URL cannot be a target; empty if it can.

    With `allows_private`, for development, http, IP addresses and local names are allowed too. No
    name is resolved: the sender checks the addresses to which it connects.
    """
    if len(url) > MAX_URL_LENGTH:
        return [UrlFault.TOO_LONG]
    try:
        parts = urlsplit(url)
        host = unicodedata.normalize("NFKC", parts.hostname or "").lower().removesuffix(".")
    except ValueError:
        return [UrlFault.INVALID]
    is_plain = url.isprintable() and not set(url) & set(' \\"<>')
    if not host or not is_plain or parts.scheme not in {"http", "https"}:
        is_other = is_plain and bool(parts.scheme) and bool(host)
        return [UrlFault.NOT_HTTPS if is_other else UrlFault.INVALID]
    faults = []
    if parts.scheme != "https" and not allows_private:
        faults.append(UrlFault.NOT_HTTPS)
    if "@" in parts.netloc:
        faults.append(UrlFault.HAS_CREDENTIALS)
    if "#" in url:
        faults.append(UrlFault.HAS_FRAGMENT)
    if not _has_good_port(url):
        faults.append(UrlFault.BAD_PORT)
    fault = UrlFault.IP_ADDRESS if "[" in parts.netloc else _fault_of_host(host)
    if fault is not None and (fault is UrlFault.INVALID or not allows_private):
        faults.append(fault)
    return faults


def is_public(address: str) -> bool:
    """Return whether an IP address is one of the public internet."""
    try:
        found: IPv4Address | IPv6Address = ip_address(address)
    except ValueError:
        return False
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    is_odd = found.is_multicast or found.is_reserved or found.is_unspecified
    if is_odd or not found.is_global:
        return False
    return not any(found in network for network in EXCEPTIONS if network.version == found.version)


def _has_good_port(url: str) -> bool:
    try:
        port = urlsplit(url).port
    except ValueError:
        return False
    return port != 0


def _fault_of_host(host: str) -> UrlFault | None:
    if ":" in host:
        return UrlFault.IP_ADDRESS
    try:
        labels = host.encode("idna").decode("ascii").lower().split(".")
    except UnicodeError:
        return UrlFault.INVALID
    if sum(map(len, labels)) + len(labels) > MAX_NAME_LENGTH:
        return UrlFault.INVALID
    if NUMBER.fullmatch(labels[-1]):
        return UrlFault.IP_ADDRESS
    if not all(LABEL.fullmatch(label) for label in labels):
        return UrlFault.INVALID
    is_local = len(labels) == 1 or labels[-1] in LOCAL_ENDINGS
    return UrlFault.LOCAL_NAME if is_local else None
