"""Decides when a failed webhook is tried again, and when to give up. PURE."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum, unique
from http import HTTPStatus

WAITS = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    *(timedelta(hours=hours) for hours in (2, 5, 10, 14, 20, 24)),
)
"""The waits after the first failed attempts of a delivery; the last one is repeated."""

SPREAD = 0.2
"""The part of a wait by which it is lengthened or shortened at random."""

MAX_ASKED = timedelta(hours=24)
"""The longest wait that a receiver can ask for."""

BREAKER_AFTER = 5
"""After this number of failures in a row, an endpoint gets one delivery at a time, as a probe."""

FIRST_REST = timedelta(seconds=5)
LONGEST_REST = timedelta(minutes=10)

SET_ASIDE_AFTER = timedelta(hours=24)
"""A delivery that fails for this time is given up if others to the endpoint succeed."""


@unique
class AttemptError(StrEnum):
    """Why an attempt to deliver an event failed."""

    REFUSED = "REFUSED"
    """The receiver answered with a status that is not 2xx."""
    REDIRECTED = "REDIRECTED"
    GONE = "GONE"
    TIMED_OUT = "TIMED_OUT"
    CONNECT_FAILED = "CONNECT_FAILED"
    """No connection: the name is unknown, or the host does not answer, or refuses."""
    TLS_FAILED = "TLS_FAILED"
    UNSAFE_TARGET = "UNSAFE_TARGET"
    """The host has an IP address that is not public."""
    BROKEN_ANSWER = "BROKEN_ANSWER"
    EVENT_DELETED = "EVENT_DELETED"
    """The event is no longer stored, so that nothing was sent."""
    SECRET_UNREADABLE = "SECRET_UNREADABLE"  # noqa: S105  # a name, no secret
    """The endpoint's secret cannot be decrypted by the present key, so that nothing was sent."""


@dataclass(frozen=True, slots=True)
class WebhookPolicy:
    """When failing endpoints are reported and disabled."""

    disable_after: timedelta = timedelta(days=3)
    notice_after: timedelta = timedelta(hours=6)
    has_notices: bool = False
    """Whether there is an email address for notices."""


def error_of(status: int) -> AttemptError | None:
    """Return what is wrong with an answer of a status; None if it is a success."""
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return None
    if status == HTTPStatus.GONE:
        return AttemptError.GONE
    is_redirect = HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST
    return AttemptError.REDIRECTED if is_redirect else AttemptError.REFUSED


def wait_after(
    attempts: int, random: Callable[[], float], asked: timedelta | None = None
) -> timedelta:
    """Return the wait after a number of failed attempts; `asked` is what the receiver asked for.

    `random` returns numbers from 0 to 1.
    """
    planned = _spread(WAITS[min(max(attempts, 1), len(WAITS)) - 1], random)
    return planned if asked is None else max(planned, min(asked, MAX_ASKED))


def rest_after(
    failures: int, random: Callable[[], float], asked: timedelta | None = None
) -> timedelta | None:
    """Return how long an endpoint gets nothing after a number of failures in a row; None: at all.

    The next delivery is a probe.
    """
    if failures < BREAKER_AFTER:
        return None
    rest = min(FIRST_REST * 2 ** min(failures - BREAKER_AFTER, 20), LONGEST_REST)
    rest = _spread(rest, random)
    return rest if asked is None else max(rest, min(asked, MAX_ASKED))


def is_set_aside(
    now: datetime, failing_since: datetime, endpoint_failing_since: datetime | None
) -> bool:
    """Return whether to give up a delivery that fails while the endpoint takes others.

    `endpoint_failing_since` is the endpoint's first failure after its last success, if it fails.
    """
    succeeded = endpoint_failing_since is None or endpoint_failing_since > failing_since
    return succeeded and now - failing_since >= SET_ASIDE_AFTER


def asked_wait(header: str | None, now: datetime) -> timedelta | None:
    """Return the wait in a Retry-After header, which is a number of seconds or a date."""
    if header is None:
        return None
    text = header.strip()
    if text.isascii() and text.isdigit():
        return min(timedelta(seconds=min(int(text[:9]), 10**8)), MAX_ASKED)
    try:
        until = parsedate_to_datetime(text)
    except (ValueError, IndexError):
        return None
    until = until if until.tzinfo is not None else until.replace(tzinfo=UTC)
    return min(max(until - now, timedelta()), MAX_ASKED)


def _spread(wait: timedelta, random: Callable[[], float]) -> timedelta:
    return wait * (1 - SPREAD + 2 * SPREAD * random())
