"""Declares the tenant scope of each table (R99): the rows a partner's operations may see or write.

In a condition, `{row}` is the row's alias and `?` the reseller's id. Operations of partners cannot
use a table that is not declared here; a test fails if a table is missing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto, unique

OWN = "(own.id = ? OR own.parent_id = ?)"
OF_CUSTOMER = f"EXISTS (SELECT 1 FROM customer AS own WHERE own.id = {{row}}.customer_id AND {OWN})"  # noqa: S608  # no value is spelt out
TOLD = (
    "({row}.customer_id = ? OR {row}.former_reseller_id = ? OR {row}.is_for_everybody"
    " OR ({row}.reseller_id = ? AND ({row}.customer_id IS NULL OR EXISTS"
    " (SELECT 1 FROM customer AS own WHERE own.id = {row}.customer_id AND own.parent_id = ?))))"
)
"""Condition for events: a customer's only if it was the reseller's then, and still is.

Of a former customer, a reseller sees the hand-over only, and of a new one nothing from before it.
"""

AUDITED = (
    f"({OF_CUSTOMER}"  # noqa: S608  # see above
    " OR EXISTS (SELECT 1 FROM access_token AS held"
    " WHERE held.id = {row}.subject_id AND held.reseller_id = ?)"
    " OR EXISTS (SELECT 1 FROM webhook_endpoint AS hook"
    " WHERE hook.id = {row}.subject_id AND hook.reseller_id = ?)"
    " OR EXISTS (SELECT 1 FROM app_user AS u WHERE u.id = {row}.subject_id AND u.reseller_id = ?)"
    " OR EXISTS (SELECT 1 FROM customer_import AS sent"
    " WHERE sent.id = {row}.subject_id AND sent.reseller_id = ?))"
)
STAFF = "u.reseller_id = ?"
STAFF_AND_HOLDERS = (
    f"({STAFF} OR EXISTS"  # noqa: S608  # see above
    " (SELECT 1 FROM access_token AS held WHERE held.user_id = u.id AND held.reseller_id = ?))"
)
"""Condition for users of the reseller, and for other users who own a token bound to the reseller.

Of these other users, only a masked row is shown, without groups and permissions.
"""


@unique
class Access(Enum):
    """What an operation of a partner may do with the rows in its scope."""

    NONE = auto()
    READ = auto()
    WRITE = auto()
    """Rows may be written, but are never shown to partners, for example jobs."""
    BOTH = auto()


@dataclass(frozen=True, slots=True)
class TableScope:
    """The rows of a table in a partner's scope; all rows if there is no condition.

    `written` is the condition of rows that may be changed, if these are fewer than are shown.
    `owner` is the column that tells to whom an inserted row belongs: the id of a customer, contact,
    access token or user. `masked` maps columns to the SQL expressions that are shown instead: the
    first for PostgreSQL, the second for SQLite. `generated` are columns that are not in the model,
    as the database computes them.
    """

    access: Access
    condition: str | None = None
    owner: str | None = None
    masked: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    generated: tuple[str, ...] = ()
    written: str | None = None


_PLATFORMS = TableScope(Access.READ)
_MACHINERY = TableScope(Access.WRITE)
_HIDDEN = TableScope(Access.NONE)
_RESELLERS = TableScope(Access.BOTH, "{row}.reseller_id = ?", "reseller_id")
_CUSTOMERS = TableScope(Access.BOTH, OF_CUSTOMER, "customer_id")

_PARENT = "CASE WHEN {row}.parent_id = ? THEN {row}.parent_id END"
"""Hides from a partner the parent of the partner's own customer row."""

_RESELLER = "CASE WHEN {row}.reseller_id = ? THEN {row}.reseller_id END"
"""Hides from a partner the ids of other resellers in older audit entries."""


def _of_staff(column: str, otherwise: str = "NULL") -> str:
    """Return SQL for a column of the user table: for users of the reseller, the column's value.

    For other users it is `otherwise`, an SQL expression.
    """
    staff = STAFF.replace("u.", "{row}.")
    return f"CASE WHEN {staff} THEN {{row}}.{column} ELSE {otherwise} END"


_IDENTITY = {name: (_of_staff(name),) * 2 for name in ("email", "issuer", "subject")}
_IDENTITY["search_key"] = (_of_staff("search_key", "''"),) * 2


