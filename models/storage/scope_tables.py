"""Declares the tenant scope of each table (R99): the rows a partner's operations may see or write.

In a condition, `{row}` is the row's alias and `?` the reseller's id. Operations of partners cannot
use a table that is not declared here; a test fails if a table is missing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto, unique

OWN = "(own.id = ? OR own.parent_id = ?)"
OF_CUSTOMER = f"EXISTS (SELECT 1 FROM customer AS own WHERE own.id = {{row}}.customer_id AND {OWN})"  # noqa: S608  # no value is spelt out
OF_SUBJECT = (
    f"(EXISTS (SELECT 1 FROM customer AS own WHERE own.id = {{row}}.subject_id AND {OWN})"  # noqa: S608  # see above
    " OR EXISTS (SELECT 1 FROM contact AS person"
    " JOIN customer AS own ON own.id = person.customer_id"
    f" WHERE person.id = {{row}}.subject_id AND {OWN}))"
)
AUDITED = (
    f"({OF_CUSTOMER}"  # noqa: S608  # see above
    " OR EXISTS (SELECT 1 FROM access_token AS held"
    " WHERE held.id = {row}.subject_id AND held.reseller_id = ?)"
    " OR EXISTS (SELECT 1 FROM app_user AS u WHERE u.id = {row}.subject_id AND u.reseller_id = ?))"
)
STAFF = "u.reseller_id = ?"
STAFF_AND_HOLDERS = (
    f"({STAFF} OR EXISTS"  # noqa: S608  # see above
    " (SELECT 1 FROM access_token AS held WHERE held.user_id = u.id AND held.reseller_id = ?))"
)
"""Condition for users of the reseller, and for other users who own a token bound to the reseller.

Of the other users only a masked row is shown, without groups and permissions.
"""


@unique
class Access(Enum):
    """What an operation of a partner may do with the rows in its scope."""

    NONE = auto()
    READ = auto()
    WRITE = auto()
    """Rows may be written but are never shown, for example jobs."""
    BOTH = auto()


@dataclass(frozen=True, slots=True)
class Reached:
    """The rows of a table in a partner's scope; all rows if there is no condition.

    `owner` is the column with the owner of an inserted row: the id of a customer, contact, access
    token or user. `masked` maps columns to the expressions that are shown instead: the first for
    PostgreSQL, the second for SQLite.
    """

    access: Access
    condition: str | None = None
    owner: str | None = None
    masked: Mapping[str, tuple[str, str]] = field(default_factory=dict)


_PLATFORMS = Reached(Access.READ)
_MACHINERY = Reached(Access.WRITE)
_HIDDEN = Reached(Access.NONE)
_CUSTOMERS = Reached(Access.BOTH, OF_CUSTOMER, "customer_id")

_PARENT = "CASE WHEN {row}.parent_id = ? THEN {row}.parent_id END"
"""Hides from a partner the parent of the partner's own customer row."""

_RESELLER = "CASE WHEN {row}.reseller_id = ? THEN {row}.reseller_id END"
"""Hides from a partner the ids of other resellers in older audit entries."""


def _of_staff(column: str, otherwise: str = "NULL") -> str:
    """Return SQL for a column of the reseller's own users; `otherwise` for other users."""
    staff = STAFF.replace("u.", "{row}.")
    return f"CASE WHEN {staff} THEN {{row}}.{column} ELSE {otherwise} END"


_IDENTITY = {name: (_of_staff(name),) * 2 for name in ("email", "issuer", "subject")}
_IDENTITY["search_key"] = (_of_staff("search_key", "''"),) * 2


def _without_parent(column: str) -> tuple[str, str]:
    """Return SQL for a JSON column without `parent_id`, for PostgreSQL and SQLite.

    The parent may be an earlier reseller of the customer.
    """
    return (
        f"{{row}}.{column} - 'parent_id'",
        f"json_remove({{row}}.{column}, '$.parent_id')",
    )


TABLES: Mapping[str, Reached] = {
    "access_token": Reached(Access.BOTH, "{row}.reseller_id = ?", "reseller_id"),
    "app_user": Reached(
        Access.READ,
        STAFF_AND_HOLDERS.replace("u.", "{row}."),
        masked={
            **_IDENTITY,
            "permissions": (
                _of_staff("permissions", "CAST('[]' AS JSONB)"),
                _of_staff("permissions", "'[]'"),
            ),
        },
    ),
    "audit_entry": Reached(
        Access.BOTH,
        AUDITED,
        "subject_id",
        {
            "before": _without_parent("before"),
            "after": _without_parent("after"),
            "reseller_id": (_RESELLER, _RESELLER),
        },
    ),
    "class_change": _CUSTOMERS,
    "confirmation": _CUSTOMERS,
    "confirmation_token": _HIDDEN,
    "consent_entry": _CUSTOMERS,
    "consent_ledger": Reached(Access.BOTH, OF_CUSTOMER.replace("customer_id", "id"), "id"),
    "consent_period": _CUSTOMERS,
    "consent_testimony": _CUSTOMERS,
    "contact": _CUSTOMERS,
    "contact_state": _CUSTOMERS,
    "customer": Reached(
        Access.BOTH,
        "({row}.id = ? OR {row}.parent_id = ?)",
        "id",
        {"parent_id": (_PARENT, _PARENT)},
    ),
    "customer_class": _PLATFORMS,
    "customer_search": _HIDDEN,
    "customer_template": Reached(Access.READ, "({row}.parent_id IS NULL OR {row}.parent_id = ?)"),
    "enrichment_run": _CUSTOMERS,
    "event": Reached(Access.BOTH, OF_SUBJECT, "subject_id"),
    "group_membership": Reached(
        Access.READ,
        f"EXISTS (SELECT 1 FROM app_user AS u WHERE u.id = {{row}}.user_id AND {STAFF})",  # noqa: S608  # see above
    ),
    "heartbeat": _HIDDEN,
    "job": _MACHINERY,
    "numbered_span": _PLATFORMS,
    "numbering": _HIDDEN,
    "platform_defaults": _PLATFORMS,
    "preference_entry": _CUSTOMERS,
    "queue_turn": _HIDDEN,
    "quota_use": Reached(Access.BOTH),
    "rate_limit": Reached(Access.BOTH),
    "suggestion": _CUSTOMERS,
    "user_group": Reached(
        Access.READ,
        "EXISTS (SELECT 1 FROM group_membership AS m JOIN app_user AS u ON u.id = m.user_id"  # noqa: S608  # see above
        f" WHERE m.group_id = {{row}}.id AND {STAFF})",
    ),
    "upstream_response": Reached(
        Access.WRITE,
        "EXISTS (SELECT 1 FROM enrichment_run AS run JOIN customer AS own"  # noqa: S608  # see above
        f" ON own.id = run.customer_id WHERE run.id = {{row}}.run_id AND {OWN})",
    ),
}
