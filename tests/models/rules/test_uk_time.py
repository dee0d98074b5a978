"""Formatting times in UK local time."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from models.rules.uk_time import uk_time


@pytest.mark.parametrize(
    ("at", "shown"),
    [
        (datetime(2026, 7, 1, 9, 30, tzinfo=UTC), "1 July 2026, 10:30 BST"),
        (datetime(2026, 12, 24, 9, 5, tzinfo=UTC), "24 December 2026, 09:05 GMT"),
        (datetime(2026, 3, 29, 0, 59, tzinfo=UTC), "29 March 2026, 00:59 GMT"),
        (datetime(2026, 3, 29, 1, 0, tzinfo=UTC), "29 March 2026, 02:00 BST"),  # the clocks change
        (datetime(2026, 6, 30, 23, 30, tzinfo=UTC), "1 July 2026, 00:30 BST"),  # another day
        (
            datetime(2026, 7, 1, 9, 30, tzinfo=timezone(timedelta(hours=2))),
            "1 July 2026, 08:30 BST",
        ),
    ],
)
def test_a_time_is_shown_in_local_time_with_its_name(at: datetime, shown: str) -> None:
    assert uk_time(at) == shown