def _without_private(column: str) -> tuple[str, str]:
    """Return SQL for a JSON column without what is private, for PostgreSQL and SQLite.

    `parent_id` may be an earlier reseller of the customer, which is hidden from the present one. So
    is an external reference in an entry that somebody else than the present reseller has made.
    """
    mine, cell = "{row}.reseller_id = ?", f"{{row}}.{column}"
    parent, reference = "'parent_id'", "'external_reference'"
    shown = f"{cell} - {parent}"
    postgres = f"CASE WHEN {mine} THEN {shown} ELSE {shown} - {reference} END"
    parent, reference = "'$.parent_id'", "'$.external_reference'"
    shown, hidden = (f"json_remove({cell}, {one})" for one in (parent, f"{parent}, {reference}"))
    return postgres, f"CASE WHEN {mine} THEN {shown} ELSE {hidden} END"


_OF_IMPORT = TableScope(
    Access.BOTH,
    "EXISTS (SELECT 1 FROM customer_import AS own"  # see above
    " WHERE own.id = {row}.import_id AND own.reseller_id = ?)",
    "import_id",
)

TABLES: Mapping[str, TableScope] = {
    "access_token": _RESELLERS,
    "api_usage": TableScope(Access.READ, "{row}.reseller_id = ?"),
    "app_user": TableScope(
        Access.BOTH,
        STAFF_AND_HOLDERS.replace("u.", "{row}."),
        "reseller_id",
        written=STAFF.replace("u.", "{row}."),
        masked={
            **_IDENTITY,
            "permissions": (
                _of_staff("permissions", "CAST('[]' AS JSONB)"),
                _of_staff("permissions", "'[]'"),
            ),
        },
    ),
    "audit_entry": TableScope(
        Access.BOTH,
        AUDITED,
        "subject_id",
        {
            "before": _without_private("before"),
            "after": _without_private("after"),
            "reseller_id": (_RESELLER, _RESELLER),
        },
    ),
    "class_change": _CUSTOMERS,
    "confirmation": _CUSTOMERS,
    "confirmation_token": _HIDDEN,
    "consent_entry": _CUSTOMERS,
    "consent_ledger": TableScope(Access.BOTH, OF_CUSTOMER.replace("customer_id", "id"), "id"),
    "consent_period": _CUSTOMERS,
    "consent_testimony": _CUSTOMERS,
    "contact": _CUSTOMERS,
    "contact_state": _CUSTOMERS,
    "customer": TableScope(
        Access.BOTH,
        "({row}.id = ? OR {row}.parent_id = ?)",
        "id",
        {"parent_id": (_PARENT, _PARENT)},
        ("company_status", "employee_count", "net_assets", "net_assets_currency"),
    ),
    "customer_class": _PLATFORMS,
    "customer_import": _RESELLERS,
    "customer_search": _HIDDEN,
    "customer_template": TableScope(
        Access.READ, "({row}.parent_id IS NULL OR {row}.parent_id = ?)"
    ),
    "delivery_check": _HIDDEN,
    "deprecated_use": TableScope(Access.READ, "{row}.reseller_id = ?"),
    "enrichment_run": _CUSTOMERS,
    "event": TableScope(Access.BOTH, TOLD, "subject_id"),
    "event_consumer": _HIDDEN,
    "event_generation": _HIDDEN,
    "group_membership": TableScope(
        Access.READ,
        f"EXISTS (SELECT 1 FROM app_user AS u WHERE u.id = {{row}}.user_id AND {STAFF})",  # noqa: S608  # see above
    ),
    "heartbeat": _HIDDEN,
    "idempotency": TableScope(Access.BOTH),
    "import_failed_row": _OF_IMPORT,
    "import_fault": _OF_IMPORT,
    "import_part": _HIDDEN,
    "job": _MACHINERY,
    "job_pause": _HIDDEN,
    "numbered_span": _PLATFORMS,
    "numbering": _HIDDEN,
    "platform_defaults": _PLATFORMS,
    "preference_entry": _CUSTOMERS,
    "profile_change": _CUSTOMERS,
    "queue_turn": _HIDDEN,
    "quota_use": TableScope(Access.BOTH),
    "rate_limit": TableScope(Access.BOTH),
    "suggestion": _CUSTOMERS,
    "user_group": TableScope(
        Access.READ,
        "EXISTS (SELECT 1 FROM group_membership AS m JOIN app_user AS u ON u.id = m.user_id"  # noqa: S608  # see above
        f" WHERE m.group_id = {{row}}.id AND {STAFF})",
    ),
    "upstream_response": TableScope(
        Access.WRITE,
        "EXISTS (SELECT 1 FROM enrichment_run AS run JOIN customer AS own"  # noqa: S608  # see above
        f" ON own.id = run.customer_id WHERE run.id = {{row}}.run_id AND {OWN})",
    ),
    "webhook_attempt": TableScope(Access.READ, "{row}.reseller_id = ?"),
    "webhook_delivery": TableScope(Access.READ, "{row}.reseller_id = ?"),
    "webhook_endpoint": _RESELLERS,
    "webhook_lane": _HIDDEN,
}
