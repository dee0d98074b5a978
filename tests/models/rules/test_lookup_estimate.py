"""The estimated wait of a queued lookup, as a truth table."""

from datetime import UTC, datetime, timedelta

import pytest

from models.rules.lookup_estimate import (
    Backlog,
    measured_capacity,
    rounded,
    wait_for,
    wait_for_all,
)

NOW = datetime(2026, 10, 1, 9, 30, 20, tzinfo=UTC)
CAPACITY = 0.5

WAITS: list[tuple[str, float, dict[str, Backlog], float | None]] = [
    # The place, the backlogs ("bulk" is the lookup's own urgency), and the expected seconds.
    ("alone, the first takes one turn", 1, {"bulk": Backlog(1, 4)}, 2),
    ("alone, the hundredth takes a hundred", 100, {"bulk": Backlog(400, 4)}, 200),
    ("what is behind does not count", 10, {"bulk": Backlog(10_000, 4)}, 20),
    (
        "beside an urgency of twice the weight a third is left",
        100,
        {"bulk": Backlog(100, 4), "saved": Backlog(10_000, 8)},
        600,
    ),
    (
        "when the urgent ones have drained, all is left",
        # 40 urgent take 120 s at a third of a lookup a second; 20 of ours ended meanwhile
        100,
        {"bulk": Backlog(100, 4), "saved": Backlog(40, 8)},
        120 + 80 * 2,
    ),
    (
        "three drain one after the other",
        # shares 8:4:1 of 0.5; saved 16 in 52 s (bulk 8), then 4:1 until the 20 are done
        20,
        {"bulk": Backlog(100, 4), "saved": Backlog(16, 8), "refresh": Backlog(10_000, 1)},
        52 + 12 / 0.4,
    ),
    (
        "urgent ones that keep arriving take their part, and no more",
        100,
        {"bulk": Backlog(100, 4), "saved": Backlog(0, 8, 0.1)},
        250,
    ),
    (
        "arrivals over their share are held to it",
        100,
        {"bulk": Backlog(100, 4), "saved": Backlog(0, 8, 0.9)},
        600,
    ),
    (
        "arrivals keep a backlog up for longer",
        # saved: a third of a lookup a second less 0.1 arriving: 28 take 120 s; then 0.4 are left
        100,
        {"bulk": Backlog(100, 4), "saved": Backlog(28, 8, 0.1)},
        120 + 80 / 0.4,
    ),
    (
        "the lowest urgency has its share beside all others",
        10,
        {"bulk": Backlog(10, 1), "saved": Backlog(10_000, 8), "other": Backlog(10_000, 4)},
        260,
    ),
    ("a year is no estimate", 100_000_000, {"bulk": Backlog(1, 4)}, None),
]


@pytest.mark.parametrize(
    ("place", "backlogs", "seconds"), [row[1:] for row in WAITS], ids=[row[0] for row in WAITS]
)
def test_the_place_and_what_drains_beside_it_say_how_long_it_takes(
    place: float, backlogs: dict[str, Backlog], seconds: float | None
) -> None:
    waited = wait_for(place, "bulk", backlogs, CAPACITY)
    if seconds is None:
        assert waited is None
    else:
        assert waited is not None
        assert waited.total_seconds() == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("backlogs", "seconds"),
    [
        ({}, 0),
        ({"bulk": Backlog(0, 4)}, 0),
        ({"bulk": Backlog(100, 4), "saved": Backlog(50, 8)}, 300),
        ({"bulk": Backlog(100, 4), "saved": Backlog(0, 8, 0.1)}, 250),
        ({"bulk": Backlog(100, 4), "saved": Backlog(0, 8, 0.5)}, None),  # the wait never ends
    ],
)
def test_all_is_done_when_the_spare_capacity_has_done_it(
    backlogs: dict[str, Backlog], seconds: float | None
) -> None:
    waited = wait_for_all(backlogs, CAPACITY)
    assert (None if waited is None else waited.total_seconds()) == seconds


@pytest.mark.parametrize(
    ("ended", "span_s", "capacity"),
    [
        (0, 0, 0.5),  # the work was only just queued
        (0, 900, 30 / 960),
        (450, 900, 0.5),  # at the nominal rate
        (60, 900, 90 / 960),  # slow, although more is allowed
        (1, 2, 31 / 62),  # too few to measure
        (900, 900, 930 / 960),
    ],
)
def test_the_capacity_is_what_ended_while_there_was_work(
    ended: int, span_s: float, capacity: float
) -> None:
    assert measured_capacity(ended, timedelta(seconds=span_s), 0.5) == capacity


@pytest.mark.parametrize(
    ("wait", "fine", "coarse"),
    [
        (timedelta(), "09:30:20", "09:32:00"),
        (timedelta(seconds=1), "09:30:30", "09:32:00"),
        (timedelta(seconds=40), "09:31:00", "09:32:00"),
        (timedelta(seconds=119), "09:32:20", "09:34:00"),
        (timedelta(seconds=130), "09:32:30", "09:34:00"),
        (timedelta(minutes=10), "09:40:30", "09:42:00"),
        (timedelta(minutes=11), "09:45:00", "09:50:00"),
        (timedelta(minutes=61), "10:45:00", "11:00:00"),
        (timedelta(hours=7), "17:00:00", "18:00:00"),
    ],
)
def test_an_estimate_is_rounded_up_the_more_the_longer_the_wait(
    wait: timedelta, fine: str, coarse: str
) -> None:
    assert f"{rounded(NOW, wait):%H:%M:%S}" == fine
    assert f"{rounded(NOW, wait, is_coarse=True):%H:%M:%S}" == coarse
    assert rounded(NOW, wait) >= NOW + wait


def test_a_wait_of_weeks_is_rounded_to_hours_or_days() -> None:
    weeks = timedelta(days=20, hours=1)
    assert rounded(NOW, weeks) == datetime(2026, 10, 21, 12, tzinfo=UTC)
    assert rounded(NOW, weeks, is_coarse=True) == datetime(2026, 10, 22, tzinfo=UTC)
