"""The audit trail of the whole platform: how it is filtered, and its pages (R96)."""

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
    "What kind of thing an audit entry is about.",
    {
        "CUSTOMER": "A customer, with its consent and its enrichment.",
        "CONTACT": "A contact, with its address and its preference.",
        "CUSTOMER_CLASS": "A customer class.",
        "CUSTOMER_TEMPLATE": "A template for new customers.",
        "PLATFORM_DEFAULTS": "The platform's defaults.",
        "ACCESS_TOKEN": "A credential.",
        "USER": "A user.",
        "GROUP": "A group of users.",
    },
)


@strawberry.input(
    description="Which entries a list holds; all that is given must hold for each of them."
)
class AuditFilter:
    """A filter; null means no condition."""

    subject_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="About this very customer, contact, class, template and so on;"
        " `platform_defaults` for the platform's defaults.",
    )
    subject_type: AuditSubjectType | None = strawberry.field(  # type: ignore[valid-type]  # an enum with another name
        default=None, description="About something of this type."
    )
    customer_id: strawberry.ID | None = strawberry.field(
        default=None, description="About this customer, or what belongs to it, as its contacts."
    )
    operations: list[str] | None = strawberry.field(
        default=None, description="Any of these operations, 50 at most."
    )
    actor_id: strawberry.ID | None = strawberry.field(
        default=None, description="Done with this credential; `system` for the platform itself."
    )
    user_id: strawberry.ID | None = strawberry.field(
        default=None, description="Done for this user, with whichever credential."
    )
    from_at: datetime | None = strawberry.field(
        default=None, description="Done then or later; with an offset."
    )
    until_at: datetime | None = strawberry.field(
        default=None, description="Done before then; with an offset."
    )
    is_override: bool | None = strawberry.field(
        default=None, description="Whether a protection was overridden (R14)."
    )
    reason: str | None = strawberry.field(default=None, description="For exactly this reason.")
    request_id: str | None = strawberry.field(
        default=None, description="Done in this request or run."
    )


@strawberry.type(description="One entry in a list, with its cursor.")
class AuditEntryEdge:
    """An edge."""

    cursor: str = strawberry.field(description="The place of this entry in the list.")
    node: AuditEntry = strawberry.field(description="The entry.")


@strawberry.type(
    description="A page of audit entries, newest first, in the order of commits. To follow the"
    " trail, ask with `last` for what is before the startCursor that you have, again and again: no"
    " entry is missed, however many write meanwhile, and `hasPreviousPage` says that there is more."
    " An empty page has no startCursor: keep the one that you have."
)
class AuditEntryConnection:
    """A connection; what costs something is made only when it is selected."""

    nodes: list[AuditEntry] = strawberry.field(description="The entries of the page.")
    arguments: strawberry.Private[PageArguments]
    has_more: strawberry.Private[bool]
    counted: strawberry.Private[int | None]
    """How many there are, up to one more than MAX_COUNT; null if nobody asked."""

    @strawberry.field(description="The same entries with their cursors.")
    def edges(self) -> list[AuditEntryEdge]:
        """Give each entry its cursor."""
        return [AuditEntryEdge(cursor=_cursor(node), node=node) for node in self.nodes]

    @strawberry.field(description="Where the page lies in the list.")
    def page_info(self) -> PageInfo:
        """Give the first and the last cursor."""
        ends = [_cursor(self.nodes[place]) for place in (0, -1)] if self.nodes else []
        return page_info(ends, self.arguments, has_more=self.has_more)

    @strawberry.field(
        description="Entries in the whole list, 10,000 at most; counted only when asked for."
    )
    def total_count(self) -> int:
        """Give the count."""
        assert self.counted is not None  # noqa: S101  # somebody asks
        return min(self.counted, MAX_COUNT)

    @strawberry.field(description="Whether totalCount is all of them: false above 10,000.")
    def total_count_is_exact(self) -> bool:
        """Tell whether there are no more."""
        assert self.counted is not None  # noqa: S101  # somebody asks
        return self.counted <= MAX_COUNT


def _cursor(node: AuditEntry) -> str:
    return encode_cursor(AUDIT_LIST, key_of(node.at, node.id))
