"""Sorts error codes: faults of the service, and exceeded allowances of a caller."""

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
