"""Checks instants that clients give, wherever they are no part of a mutation's input."""

from datetime import UTC, datetime

from schema.base.errors import ErrorCode, RequestRefused


def checked_instant(instant: datetime, argument: str) -> datetime:
    """Give an instant in UTC; refuse one without an offset, or beyond what can be written."""
    if instant.tzinfo is None:
        raise RequestRefused(ErrorCode.BAD_USER_INPUT, f"{argument} needs an offset, such as Z.")
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        raise RequestRefused(
            ErrorCode.BAD_USER_INPUT, f"{argument} lies beyond the calendar."
        ) from None


def checked_period(from_: datetime, to: datetime) -> tuple[datetime, datetime]:
    """Give a period in UTC; refuse one that ends before it begins."""
    since, until = checked_instant(from_, "from"), checked_instant(to, "to")
    if since >= until:
        raise RequestRefused(ErrorCode.BAD_USER_INPUT, "from must lie before to.")
    return since, until
