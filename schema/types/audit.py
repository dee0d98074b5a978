"""GraphQL types of audit entries."""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry
from strawberry.scalars import JSON

import models
from models.lists.personal_data import MASK, masked_reason, masked_values
from models.rules.audit_operation import AuditOperation
from models.tables.access import Scope
from schema.base.context import Info
from schema.base.field_mapping import batched, computed, maps_to, prefetched
from schema.base.node import Node
from schema.base.permissions import Requires
from schema.base.personal import Masked, personal
from schema.types.audit_operation import AuditOperationEnum
from schema.types.audit_subject import audited_types, customers_of, subjects_of
from schema.types.audit_values import api_values

if TYPE_CHECKING:
    from schema.types.customer import Customer

REASON = Masked(
    ("reason", "subject_kind"),
    masked_reason,
    "null unless the entry is about a customer class, a template, the platform's defaults, a user"
    " group or a webhook endpoint",
)


def _values(column: str, description: str) -> Any:
    note = f"`{MASK}` for each value that may be personal"
    masked = Masked((column, "subject_kind"), _masked_values, note)
    return computed(api_values, column, description=description, masked=masked)


def _masked_values(values: Mapping[str, Any], kind: str) -> dict[str, Any]:
    return api_values(masked_values(values, kind))


@strawberry.type(
    description="A record of one change: who made it, when and why, and the values before and"
    " after it."
)
class AuditEntry(Node):
    subject_id: strawberry.ID = strawberry.field(
        description="The id of the object that was changed; `platform_defaults` for the platform's"
        " defaults."
    )
    customer_id: strawberry.ID | None = strawberry.field(
        description="The id of the customer that the change concerns, directly or through a"
        " contact, consent or lookup; null if it concerns none."
    )
    operation: AuditOperationEnum = computed(  # type: ignore[valid-type]  # an enum with another name
        AuditOperation, "operation", description="The kind of change."
    )
    before: JSON = _values(
        "before",
        "The changed values before the change, by the names of fields in this schema, such as"
        " `receivesBills`; empty for a new object, and once the values were erased.",
    )
    after: JSON = _values(
        "after",
        "The changed values after the change, by the names of fields in this schema, such as"
        " `receivesBills`; empty for a deleted object, and once the values were erased.",
    )
    reason: str | None = personal(
        REASON,
        description="The reason given for the change; null if none was given, and once the reason"
        " was erased.",
    )
    is_override: bool = strawberry.field(
        description="Whether the change overrode the protection of a customer class that came with"
        " the platform, which takes the permission customer_classes:administer."
    )
    actor_id: strawberry.ID = strawberry.field(
        description="The id of the access token that made the change, or of the user who signed in"
        " without one; `system` for the platform itself, `operator` for its command line."
    )
    actor_name: str = strawberry.field(
        description="The name of the access token or user in `actorId`, `(erased)` once it was"
        " erased; `system` for the platform itself, `operator` for its command line."
    )
    user_id: strawberry.ID | None = strawberry.field(
        description="The id of the user on whose behalf the change was made, such as the user of"
        " the access token; null if there was none."
    )
    user_name: str | None = strawberry.field(
        description="The name that the user in `userId` had at the time of the change, `(erased)`"
        " once it was erased; null if there was no user."
    )
    reseller_id: strawberry.ID | None = strawberry.field(
        description="The id of the reseller that the access token or user in `actorId` was bound"
        " to; null if bound to none."
    )
    request_id: str = strawberry.field(
        description="The id of the API request, or of the background job's run, that made the"
        " change."
    )
    at: datetime = strawberry.field(description="When the change was made, in UTC.")
    erased_at: datetime | None = strawberry.field(
        description="When values, the reason or names were last erased from the entry, in UTC; null"
        " if nothing was erased."
    )

    @strawberry.field(
        description="The object that was changed; null if it was deleted or you may not see it, and"
        " for the platform's defaults.",
        metadata=batched(subjects_of, "subject_id", kinds=audited_types),
    )
    def subject(self, info: Info) -> Node | None:
        return prefetched(self, info)  # type: ignore[no-any-return]  # prefetched() returns Any

    @strawberry.field(
        description="The customer in `customerId`; null if there is none, if the customer was"
        " deleted, and without the permission customers:read.",
        extensions=[Requires(Scope.CUSTOMERS_READ)],
        metadata=batched(customers_of, "customer_id"),
    )
    def customer(
        self, info: Info
    ) -> Annotated["Customer", strawberry.lazy("schema.types.customer")] | None:
        return prefetched(self, info)  # type: ignore[no-any-return]  # prefetched() returns Any


maps_to(AuditEntry, models.AuditEntry)
