"""Checks date-time arguments of fields, and converts them to UTC."""

from datetime import UTC, datetime

from schema.base.errors import ErrorCode, RequestRefused


def checked_instant(instant: datetime, argument: str) -> datetime:
    """Return the instant in UTC; `argument` is its name in messages.

    Raises RequestRefused if the instant has no offset from UTC, or is outside the years 1 to 9999.
    """
    if instant.tzinfo is None:
        raise RequestRefused(
            ErrorCode.BAD_USER_INPUT,
            f"`{argument}` must have an offset from UTC, such as Z or +01:00.",
        )
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        raise RequestRefused(
            ErrorCode.BAD_USER_INPUT, f"`{argument}` must be between the years 1 and 9999 in UTC."
        ) from None


def checked_period(from_at: datetime, until_at: datetime) -> tuple[datetime, datetime]:
    """Return both instants in UTC; raises RequestRefused unless `from_at` is before `until_at`."""
    since, until = checked_instant(from_at, "fromAt"), checked_instant(until_at, "untilAt")
    if since >= until:
        raise RequestRefused(ErrorCode.BAD_USER_INPUT, "`fromAt` must be before `untilAt`.")
    return since, until
