"""Interprets answers of Companies House: which error a status means, and how long to wait."""

from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from enrichment.errors import (
    BadRequest,
    CompaniesHouseFault,
    Forbidden,
    GatewayError,
    NotAcceptable,
    NotFound,
    PermanentFault,
    RedirectRefused,
    ServerError,
    TooManyRequests,
    TransientFault,
    Unauthorised,
    UnexpectedStatus,
)
from enrichment.exchange import Answer

# The window of the rate limit is five minutes; 10 s are added for clock differences.
SHORTEST_WAIT_S, MAX_WAIT_S = 1.0, 310.0
WHOLE_WINDOW_S = 300.0

_PERMANENT: dict[int, type[PermanentFault]] = {
    400: BadRequest,
    401: Unauthorised,
    403: Forbidden,
    404: NotFound,
    406: NotAcceptable,
}
_TRANSIENT: dict[int, type[TransientFault]] = {
    408: ServerError,
    425: ServerError,
    502: GatewayError,
    503: GatewayError,
    504: GatewayError,
}
_MAX_NUMBER = 20


def fault_of(answer: Answer, where: str, *, now: float) -> CompaniesHouseFault | None:
    """Return the fault that the status of an answer means; None for 200 and redirects.

    `where` names the request in the message. `now` is the time in epoch seconds.
    """
    status = answer.status
    message = f"{status} from {where}"
    if status == 429:  # noqa: PLR2004 - an HTTP status
        return TooManyRequests(message, retry_after=wait_after_refusal(answer.headers, now=now))
    if status in _PERMANENT:
        return _PERMANENT[status](message, status=status)
    if status in _TRANSIENT or status >= 500:  # noqa: PLR2004
        kind = _TRANSIENT.get(status, ServerError)
        return kind(message, status=status, retry_after=_retry_after(answer.headers, now))
    if status == 200 or is_redirect(status):  # noqa: PLR2004
        return None
    return UnexpectedStatus(message, status=status)


def is_redirect(status: int) -> bool:
    return status in {301, 302, 303, 307, 308}


def refuse_redirect(answer: Answer, where: str) -> None:
    """Raise RedirectRefused if an answer is a redirect.

    Only requests for a document's content may be redirected; they do not use this function.
    """
    if is_redirect(answer.status):
        raise RedirectRefused(f"{answer.status} from {where}", status=answer.status)


def time_of(headers: Mapping[str, str], own: float) -> float:
    """Return the server's time in epoch seconds, from the Date header; `own` if it is missing.

    Other times in the answer are from the server's clock too, so waits that are computed from both
    are right even if the clock of this machine is wrong.
    """
    return _instant(headers.get("Date")) or own


def wait_after_refusal(headers: Mapping[str, str], *, now: float) -> float:
    """Return the seconds to wait after status 429, by Retry-After or X-Ratelimit-Reset.

    Without these headers, it is a whole window of the rate limit. `now` is in epoch seconds.
    """
    waiting = _retry_after(headers, now)
    return wait_until_reset(headers, now=now) if waiting is None else waiting


def wait_until_reset(headers: Mapping[str, str], *, now: float) -> float:
    """Return the seconds until X-Ratelimit-Reset; a whole window if the header is missing."""
    reset = _number(headers.get("X-Ratelimit-Reset"))
    return bounded(WHOLE_WINDOW_S if reset is None else reset - now)


def is_budget_empty(headers: Mapping[str, str]) -> bool:
    """Return whether the headers say that the rate limit allows no more requests.

    The two APIs of Companies House use different names for the header.
    """
    names = ("X-Ratelimit-Remain", "X-Ratelimit-Remaining")
    left = [_number(headers.get(name)) for name in names]
    return any(number is not None and number <= 0 for number in left)


def bounded(seconds: float) -> float:
    """Return a wait in seconds, limited to the range from SHORTEST_WAIT_S to MAX_WAIT_S."""
    return min(max(seconds, SHORTEST_WAIT_S), MAX_WAIT_S)


def _retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Return the wait in Retry-After, a number or an HTTP date, in seconds; None without it."""
    value = headers.get("Retry-After")
    seconds = _number(value)
    if seconds is not None:
        return bounded(seconds)
    at = _instant(value)
    return None if at is None else bounded(at - now)


def _instant(value: str | None) -> float | None:
    try:
        return parsedate_to_datetime(value or "").timestamp()
    except (ValueError, OverflowError):
        return None


def _number(value: str | None) -> float | None:
    digits = (value or "").strip()
    plain = digits.removeprefix("-").replace(".", "", 1)
    if not (plain.isascii() and plain.isdigit()) or len(digits) > _MAX_NUMBER:
        return None
    return float(digits)
