"""Which preference is in force, as a truth table and against a naive replay."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.rules.document import Document
from models.rules.preference import NO_PREFERENCE, PreferenceKind, PreferenceState, preference_at

START = datetime(2026, 10, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
REQUESTED, CONFIRMED = PreferenceKind.REQUESTED, PreferenceKind.CONFIRMED
WITHDRAWN, RESET = PreferenceKind.WITHDRAWN, PreferenceKind.RESET
BILL, ZIP, USAGE = Document


@dataclass(frozen=True)
class Entry:
    sequence: int
    kind: PreferenceKind
    hour: int
    documents: Sequence[str] = (BILL, ZIP, USAGE)

    @property
    def id(self) -> str:
        return f"prf_{self.sequence}"

    @property
    def at(self) -> datetime:
        return START + self.hour * HOUR


CASES = [
    # no entries, or only a request
    ([], 9, NO_PREFERENCE),
    ([(REQUESTED, 1)], 9, NO_PREFERENCE),
    # confirmed: in force from that instant
    ([(REQUESTED, 1), (CONFIRMED, 2)], 1, NO_PREFERENCE),
    ([(REQUESTED, 1), (CONFIRMED, 2)], 2, (True, 2, 2)),
    # another request changes nothing until it is confirmed
    ([(CONFIRMED, 2), (REQUESTED, 3)], 9, (True, 1, 2)),
    ([(CONFIRMED, 2), (REQUESTED, 3), (CONFIRMED, 4)], 9, (True, 3, 4)),
    # ended by the contact, by staff, by another address
    ([(CONFIRMED, 2), (WITHDRAWN, 3)], 2, (True, 1, 2)),
    ([(CONFIRMED, 2), (WITHDRAWN, 3)], 3, (False, 2, 3)),
    ([(CONFIRMED, 2), (RESET, 3)], 9, (False, 2, 3)),
    ([(CONFIRMED, 2), (WITHDRAWN, 3), (CONFIRMED, 5)], 9, (True, 3, 5)),
    # at one instant the later in sequence decides
    ([(CONFIRMED, 2), (WITHDRAWN, 2)], 2, (False, 2, 2)),
    ([(WITHDRAWN, 2), (CONFIRMED, 2)], 2, (True, 2, 2)),
]


@pytest.mark.parametrize(("history", "hour", "expected"), CASES)
def test_the_newest_entry_that_decides_does(
    history: list[tuple[PreferenceKind, int]],
    hour: int,
    expected: PreferenceState | tuple[bool, int, int],
) -> None:
    """R60 to R63; in whatever order the entries come."""
    entries = [Entry(place, *one) for place, one in enumerate(history, start=1)]
    if isinstance(expected, tuple):
        is_confirmed, place, since = expected
        documents = (BILL, ZIP, USAGE) if is_confirmed else ()
        expected = PreferenceState(is_confirmed, documents, f"prf_{place}", START + since * HOUR)
    assert preference_at(entries, START + hour * HOUR) == expected
    assert preference_at(reversed(entries), START + hour * HOUR) == expected


def test_documents_come_once_each_in_their_own_order() -> None:
    entry = Entry(1, CONFIRMED, 0, [USAGE.value, BILL.value, USAGE.value])
    assert preference_at([entry], START).documents == (BILL, USAGE)


@given(
    st.lists(st.tuples(st.sampled_from(PreferenceKind), st.integers(0, 5))),
    st.integers(0, 6),
    st.randoms(use_true_random=False),
)
def test_it_is_what_a_naive_replay_gives(
    history: list[tuple[PreferenceKind, int]], hour: int, chance: object
) -> None:
    history.sort(key=lambda one: one[1])
    entries = [Entry(place, *one) for place, one in enumerate(history, start=1)]
    replayed = None
    for entry in entries:
        if entry.hour <= hour and entry.kind is not REQUESTED:
            replayed = entry
    shuffled = list(entries)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]  # a random.Random
    state = preference_at(shuffled, START + hour * HOUR)
    assert state.entry_id == (None if replayed is None else replayed.id)
    assert state.is_confirmed == (replayed is not None and replayed.kind is CONFIRMED)
