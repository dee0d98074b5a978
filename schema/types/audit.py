"""GraphQL types of audit entries, and the audit trail of an object."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import strawberry
from strawberry.scalars import JSON

import models
from models.lists.personal_data import MASK, masked_reason, masked_values
from models.tables.audit import newest_entries
from schema.base.field_mapping import Selection, batched, maps_to
from schema.base.personal import Masked, personal

MAX_TRAIL = 100


REASON = Masked(
    ("reason", "subject_kind"),
    masked_reason,
    "null unless the entry is about a class, a template, the defaults or a user group",
)


def _values(column: str) -> Masked:
    note = f"`{MASK}` for each value that may be personal"
    return Masked((column, "subject_kind"), masked_values, note)


@strawberry.type(
    description="A record of one change: who made it, when and why, and the values before and"
    " after it."
)
class AuditEntry:
    id: strawberry.ID = strawberry.field(description="The id of the entry.")
    subject_id: strawberry.ID = strawberry.field(
        description="The id of the object that was changed; `platform_defaults` for the platform's"
        " defaults."
    )
    customer_id: strawberry.ID | None = strawberry.field(
        description="The id of the customer that the change concerns, directly or through a"
        " contact, consent or lookup; null if it concerns none."
    )
    operation: str = strawberry.field(description="What was done, such as `class.edited`.")
    before: JSON = personal(
        _values("before"),
        description="The changed values before the change, by field name; empty for a new object,"
        " and once erased.",
    )
    after: JSON = personal(
        _values("after"),
        description="The changed values after the change, by field name; empty for a deleted"
        " object, and once erased.",
    )
    reason: str | None = personal(
        REASON,
        description="The reason given for the change; null if none was given, and once erased.",
    )
    is_override: bool = strawberry.field(
        description="Whether the change edited or removed a built-in class by special permission."
    )
    actor_id: strawberry.ID = strawberry.field(
        description="The id of the access token that made the change, or of the user who signed in"
        " without one; `system` for the platform itself, `operator` for its command line."
    )
    actor_name: str = strawberry.field(
        description="The name of that access token or user, `(erased)` once erased; `system` for"
        " the platform itself, `operator` for its command line."
    )
    user_id: strawberry.ID | None = strawberry.field(
        description="The id of the user on whose behalf the change was made; null if there was"
        " none."
    )
    user_name: str | None = strawberry.field(
        description="The name of that user at the time of the change, `(erased)` once erased; null"
        " if there was none."
    )
    reseller_id: strawberry.ID | None = strawberry.field(
        description="The id of the reseller that the access token or user was bound to; null if to"
        " none."
    )
    request_id: str = strawberry.field(
        description="The id of the request, or of the background run, that made the change."
    )
    at: datetime = strawberry.field(description="When the change was made, in UTC.")
    erased_at: datetime | None = strawberry.field(
        description="When values, reasons or names were last erased from the entry, in UTC; null"
        " if they never were."
    )


maps_to(AuditEntry, models.AuditEntry)


async def audit_trails(selection: Selection, objects: Sequence[Any]) -> list[list[AuditEntry]]:
    """Return, for each object, its newest MAX_TRAIL audit entries, newest first."""
    trails: dict[str, list[AuditEntry]] = {one.id: [] for one in objects}
    newest = newest_entries(list(trails), MAX_TRAIL)
    for entry in await selection.reader.read(newest, "ORDER BY t0.at DESC, t0.id DESC"):
        trails[entry.subject_id].append(entry)
    return [trails[one.id] for one in objects]


AUDIT_TRAIL = batched(audit_trails, extra=("subject_id",))
