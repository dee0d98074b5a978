"""Filters, orders and pages of audit entries (R96)."""

from datetime import datetime
from enum import Enum

import strawberry

from models.lists.audit_list import AuditOrder
from schema.base.connection import BoundedConnection
from schema.base.descriptions import described_enum
from schema.types.audit import AuditEntry
from schema.types.audit_operation import AuditOperationEnum

AuditSort = described_enum(
    AuditOrder,
    "AuditSort",
    "The order of a list of audit entries. In the query `auditTrail` it is the order in which the"
    " changes were committed, in the audit trail of an object the order of the field `at`.",
    {"AT_DESC": "Newest first.", "AT_ASC": "Oldest first."},
)


class _SubjectType(Enum):
    """Types of the objects of audit entries; the values are the prefixes of their ids."""

    CUSTOMER = "cus"
    CONTACT = "con"
    CUSTOMER_CLASS = "cls"
    CUSTOMER_TEMPLATE = "tpl"
    PLATFORM_DEFAULTS = "platform"
    ACCESS_TOKEN = "tok"  # noqa: S105  # a prefix
    USER = "usr"
    GROUP = "grp"
    WEBHOOK_ENDPOINT = "whe"
    IMPORT = "imp"
    JOB = "job"


AuditSubjectType = described_enum(
    _SubjectType,
    "AuditSubjectType",
    "The type of object that an audit entry is about.",
    {
        "CUSTOMER": "A customer, including its consent and its Companies House lookups.",
        "CONTACT": "A contact, including the email address and the attachment preference.",
        "CUSTOMER_CLASS": "A customer class.",
        "CUSTOMER_TEMPLATE": "A template for new customers.",
        "PLATFORM_DEFAULTS": "The platform's defaults for new customers.",
        "ACCESS_TOKEN": "An access token.",
        "USER": "A user.",
        "GROUP": "A user group.",
        "WEBHOOK_ENDPOINT": "A webhook endpoint, including what a user had sent to it.",
        "IMPORT": "An import of customers from a file.",
        "JOB": "A background job.",
    },
)


@strawberry.input(
    description="Conditions on the audit entries to list; an entry is listed if it meets all"
    " conditions that are set."
)
class AuditFilter:
    """Conditions on audit entries; a condition that is null or not sent does not filter."""

    subject_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="Only entries about the object with this id; `platform_defaults` for the"
        " platform's defaults.",
    )
    subject_type: AuditSubjectType | None = strawberry.field(  # type: ignore[valid-type]  # see below
        default=None, description="Only entries about objects of this type."
    )
    customer_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="Only entries that concern the customer with this id, its contacts included.",
    )
    operations: list[AuditOperationEnum] | None = strawberry.field(  # type: ignore[valid-type]  # an enum with another name
        default=None, description="Only changes of one of these kinds; at most 50."
    )
    actor_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="Only changes made with the access token with this id, or by the user with"
        " this id who signed in without one; `system` for the platform itself.",
    )
    user_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="Only changes made on behalf of the user with this id, with any of their"
        " access tokens or without one.",
    )
    from_at: datetime | None = strawberry.field(
        default=None,
        description="Only changes made at or after this date and time, which must have an offset"
        " from UTC.",
    )
    until_at: datetime | None = strawberry.field(
        default=None,
        description="Only changes made before this date and time, which must have an offset from"
        " UTC.",
    )
    is_override: bool | None = strawberry.field(
        default=None,
        description="True: only changes that overrode the protection of a customer class that came"
        " with the platform. False: only other changes.",
    )
    reason: str | None = strawberry.field(
        default=None,
        description="Only changes with exactly this reason. Refused for callers who may not see"
        " personal data.",
    )
    request_id: str | None = strawberry.field(
        default=None,
        description="Only changes made by the API request, or by the run of a background job, with"
        " this id.",
    )


@strawberry.type(
    description="A page of audit entries. To follow new entries of the query `auditTrail`,"
    " repeatedly request the `last` entries `before` the `startCursor` of the newest page that you"
    " have, in the default order: no entry is missed, even while others are written, and"
    " `hasPreviousPage` says whether there are more. An empty page has no `startCursor`; go on with"
    " the cursor that you have."
)
class AuditEntryConnection(BoundedConnection[AuditEntry]):
    """The audit trail of the platform, or of an object."""

    # Repeated from the base class: projections need the concrete type, not a type variable.
    nodes: list[AuditEntry] = strawberry.field(description="The audit entries of the page.")
