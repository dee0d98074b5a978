"""When failed webhooks are tried again, and when not."""

from datetime import UTC, datetime, timedelta

import pytest

from models.rules.webhook_retry import (
    WAITS,
    AttemptError,
    asked_wait,
    error_of,
    is_set_aside,
    rest_after,
    wait_after,
)

NOW = datetime(2026, 10, 1, tzinfo=UTC)
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)


def middle() -> float:
    return 0.5


@pytest.mark.parametrize(
    ("attempts", "asked", "wait"),
    [
        (1, None, 5 * SECOND),
        (2, None, 5 * MINUTE),
        (3, None, 30 * MINUTE),
        (4, None, 2 * HOUR),
        (5, None, 5 * HOUR),
        (6, None, 10 * HOUR),
        (7, None, 14 * HOUR),
        (8, None, 20 * HOUR),
        (9, None, 24 * HOUR),
        (10, None, 24 * HOUR),
        (999, None, 24 * HOUR),
        (1, 2 * SECOND, 5 * SECOND),  # a shorter wait than planned is not granted
        (1, MINUTE, MINUTE),
        (1, 90 * HOUR, 24 * HOUR),
    ],
)
def test_waits_follow_the_schedule(attempts: int, asked: timedelta | None, wait: timedelta) -> None:
    assert wait_after(attempts, middle, asked) == wait


def test_waits_are_spread_by_a_fifth() -> None:
    assert wait_after(2, lambda: 0.0) == 4 * MINUTE
    assert wait_after(2, lambda: 1.0) == 6 * MINUTE
    assert sum(WAITS, timedelta()) > timedelta(days=3)


@pytest.mark.parametrize(
    ("failures", "rest"),
    [
        (0, None),
        (4, None),
        (5, 5 * SECOND),
        (6, 10 * SECOND),
        (9, 80 * SECOND),
        (12, 10 * MINUTE),
        (10**6, 10 * MINUTE),
    ],
)
def test_failures_in_a_row_open_the_breaker(failures: int, rest: timedelta | None) -> None:
    assert rest_after(failures, middle) == rest


@pytest.mark.parametrize(
    ("failing", "endpoint_failing", "is_given_up"),
    [
        (24 * HOUR, None, True),  # the endpoint takes others at present
        (24 * HOUR, 23 * HOUR, True),  # it took one after this one began to fail
        (24 * HOUR, 24 * HOUR, False),  # it took nothing since
        (24 * HOUR, 30 * HOUR, False),
        (23 * HOUR, None, False),
    ],
)
def test_only_what_fails_alone_is_set_aside(
    failing: timedelta, endpoint_failing: timedelta | None, *, is_given_up: bool
) -> None:
    since = None if endpoint_failing is None else NOW - endpoint_failing
    assert is_set_aside(NOW, NOW - failing, since) is is_given_up


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        (None, None),
        ("", None),
        ("120", 2 * MINUTE),
        (" 120 ", 2 * MINUTE),
        ("9" * 40, 24 * HOUR),
        ("1.5", None),
        ("-1", None),
        ("²", None),
        ("Thu, 01 Oct 2026 00:10:00 GMT", 10 * MINUTE),
        ("Thu, 01 Oct 2026 00:10:00 -0000", 10 * MINUTE),
        ("Wed, 30 Sep 2026 00:00:00 GMT", timedelta()),
        ("Thu, 01 Oct 2099 00:00:00 GMT", 24 * HOUR),
        ("Thu, 99 Oct 2026 00:00:00 GMT", None),
        ("tomorrow", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_a_date(
    header: str | None, wait: timedelta | None
) -> None:
    assert asked_wait(header, NOW) == wait


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (200, None),
        (299, None),
        (199, AttemptError.REFUSED),
        (301, AttemptError.REDIRECTED),
        (404, AttemptError.REFUSED),
        (410, AttemptError.GONE),
        (500, AttemptError.REFUSED),
    ],
)
def test_only_2xx_is_a_success(status: int, error: AttemptError | None) -> None:
    assert error_of(status) is error
