"""Makes links by which a browser downloads an export, and records them."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from models.rules.errors import RefusalCode
from models.rules.export import (
    MAX_FILTER,
    ExportFormat,
    ExportKind,
    ExportLink,
    InvalidLink,
    link_of,
    text_of,
)
from models.rules.permission import known
from models.storage.identifiers import prefix_of
from models.storage.secret_cipher import UnreadableSecretError, sealed, unsealed
from models.tables import audit
from models.tables.access import AccessToken, Principal
from models.tables.audit import ActorContext
from models.tables.user import standing_of

PURPOSE = "export links"

TOKEN_PREFIX = "tok"  # noqa: S105  # of ids


async def create_export_link(
    act: ActorContext,
    kind: ExportKind,
    format_: ExportFormat,
    filter_: Mapping[str, Any],
    lifetime: timedelta,
    key: bytes,
) -> tuple[str, datetime]:
    """Return the text of a link to an export, and when it expires; record that it was made.

    The filter may name a person: it is encrypted in the link, and not recorded. A link expires with
    the caller's credential at the latest.
    """
    checks = act.checks()
    if len(json.dumps(filter_)) > MAX_FILTER:
        checks.refuse(
            RefusalCode.TOO_LONG,
            f"The filter of a link may have at most {MAX_FILTER} characters. Download the export"
            " with the `Authorization` header instead.",
            "filter",
            limit=MAX_FILTER,
        )
    checks.raise_refusals()
    principal = act.principal
    ends = (act.now + lifetime, principal.expires_at)
    expires_at = min(end for end in ends if end is not None).replace(microsecond=0)
    scopes = tuple(sorted(principal.lasting))
    link = ExportLink(kind, format_, filter_, principal.id, scopes, expires_at)
    after = {"kind": kind.name, "format": format_.name}
    await audit.record(act, "export.link_created", principal.id, after=after)
    return sealed(text_of(link), key, PURPOSE), expires_at


def read_link(text: str, key: bytes, now: datetime) -> ExportLink:
    """Return the link of a text; raises InvalidLink if it is wrong or has expired."""
    try:
        return link_of(unsealed(text, key, PURPOSE), now)
    except UnreadableSecretError as error:
        raise InvalidLink from error


async def holder_of(link: ExportLink, now: datetime) -> Principal | None:
    """Return the principal for whom a link downloads; None if its credential has ended.

    The principal has those permissions that the link was made with and that are still granted.
    """
    if prefix_of(link.holder) == TOKEN_PREFIX:
        token = await AccessToken.get_or_none(id=link.holder)
        principal = await token.principal() if token is not None and token.is_valid(now) else None
    else:
        standing = await standing_of(link.holder)
        principal = (
            Principal(
                link.holder,
                standing.name,
                standing.permissions,
                standing.reseller_id,
                link.holder,
                standing.name,
            )
            if standing is not None and standing.is_active
            else None
        )
    if principal is None:
        return None
    return replace(principal, scopes=principal.permissions & known(link.scopes))
