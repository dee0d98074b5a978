"""The audit trail of an entity."""

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


REASON = Masked(("reason", "subject_kind"), masked_reason, "null, of what is about a customer")


def _values(column: str) -> Masked:
    note = f"`{MASK}` for each value that may be personal"
    return Masked((column, "subject_kind"), masked_values, note)


@strawberry.type(description="One write: who, when, what before and after, and why (R96).")
class AuditEntry:
    """An entry of the trail."""

    id: strawberry.ID = strawberry.field(description="The id of the entry.")
    subject_id: strawberry.ID = strawberry.field(
        description="What it is about; `platform_defaults` for the platform's defaults."
    )
    customer_id: strawberry.ID | None = strawberry.field(
        description="The customer that it is about, by itself or by what belongs to it."
    )
    operation: str = strawberry.field(description="What was done, such as `class.edited`.")
    before: JSON = personal(_values("before"), description="The values that changed, as they were.")
    after: JSON = personal(_values("after"), description="The values that changed, as they became.")
    reason: str | None = personal(REASON, description="Why, where a reason was given.")
    is_override: bool = strawberry.field(description="Whether a protection was overridden (R14).")
    actor_id: strawberry.ID = strawberry.field(description="Who: the id of the credential.")
    actor_name: str = strawberry.field(
        description="Who, by name; `system` for the platform, `(erased)` for a name erased since."
    )
    user_id: strawberry.ID | None = strawberry.field(
        description="On whose behalf: the user behind the credential, if it is a user's."
    )
    user_name: str | None = strawberry.field(
        description="The same by name, as it was; `(erased)` for one erased since."
    )
    reseller_id: strawberry.ID | None = strawberry.field(
        description="The partner that the credential was bound to, if any (R99)."
    )
    request_id: str = strawberry.field(description="The request or run that it was done in.")
    at: datetime = strawberry.field(description="When it was done, in UTC.")
    erased_at: datetime | None = strawberry.field(
        description="When values or names were last erased from the entry, in UTC (A18)."
    )


maps_to(AuditEntry, models.AuditEntry)


async def audit_trails(selection: Selection, objects: Sequence[Any]) -> list[list[AuditEntry]]:
    """Bring the newest entries of some objects, newest first."""
    trails: dict[str, list[AuditEntry]] = {one.id: [] for one in objects}
    newest = newest_entries(list(trails), MAX_TRAIL)
    for entry in await selection.reader.read(newest, "ORDER BY t0.at DESC, t0.id DESC"):
        trails[entry.subject_id].append(entry)
    return [trails[one.id] for one in objects]


AUDIT_TRAIL = batched(audit_trails, extra=("subject_id",))
