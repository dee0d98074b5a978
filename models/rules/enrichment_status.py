"""The states of a lookup at Companies House, and their reasons (R87). PURE."""

from datetime import datetime
from enum import StrEnum, unique


@unique
class EnrichmentStatus(StrEnum):
    """The state of a customer's latest lookup (R87)."""

    NOT_APPLICABLE = "NOT_APPLICABLE"
    PENDING = "PENDING"
    RUNNING = "RUNNING"
    RETRYING = "RETRYING"
    SUCCEEDED = "SUCCEEDED"
    PARTIAL = "PARTIAL"
    NOT_FOUND = "NOT_FOUND"
    NEEDS_COMPANY_NUMBER = "NEEDS_COMPANY_NUMBER"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"

    @property
    def is_live(self) -> bool:
        """Whether the lookup has not ended yet; then it has a job in the queue."""
        return self in _LIVE


_LIVE = frozenset({EnrichmentStatus.PENDING, EnrichmentStatus.RUNNING, EnrichmentStatus.RETRYING})


def upcoming_attempt(
    status: EnrichmentStatus, due_at: datetime | None, now: datetime
) -> datetime | None:
    """Return the future instant at which a waiting lookup may make its next attempt.

    None if the lookup runs, has ended, or may start already (and only waits in the queue).
    """
    is_waiting = status in (EnrichmentStatus.PENDING, EnrichmentStatus.RETRYING)
    return due_at if is_waiting and due_at is not None and due_at > now else None


@unique
class EnrichmentReason(StrEnum):
    """Why a lookup has its state, for example why it failed or waits."""

    NO_ACCOUNTS_YET = "NO_ACCOUNTS_YET"
    ACCOUNTS_PDF_ONLY = "ACCOUNTS_PDF_ONLY"
    ACCOUNTS_UNAVAILABLE = "ACCOUNTS_UNAVAILABLE"
    ACCOUNTS_UNREADABLE = "ACCOUNTS_UNREADABLE"
    IDENTITY_MISMATCH = "IDENTITY_MISMATCH"
    EMPLOYEES_NOT_DISCLOSED = "EMPLOYEES_NOT_DISCLOSED"
    FIGURES_NOT_TAGGED = "FIGURES_NOT_TAGGED"
    NOT_LIMITED_OR_PLC = "NOT_LIMITED_OR_PLC"
    UNKNOWN_COMPANY_NUMBER = "UNKNOWN_COMPANY_NUMBER"
    BLOCKED = "BLOCKED"
    REFUSED_BY_REGISTER = "REFUSED_BY_REGISTER"
    RATE_LIMITED = "RATE_LIMITED"
    REGISTER_UNAVAILABLE = "REGISTER_UNAVAILABLE"
    GAVE_UP = "GAVE_UP"
    INTERNAL_ERROR = "INTERNAL_ERROR"
    CLASS_CHANGED = "CLASS_CHANGED"
    COMPANY_NUMBER_CHANGED = "COMPANY_NUMBER_CHANGED"
    CUSTOMER_DELETED = "CUSTOMER_DELETED"
    DISCARDED = "DISCARDED"


@unique
class FieldOutcome(StrEnum):
    """What a lookup found for one field of the profile (R85)."""

    FOUND = "FOUND"
    NOT_FILED = "NOT_FILED"
    UNREADABLE = "UNREADABLE"
    KEPT_USER_VALUE = "KEPT_USER_VALUE"


@unique
class EnrichmentTrigger(StrEnum):
    """What started a lookup."""

    SAVE = "SAVE"
    CLASS_CHANGE = "CLASS_CHANGE"
    RETIREMENT = "RETIREMENT"
    REQUEST = "REQUEST"
    REFRESH = "REFRESH"
