"""The audit trail of the whole platform: its filter and its pages (R96)."""

from datetime import datetime
from enum import Enum

import strawberry

from schema.base.connection import BoundedConnection
from schema.base.descriptions import described_enum
from schema.types.audit import AuditEntry

AUDIT_LIST = "audit-trail"


class _SubjectType(Enum):
    """Types by the prefix of their ids."""

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
    "The kind of object that an audit entry is about.",
    {
        "CUSTOMER": "A customer, including changes to its consent and its enrichment.",
        "CONTACT": "A contact, including its email address and attachment preference.",
        "CUSTOMER_CLASS": "A customer class.",
        "CUSTOMER_TEMPLATE": "A template for new customers.",
        "PLATFORM_DEFAULTS": "The platform's defaults.",
        "ACCESS_TOKEN": "An access token.",
        "USER": "A user.",
        "GROUP": "A group of users.",
    },
)


@strawberry.input(
    description="Conditions on audit entries. An entry must meet all that are set; null sets none."
)
class AuditFilter:
    """Names in the domain: `models.lists.audit_list.AuditFilter`."""

    subject_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="Entries about exactly this object, such as a customer, contact, class or"
        " template, by its id; `platform_defaults` for the platform's defaults.",
    )
    subject_type: AuditSubjectType | None = strawberry.field(  # type: ignore[valid-type]  # an enum with another name
        default=None, description="Entries about objects of this kind."
    )
    customer_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="Entries about this customer or about anything that belongs to it, such as its"
        " contacts.",
    )
    operations: list[str] | None = strawberry.field(
        default=None,
        description="Entries of any of these operations, such as `customer.edited`; at most 50.",
    )
    actor_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="Entries of changes made with this access token or other credential; `system`"
        " for changes that the platform made by itself.",
    )
    user_id: strawberry.ID | None = strawberry.field(
        default=None, description="Entries of changes made by this user, with any credential."
    )
    from_at: datetime | None = strawberry.field(
        default=None,
        description="Entries at this time or later; a time with its offset from UTC.",
    )
    until_at: datetime | None = strawberry.field(
        default=None, description="Entries before this time; a time with its offset from UTC."
    )
    is_override: bool | None = strawberry.field(
        default=None,
        description="True for changes that overrode a protection, such as a rename of a shipped"
        " class; false for all others.",
    )
    reason: str | None = strawberry.field(
        default=None,
        description="Entries with exactly this reason. Needs `personal_data:read`, because a reason"
        " may name a person.",
    )
    request_id: str | None = strawberry.field(
        default=None,
        description="Entries of the request with this `X-Request-Id`, or of one run of a job.",
    )


@strawberry.type(
    description="One page of the audit trail, newest entry first, in the order in which writes were"
    " committed. To follow the trail, ask for the `last` entries `before` the `startCursor` of the"
    " page that you read most recently, and repeat while `hasPreviousPage` is true. No entry is"
    " missed, whatever is written meanwhile. An empty page has no `startCursor`: keep using the"
    " previous one."
)
class AuditEntryConnection(BoundedConnection[AuditEntry]):
    """Its cursors belong to AUDIT_LIST."""
