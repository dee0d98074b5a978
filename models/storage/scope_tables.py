"""What of each table a bound operation reaches (R99): declared once for every table there is.

A condition calls the row `{row}`, and writes `?` for the id of the reseller. A table that is not
declared is refused to bound operations, and a test fails for it.
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
"""Users of the reseller, and those who hold a token that is bound to it.

Of the latter no more is shown than who they are: their groups, and what they were granted, are the
platform's.
"""


@unique
class Access(Enum):
    """What a bound operation may do with the rows that it reaches."""

    NONE = auto()
    READ = auto()
    WRITE = auto()
    """To write without being shown: what keeps the platform running."""
    BOTH = auto()


@dataclass(frozen=True, slots=True)
class Reached:
    """The rows of a table that a bound operation reaches; all of them without a condition.

    `owner` is the column by which an inserted row says whose it is: by the id of a customer, or of
    what is a customer's. `masked` gives columns of which only a part is shown, by dialect:
    PostgreSQL, SQLite.
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
"""A bound reseller does not learn whom it buys through itself."""

_RESELLER = "CASE WHEN {row}.reseller_id = ? THEN {row}.reseller_id END"
"""Nor whose credential it was that wrote about a customer before it came."""


def _of_staff(column: str, otherwise: str = "NULL") -> str:
    """Give what is shown of the reseller's own users only."""
    staff = STAFF.replace("u.", "{row}.")
    return f"CASE WHEN {staff} THEN {{row}}.{column} ELSE {otherwise} END"


_IDENTITY = {name: (_of_staff(name),) * 2 for name in ("email", "issuer", "subject")}
_IDENTITY["search_key"] = (_of_staff("search_key", "''"),) * 2


def _without_parent(column: str) -> tuple[str, str]:
    """Give values without the parent: nor whom a customer bought through before it came."""
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
