"""Filters and pages of the platform's audit trail (R96)."""

from datetime import datetime
from enum import Enum

import strawberry

from schema.base.connection import BoundedConnection
from schema.base.descriptions import described_enum
from schema.types.audit import AuditEntry

AUDIT_LIST = "audit-trail"


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
    },
)


@strawberry.input(
    description="Conditions on audit entries; an entry is listed if it meets all that are given."
)
class AuditFilter:
    """Conditions on audit entries; a condition that is null or not sent does not filter."""

    subject_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="Only entries about the object with this id; `platform_defaults` for the"
        " platform's defaults.",
    )
    subject_type: AuditSubjectType | None = strawberry.field(  # type: ignore[valid-type]  # an enum with another name
        default=None, description="Only entries about objects of this type."
    )
    customer_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="Only entries that concern the customer with this id, its contacts included.",
    )
    operations: list[str] | None = strawberry.field(
        default=None,
        description="Only entries with one of these operations, such as `class.edited`; at most"
        " 50.",
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
        description="Only changes made at this instant or later; the offset from UTC is required.",
    )
    until_at: datetime | None = strawberry.field(
        default=None,
        description="Only changes made before this instant; the offset from UTC is required.",
    )
    is_override: bool | None = strawberry.field(
        default=None,
        description="Only changes that overrode the protection of a shipped class (true), or only"
        " others (false).",
    )
    reason: str | None = strawberry.field(
        default=None, description="Only changes with exactly this reason."
    )
    request_id: str | None = strawberry.field(
        default=None,
        description="Only changes made in the request, or the background run, with this id.",
    )


@strawberry.type(
    description="A page of audit entries, newest first, in the order in which they were committed."
    " To follow the trail, repeatedly request `last` entries before the `startCursor` that you"
    " have: no entry is missed, even while others are written, and `hasPreviousPage` says whether"
    " there are more. An empty page has no `startCursor`; keep the one that you have."
)
class AuditEntryConnection(BoundedConnection[AuditEntry]):
    pass
