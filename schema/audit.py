"""The audit trail of an entity."""

from datetime import datetime

import strawberry
from strawberry.scalars import JSON

import models


@strawberry.type(description="One write: who, when, what before and after, and why (R96).")
class AuditEntry:
    """An entry of the trail."""

    id: strawberry.ID = strawberry.field(description="The id of the entry.")
    operation: str = strawberry.field(description="What was done, such as `class.edited`.")
    before: JSON = strawberry.field(description="The values that changed, as they were.")
    after: JSON = strawberry.field(description="The values that changed, as they became.")
    reason: str | None = strawberry.field(description="Why, where a reason was given.")
    is_override: bool = strawberry.field(description="Whether a protection was overridden (R14).")
    actor_id: strawberry.ID = strawberry.field(description="Who: the id of the credential.")
    actor_name: str = strawberry.field(description="Who, by name; `system` for the platform.")
    request_id: str = strawberry.field(description="The request or run that it was done in.")
    at: datetime = strawberry.field(description="When it was done, in UTC.")

    @classmethod
    def of(cls, row: models.AuditEntry) -> "AuditEntry":
        """Project a row."""
        return cls(
            id=strawberry.ID(row.id),
            operation=row.operation,
            before=JSON(row.before),
            after=JSON(row.after),
            reason=row.reason,
            is_override=row.is_override,
            actor_id=strawberry.ID(row.actor_id),
            actor_name=row.actor_name,
            request_id=row.request_id,
            at=row.at,
        )
