"""Cursors of the event feed: opaque, and refused rather than missing events."""

import base64
from itertools import pairwise

import pytest

from models.rules.event_cursor import CursorFault, Generation, cursor_of, number_in

OLD = Generation("0ld", 1, "a" * 32)
NEW = Generation("n3w", 101, "b" * 32)


def encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


@pytest.mark.parametrize("number", [0, 1, 2, 99, 2**31, 2**32 - 1, 2**32, 2**62])
def test_a_cursor_holds_its_number_and_does_not_show_it(number: int) -> None:
    cursor = cursor_of(OLD, number)
    assert number_in(cursor, [OLD], 0, 2**63) == number
    text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
    assert text.startswith("1.0ld.")
    assert int(text.rpartition(".")[2], 16) != number


def test_neighbours_do_not_look_like_neighbours() -> None:
    shown = [int(base64.urlsafe_b64decode(cursor_of(OLD, n) + "==")[6:], 16) for n in range(1, 50)]
    assert all(abs(a - b) > 2**32 for a, b in pairwise(shown))


EXPIRED, INVALID = CursorFault.EXPIRED, CursorFault.INVALID


@pytest.mark.parametrize(
    ("cursor", "found"),
    [
        (cursor_of(NEW, 120), 120),
        (cursor_of(NEW, 10), 10),  # a generation gives cursors of all numbers that are kept
        (cursor_of(NEW, 9), EXPIRED),  # events after it were deleted
        (cursor_of(NEW, 150), 150),  # the newest
        (cursor_of(NEW, 151), EXPIRED),  # the database was restored to an earlier state
        (cursor_of(OLD, 100), 100),  # before the generations part
        (cursor_of(OLD, 101), EXPIRED),  # that number was given again
        (cursor_of(Generation("x", 1, "c"), 50), EXPIRED),  # of another database
        ("", INVALID),
        ("ä", INVALID),
        ("no cursor", INVALID),
        (encoded("1.n3w"), INVALID),
        (encoded("1.n3w.zz"), INVALID),
        (encoded("1.n3w.-1"), INVALID),
        (encoded("2.n3w.1"), INVALID),
        (encoded(f"1.n3w.{2**64:x}"), INVALID),
        (encoded('["customers", "x"]'), INVALID),
    ],
)
def test_a_cursor_is_good_or_refused(cursor: str, found: int | CursorFault) -> None:
    assert number_in(cursor, [OLD, NEW], floor=10, newest=150) == found
