"""Refusals: errors that a user can fix, never bugs; mutations return them in `userErrors`. PURE.

Refused
└── StaleVersion      the row changed since the caller read it
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum, unique
from typing import Any, TypedDict, Unpack


@unique
class RefusalCode(StrEnum):
    """The code of a refusal. Clients may rely on this set of values."""

    REQUIRED = "REQUIRED"
    BLANK = "BLANK"
    TOO_LONG = "TOO_LONG"
    CONTROL_CHARACTERS = "CONTROL_CHARACTERS"
    BAD_FORMAT = "BAD_FORMAT"
    OUT_OF_RANGE = "OUT_OF_RANGE"
    IN_THE_FUTURE = "IN_THE_FUTURE"
    TOO_PRECISE = "TOO_PRECISE"
    TOO_MANY_DIGITS = "TOO_MANY_DIGITS"
    UNSUPPORTED_CURRENCY = "UNSUPPORTED_CURRENCY"
    VALUE_NOT_ALLOWED = "VALUE_NOT_ALLOWED"
    TOO_FEW_ITEMS = "TOO_FEW_ITEMS"
    TOO_MANY_ITEMS = "TOO_MANY_ITEMS"
    DUPLICATE_ITEM = "DUPLICATE_ITEM"
    CONTRADICTORY_VALUES = "CONTRADICTORY_VALUES"
    NOT_APPLICABLE = "NOT_APPLICABLE"
    CANNOT_CHANGE = "CANNOT_CHANGE"
    NOT_FOUND = "NOT_FOUND"
    ALREADY_EXISTS = "ALREADY_EXISTS"
    VERSION_CONFLICT = "VERSION_CONFLICT"
    ADMINISTER_REQUIRED = "ADMINISTER_REQUIRED"
    INVALID_DISPLAY_CLASS = "INVALID_DISPLAY_CLASS"
    CONTRADICTORY_FLAGS = "CONTRADICTORY_FLAGS"
    SHIPPED_CLASS_PROTECTED = "SHIPPED_CLASS_PROTECTED"
    CLASS_HAS_BEEN_USED = "CLASS_HAS_BEEN_USED"
    CLASS_REFERENCED = "CLASS_REFERENCED"
    CLASS_HAS_CUSTOMERS = "CLASS_HAS_CUSTOMERS"
    CLASS_RETIRED = "CLASS_RETIRED"
    REPLACEMENT_IS_SAME_CLASS = "REPLACEMENT_IS_SAME_CLASS"
    CLASS_REQUIRED = "CLASS_REQUIRED"
    CLASS_CHANGE_NEEDS_REASON = "CLASS_CHANGE_NEEDS_REASON"
    INVALID_COMPANY_NUMBER = "INVALID_COMPANY_NUMBER"
    INVALID_PARENT = "INVALID_PARENT"
    CUSTOMER_HAS_CHILDREN = "CUSTOMER_HAS_CHILDREN"
    ENRICHMENT_NOT_APPLICABLE = "ENRICHMENT_NOT_APPLICABLE"
    NEEDS_COMPANY_NUMBER = "NEEDS_COMPANY_NUMBER"
    SUGGESTION_SETTLED = "SUGGESTION_SETTLED"
    AFFIRMATION_REQUIRED = "AFFIRMATION_REQUIRED"
    IDEMPOTENCY_KEY_REUSED = "IDEMPOTENCY_KEY_REUSED"
    CONSENT_ENTRY_CORRECTED = "CONSENT_ENTRY_CORRECTED"
    CONSENT_NOT_EDITABLE = "CONSENT_NOT_EDITABLE"
    INVALID_EMAIL = "INVALID_EMAIL"
    EMAIL_MISSING = "EMAIL_MISSING"
    EMAIL_NOT_VERIFIED = "EMAIL_NOT_VERIFIED"
    EMAIL_ALREADY_VERIFIED = "EMAIL_ALREADY_VERIFIED"
    CONTACT_INACTIVE = "CONTACT_INACTIVE"
    TOO_MANY_REQUESTS = "TOO_MANY_REQUESTS"
    RATE_LIMITED = "RATE_LIMITED"
    NOT_FOR_PARTNERS = "NOT_FOR_PARTNERS"
    PERMISSION_NOT_HELD = "PERMISSION_NOT_HELD"
    PERSONAL_DATA_NEEDED = "PERSONAL_DATA_NEEDED"
    PERMISSION_IMPLIED = "PERMISSION_IMPLIED"
    BEYOND_RESELLER = "BEYOND_RESELLER"
    INVALID_RESELLER = "INVALID_RESELLER"
    LAST_ADMINISTRATOR = "LAST_ADMINISTRATOR"
    USER_ACTIVE = "USER_ACTIVE"
    USER_LIMIT = "USER_LIMIT"
    USER_DISABLED = "USER_DISABLED"
    TOKEN_ENDED = "TOKEN_ENDED"  # noqa: S105  # a code, no secret
    URL_NOT_HTTPS = "URL_NOT_HTTPS"
    URL_HAS_CREDENTIALS = "URL_HAS_CREDENTIALS"
    URL_NOT_PUBLIC = "URL_NOT_PUBLIC"
    WEBHOOK_ENDPOINT_LIMIT = "WEBHOOK_ENDPOINT_LIMIT"
    WEBHOOK_ENDPOINT_INACTIVE = "WEBHOOK_ENDPOINT_INACTIVE"
    SECRET_JUST_ROTATED = "SECRET_JUST_ROTATED"  # noqa: S105  # a code, no secret
    NOT_REDELIVERABLE = "NOT_REDELIVERABLE"
    JOB_NOT_CHANGEABLE = "JOB_NOT_CHANGEABLE"
    ACCESS_TOKEN_LIMIT = "ACCESS_TOKEN_LIMIT"  # noqa: S105  # a code, no secret


class Bounds(TypedDict, total=False):
    """What a value must be like, for clients that word the message themselves."""

    limit: int
    """The maximum: of characters, digits, decimal places, items or requests, or of the number."""
    minimum: int
    """The minimum number, or the minimum number of items."""
    earliest: str
    """The earliest date or date-time, in ISO 8601."""
    latest: str
    """The latest date or date-time, in ISO 8601."""
    allowed_values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Refusal:
    """One error that the caller can fix; `path` is the path of the input field with the error."""

    code: RefusalCode
    message: str
    path: tuple[str, ...] = ()
    hint: str | None = None
    retryable: bool = False
    retry_after_seconds: int | None = None
    """Seconds after which the same request may succeed; None if waiting does not help."""
    bounds: Bounds = field(default_factory=Bounds)


class Refused(Exception):
    """Raised to refuse an operation; the transaction is rolled back, so that nothing changes.

    `current` is the affected row, if the response shall show its present state; otherwise None.
    """

    def __init__(self, refusals: Sequence[Refusal], current: Any = None) -> None:
        super().__init__("; ".join(refusal.message for refusal in refusals))
        self.refusals = tuple(refusals)
        self.current = current


class StaleVersion(Refused):
    """The caller edited an older version of the row than the version of `current` (R101)."""

    def __init__(self, current: Any, expected: int, found: int) -> None:
        super().__init__(
            [
                Refusal(
                    RefusalCode.VERSION_CONFLICT,
                    f"You edited version {expected}, but the current version is {found}.",
                    ("expectedVersion",),
                    hint="Read the object again, repeat your change, and send the new version.",
                    retryable=True,
                )
            ],
            current,
        )


@contextmanager
def about(row: Any) -> Iterator[None]:
    """Set `current` of refusals that the block raises to `row`, so that the response shows it."""
    try:
        yield
    except Refused as refused:
        refused.current = row
        raise


def refuse(
    code: RefusalCode,
    message: str,
    *path: str,
    hint: str | None = None,
    **bounds: Unpack[Bounds],
) -> Refused:
    """Return the exception for a single refusal; the caller raises it."""
    return Refused([Refusal(code, message, path, hint, bounds=bounds)])
