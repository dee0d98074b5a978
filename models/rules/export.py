"""Exports of whole lists: their kinds and formats, and signed links to download them. PURE."""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum, unique
from typing import Any

FORMAT = 1
MAX_FILTER = 4_000
"""The characters of a link's filter as JSON: proxies accept addresses of 8,000 characters."""


@unique
class ExportKind(StrEnum):
    """The lists that can be exported; the value is the name of the file."""

    CUSTOMERS = "customers"
    CONTACTS = "contacts"
    CONSENT_ENTRIES = "consent-entries"
    CUSTOMER_CLASSES = "customer-classes"
    AUDIT_ENTRIES = "audit-entries"
    EVENTS = "events"


@unique
class ExportFormat(StrEnum):
    """The formats of exports; the value is the ending of the file's name."""

    CSV = "csv"
    JSONL = "jsonl"


class InvalidLink(Exception):
    """A link was not signed by this platform, was changed, or has expired."""


@dataclass(frozen=True, slots=True)
class ExportLink:
    """What a link may download: one list in one format with one filter, until it expires.

    `holder` is the id of the access token or user who asked for the link, and `scopes` are the
    permissions that they had then. The link never has more than they still have.
    """

    kind: ExportKind
    format: ExportFormat
    filter: Mapping[str, Any]
    holder: str
    scopes: tuple[str, ...]
    expires_at: datetime


def signed(link: ExportLink, key: bytes) -> str:
    """Return the text of a link, which only holders of the key can make."""
    content = {
        **asdict(link),
        "expires_at": int(link.expires_at.timestamp()),
        "version": FORMAT,
    }
    body = _encoded(json.dumps(content, sort_keys=True, separators=(",", ":")).encode())
    return f"{body}.{_signature(body, key)}"


def read_link(text: str, key: bytes, now: datetime) -> ExportLink:
    """Return the link of a text; raises InvalidLink if it is wrong or has expired."""
    body, _, signature = text.partition(".")
    if not hmac.compare_digest(signature.encode(), _signature(body, key).encode()):
        raise InvalidLink
    try:
        content = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        if content.pop("version") != FORMAT:
            raise InvalidLink
        expires_at = datetime.fromtimestamp(content["expires_at"], UTC)
        link = ExportLink(
            ExportKind(content["kind"]),
            ExportFormat(content["format"]),
            content["filter"],
            content["holder"],
            tuple(content["scopes"]),
            expires_at,
        )
    except (ValueError, KeyError, TypeError, binascii.Error) as error:
        raise InvalidLink from error
    if now >= expires_at:
        raise InvalidLink
    return link


def _signature(body: str, key: bytes) -> str:
    digest = hmac.new(key, f"export-link.{body}".encode(), hashlib.sha256).digest()
    return _encoded(digest)


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
