"""Filters and pages of the platform's audit trail (R96)."""

from datetime import datetime
from enum import Enum

import strawberry

from models.lists.audit_list import key_of
from models.lists.customer_list import MAX_COUNT
from schema.base.descriptions import described_enum
from schema.base.pagination import PageArguments, PageInfo, encode_cursor, page_info
from schema.types.audit import AuditEntry

AUDIT_LIST = "audit-trail"


class _SubjectType(Enum):
    """The values are the prefixes of ids."""

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
    """A condition of null means no condition."""

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


@strawberry.type(description="An audit entry of a list, with its cursor.")
class AuditEntryEdge:
    cursor: str = strawberry.field(
        description="The cursor of the entry; pass it as `after` or `before` to read the entries"
        " next to it."
    )
    node: AuditEntry = strawberry.field(description="The entry.")


@strawberry.type(
    description="A page of audit entries, newest first, in the order in which they were committed."
    " To follow the trail, repeatedly request `last` entries before the `startCursor` that you"
    " have: no entry is missed, even while others are written, and `hasPreviousPage` says whether"
    " there are more. An empty page has no `startCursor`; keep the one that you have."
)
class AuditEntryConnection:
    """Pages compute edges, page information and counts only when they are selected."""

    nodes: list[AuditEntry] = strawberry.field(description="The entries of the page.")
    arguments: strawberry.Private[PageArguments]
    has_more: strawberry.Private[bool]
    counted: strawberry.Private[int | None]
    """The number of items, up to MAX_COUNT + 1; None if no field needs it."""

    @strawberry.field(description="The same entries, each with its cursor.")
    def edges(self) -> list[AuditEntryEdge]:
        return [AuditEntryEdge(cursor=_cursor(node), node=node) for node in self.nodes]

    @strawberry.field(
        description="The position of the page in the list, and its first and last cursor."
    )
    def page_info(self) -> PageInfo:
        ends = [_cursor(self.nodes[place]) for place in (0, -1)] if self.nodes else []
        return page_info(ends, self.arguments, has_more=self.has_more)

    @strawberry.field(
        description="The number of entries in the whole list, at most 10,000; counted only when"
        " this field is selected."
    )
    def total_count(self) -> int:
        assert self.counted is not None  # noqa: S101  # the field is selected
        return min(self.counted, MAX_COUNT)

    @strawberry.field(
        description="Whether `totalCount` is the exact number; false if there are more than 10,000"
        " entries."
    )
    def total_count_is_exact(self) -> bool:
        assert self.counted is not None  # noqa: S101  # the field is selected
        return self.counted <= MAX_COUNT


def _cursor(node: AuditEntry) -> str:
    return encode_cursor(AUDIT_LIST, key_of(node.at, node.id))
