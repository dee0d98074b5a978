"""When a company is looked up again, and whether its accounts are requested again."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.rules.enrichment_status import EnrichmentReason, EnrichmentStatus
from models.rules.refresh import (
    AFTER_FAILURE,
    AGE_SPREAD,
    SPREAD,
    YEAR,
    Known,
    RefreshPolicy,
    next_refresh,
)

POLICY = RefreshPolicy(max_age=timedelta(days=30), grace=timedelta(days=1))
LOOKED_AT = datetime(2026, 6, 1, 12, tzinfo=UTC)
FIRST = "00041959"  # its share of the spread is 0.000005
LAST = "00011147"  # 0.99999
SUCCEEDED, PARTIAL = EnrichmentStatus.SUCCEEDED, EnrichmentStatus.PARTIAL
FAILED, NOT_FOUND = EnrichmentStatus.FAILED, EnrichmentStatus.NOT_FOUND


@pytest.mark.parametrize(
    ("number", "due_on", "company_status", "status", "days"),
    [
        (FIRST, None, "active", SUCCEEDED, 30),  # only the age counts
        (LAST, None, "active", SUCCEEDED, 24),  # up to a fifth earlier
        (FIRST, None, None, NOT_FOUND, 30),  # the number may be given to a company later
        (FIRST, None, "active", PARTIAL, 30),
        (FIRST, None, "active", FAILED, 7),  # tried again sooner
        (FIRST, "2027-01-31", "active", SUCCEEDED, 30),  # due later than the profile is old
        (FIRST, "2026-06-11", "active", SUCCEEDED, 10.5),  # midnight after the due day
        (LAST, "2026-06-11", "active", SUCCEEDED, 15.5),  # five days of spread
        (FIRST, "2026-06-01", "active", SUCCEEDED, 0.5),  # due today
        (FIRST, "2026-05-31", "active", SUCCEEDED, 5.5),  # overdue: six days later again
        (FIRST, "2026-05-25", "active", SUCCEEDED, 13.5),  # 20 days after the first look
        (FIRST, "2026-05-11", "active", SUCCEEDED, 30),  # overdue for long: the age alone
        (FIRST, "2020-01-31", "active", SUCCEEDED, 30),
        (FIRST, "2026-06-11", "dissolved", SUCCEEDED, 365),  # it files no more
        (LAST, None, "dissolved", SUCCEEDED, 292),
        (FIRST, None, "removed", SUCCEEDED, 365),
        (FIRST, "2026-06-11", "liquidation", SUCCEEDED, 10.5),  # it still may
        (FIRST, "2026-06-11", "dissolved", FAILED, 7),  # whatever is known of it
    ],
)
def test_the_next_look(
    number: str,
    due_on: str | None,
    company_status: str | None,
    status: EnrichmentStatus,
    days: float,
) -> None:
    details = {"accounts_next_due_on": due_on, "company_status": company_status}
    at = next_refresh(number, LOOKED_AT, status, details, POLICY)
    assert abs(at - LOOKED_AT - timedelta(days=days)) < timedelta(minutes=10)


@given(
    number=st.from_regex(r"[0-9]{8}", fullmatch=True),
    due_in=st.none() | st.integers(-500, 500),
    age=st.floats(0.01, 3_650),
    grace=st.floats(0, 365),
    status=st.sampled_from([SUCCEEDED, PARTIAL, FAILED, NOT_FOUND]),
)
def test_the_next_look_lies_ahead_and_within_the_age(
    number: str, due_in: int | None, age: float, grace: float, status: EnrichmentStatus
) -> None:
    details: dict[str, Any] = {}
    if due_in is not None:
        details["accounts_next_due_on"] = str((LOOKED_AT + timedelta(days=due_in)).date())
    policy = RefreshPolicy(timedelta(days=age), timedelta(days=grace))
    at = next_refresh(number, LOOKED_AT, status, details, policy)
    assert LOOKED_AT < at <= LOOKED_AT + policy.max_age
    assert status is not FAILED or at <= LOOKED_AT + AFTER_FAILURE


def test_companies_are_spread_evenly() -> None:
    """Numbers that follow each other have no similar shares."""
    details = {"accounts_next_due_on": "2026-06-11"}
    by_day = [0] * 5
    for number in range(1_000):
        at = next_refresh(f"{number:08}", LOOKED_AT, SUCCEEDED, details, POLICY)
        by_day[int((at - LOOKED_AT - timedelta(days=10.5)) / timedelta(days=1))] += 1
    assert sum(by_day) == 1_000
    assert max(by_day) - min(by_day) < 100
    assert timedelta(days=5) == SPREAD
    assert (0.2, timedelta(days=365)) == (AGE_SPREAD, YEAR)


@pytest.mark.parametrize(
    ("etag", "last_accounts_on", "is_unchanged"),
    [
        ("a", "2025-12-31", True),
        ("b", "2025-12-31", False),  # something else than the accounts changed
        ("a", "2026-12-31", False),
        ("a", None, False),
        (None, "2025-12-31", False),  # nothing to compare
    ],
)
def test_an_unchanged_profile_needs_no_further_requests(
    etag: str | None, last_accounts_on: str | None, *, is_unchanged: bool
) -> None:
    known = Known("a", "2025-12-31", SUCCEEDED)
    assert known.is_unchanged(etag, last_accounts_on) is is_unchanged
    assert not Known(None, "2025-12-31", SUCCEEDED).is_unchanged(None, "2025-12-31")


def test_a_company_without_accounts_may_be_unchanged() -> None:
    known = Known("a", None, PARTIAL, EnrichmentReason.NO_ACCOUNTS_YET)
    assert known.is_unchanged("a", None)


@pytest.mark.parametrize(
    ("status", "reason", "is_complete"),
    [
        (SUCCEEDED, None, True),
        (PARTIAL, EnrichmentReason.ACCOUNTS_PDF_ONLY, True),
        (PARTIAL, EnrichmentReason.NO_ACCOUNTS_YET, True),
        (PARTIAL, EnrichmentReason.ACCOUNTS_UNAVAILABLE, False),  # they may be there tomorrow
        (FAILED, EnrichmentReason.GAVE_UP, False),
        (NOT_FOUND, EnrichmentReason.UNKNOWN_COMPANY_NUMBER, False),
    ],
)
def test_only_a_complete_lookup_is_compared_with(
    status: EnrichmentStatus, reason: EnrichmentReason | None, *, is_complete: bool
) -> None:
    known = Known("a", "2025-12-31", status, reason)
    assert known.is_complete is is_complete
    assert Known.of({"known": known.stored()}) == known
    assert Known.of({}) is None
