"""Names the outcomes of requests, by their error codes or HTTP status."""

from collections.abc import Iterable

from schema.base.errors import ErrorCode

LIMITED = frozenset({ErrorCode.RATE_LIMITED.value, ErrorCode.TOO_MANY_SUBSCRIPTIONS.value})
"""Codes of requests that exceeded an allowance of their caller."""

FAILED = frozenset(
    {
        ErrorCode.COMPANIES_HOUSE_UNAVAILABLE.value,
        ErrorCode.INTERNAL_ERROR.value,
        ErrorCode.OVERLOADED.value,
        ErrorCode.SIGN_IN_UNAVAILABLE.value,
        ErrorCode.TIMEOUT.value,
        ErrorCode.UNAVAILABLE.value,
    }
)
"""Codes that are no refusals: the service, not the caller, must change something."""

OK, USER_ERROR, REFUSED, LIMIT = "ok", "user_error", "refused", "limited"
FAULT, ABORTED = "failed", "aborted"

TOO_MANY = 429
REFUSED_FROM, FAILED_FROM = 400, 500
"""HTTP statuses from which on a request was refused, or failed."""


def by_codes(codes: Iterable[str]) -> str:
    """Return the outcome of a request with errors of these codes."""
    if not FAILED.isdisjoint(codes):
        return FAULT
    return REFUSED if LIMITED.isdisjoint(codes) else LIMIT


def by_status(status: int) -> str:
    """Return the outcome of a request without error codes."""
    if status < REFUSED_FROM:
        return OK
    if status == TOO_MANY:
        return LIMIT
    return FAULT if status >= FAILED_FROM else REFUSED
