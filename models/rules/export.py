"""Exports of whole lists: their kinds and formats, and what links to them hold. PURE."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum, unique
from typing import Any

FORMAT = 2
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
    """A link was not made by this platform, was changed, or has expired."""


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


def text_of(link: ExportLink) -> str:
    """Return the text from which `link_of` makes the same link."""
    content = {
        **asdict(link),
        "expires_at": int(link.expires_at.timestamp()),
        "version": FORMAT,
    }
    return json.dumps(content, sort_keys=True, separators=(",", ":"))


def link_of(text: str, now: datetime) -> ExportLink:
    """Return the link of a text; raises InvalidLink if it has another form or has expired."""
    try:
        content = json.loads(text)
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
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidLink from error
    if now >= expires_at:
        raise InvalidLink
    return link
