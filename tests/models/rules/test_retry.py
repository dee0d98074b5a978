"""When a failed job is retried, and when it is given up."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.rules.retry import RetryPolicy

POLICY = RetryPolicy(
    first_wait=timedelta(seconds=2),
    factor=3.0,
    longest_wait=timedelta(minutes=1),
    most_attempts=6,
    longest_span=timedelta(hours=1),
)
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("attempts", "span", "random", "at_least", "wait"),
    [
        (1, 0, 1.0, 0, 2.0),  # the first wait, without jitter
        (1, 0, 0.0, 0, 1.0),  # jitter subtracts at most half of it
        (1, 0, 0.5, 0, 1.5),
        (2, 0, 1.0, 0, 6.0),  # three times as long
        (3, 0, 1.0, 0, 18.0),
        (4, 0, 1.0, 0, 54.0),
        (5, 0, 1.0, 0, 60.0),  # capped
        (0, 0, 1.0, 0, 2.0),  # no attempt counted yet
        (1, 0, 1.0, 30, 30.0),  # Retry-After is honoured (R90)
        (1, 0, 1.0, 1, 2.0),  # and does not shorten the back-off
        (5, 0, 1.0, 300, 300.0),  # it may exceed the cap
        (6, 0, 1.0, 0, None),  # the last attempt was made
        (7, 0, 1.0, 0, None),
        (1, 3599, 1.0, 0, 2.0),  # just in time
        (1, 3600, 1.0, 0, None),  # too long ago
        (6, 0, 1.0, 300, None),  # Retry-After does not change that
    ],
)
def test_the_wait_grows_and_ends(
    attempts: int, span: int, random: float, at_least: int, wait: float | None
) -> None:
    """R90."""
    given_wait = POLICY.wait(attempts, span * SECOND, lambda: random, at_least * SECOND)
    assert given_wait == (None if wait is None else wait * SECOND)


@given(
    attempts=st.integers(0, 10_000),
    span=st.timedeltas(timedelta(), timedelta(days=10)),
    random=st.floats(0, 1),
    at_least=st.timedeltas(timedelta(), timedelta(minutes=6)),
)
def test_a_wait_is_always_within_bounds(
    attempts: int, span: timedelta, random: float, at_least: timedelta
) -> None:
    """R90."""
    policy = RetryPolicy()
    wait = policy.wait(attempts, span, lambda: random, at_least)
    if attempts >= policy.most_attempts or span >= policy.longest_span:
        assert wait is None
    else:
        assert wait is not None
        assert max(policy.first_wait / 2, at_least) <= wait
        assert wait <= max(policy.longest_wait, at_least)


@given(st.floats(0, 1))
def test_the_attempts_span_more_than_a_day_and_then_end(random: float) -> None:
    """R90: because outages can last a day."""
    policy, span, attempts = RetryPolicy(), timedelta(), 1
    while (wait := policy.wait(attempts, span, lambda: random)) is not None:
        span, attempts = span + wait, attempts + 1
    assert timedelta(days=1) < span < policy.longest_span + policy.longest_wait
    assert attempts <= policy.most_attempts
