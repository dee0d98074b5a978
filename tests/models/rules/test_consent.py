"""Whether consent is given at an instant, by the ledger's entries in any order of recording."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.rules.consent import (
    ConsentBasis,
    ConsentState,
    EntryKind,
    Matter,
    NonItemisedState,
    consent_at,
    non_itemised_at,
    periods,
)

START = datetime(2026, 1, 1, tzinfo=UTC)
GRANT, WITHDRAWAL, ANNULMENT = EntryKind.GRANT, EntryKind.WITHDRAWAL, EntryKind.ANNULMENT
ASKED, NO_MORE = EntryKind.NON_ITEMISED_REQUEST, EntryKind.NON_ITEMISED_WITHDRAWAL
TERMS, OPT_IN = ConsentBasis.TERMS_ACCEPTED, ConsentBasis.WRITTEN_OPT_IN


@dataclass(frozen=True)
class Row:
    """A ledger entry with the columns that decide whether consent is given."""

    id: str
    sequence: int
    kind: EntryKind
    effective_at: datetime
    recorded_at: datetime
    basis: ConsentBasis | None = None
    corrects_id: str | None = None


def day(number: int) -> datetime:
    """Return the instant of a numbered day."""
    return START + timedelta(days=number)


def ledger(*entries: tuple[EntryKind, int] | tuple[EntryKind, int, str]) -> list[Row]:
    """Return entries a, b, c, … in the order of recording.

    Each argument has an entry's kind, effective day, and the entry that it corrects.
    """
    return [
        Row(
            id="abcdefgh"[place],
            sequence=place + 1,
            kind=kind,
            effective_at=day(effective),
            recorded_at=day(100 + place),
            basis=OPT_IN if kind is GRANT else None,
            corrects_id=rest[0] if rest else None,
        )
        for place, (kind, effective, *rest) in enumerate(entries)
    ]


@pytest.mark.parametrize(
    ("entries", "instant", "wanted"),
    [
        # Without entries no consent is given (R48).
        ([], 5, (False, None)),
        # A grant counts from its effective instant, not before (R56).
        ([(GRANT, 5)], 4, (False, None)),
        ([(GRANT, 5)], 5, (True, "a")),
        # A withdrawal takes effect at its effective instant (R54).
        ([(GRANT, 1), (WITHDRAWAL, 5)], 4, (True, "a")),
        ([(GRANT, 1), (WITHDRAWAL, 5)], 5, (False, "b")),
        # The order of recording does not matter (R56).
        ([(WITHDRAWAL, 5), (GRANT, 1)], 6, (False, "a")),
        ([(WITHDRAWAL, 5), (GRANT, 1)], 4, (True, "b")),
        # A renewal is a new entry (R58).
        ([(GRANT, 1), (GRANT, 5)], 6, (True, "b")),
        # Of entries effective at the same instant, the one recorded last counts.
        ([(GRANT, 5), (WITHDRAWAL, 5)], 5, (False, "b")),
        ([(WITHDRAWAL, 5), (GRANT, 5)], 5, (True, "b")),
        # A correction replaces the corrected entry, with its own effective date (R55).
        ([(GRANT, 1), (GRANT, 7, "a")], 5, (False, None)),
        ([(GRANT, 1), (GRANT, 7, "a")], 7, (True, "b")),
        ([(GRANT, 1), (WITHDRAWAL, 1, "a")], 5, (False, "b")),
        # Also in a tie: correcting the grant does not undo the withdrawal of the same instant.
        ([(GRANT, 5), (WITHDRAWAL, 5), (GRANT, 5, "a")], 5, (False, "b")),
        ([(WITHDRAWAL, 5), (GRANT, 5), (WITHDRAWAL, 5, "a")], 5, (True, "b")),
        # An annulment removes the corrected entry, so the earlier entries count again.
        ([(GRANT, 1), (WITHDRAWAL, 5), (ANNULMENT, 5, "b")], 6, (True, "a")),
        ([(GRANT, 1), (ANNULMENT, 1, "a")], 6, (False, None)),
        # Corrections and annulments can be corrected.
        ([(GRANT, 1), (ANNULMENT, 1, "a"), (GRANT, 2, "b")], 6, (True, "c")),
        # Requests for non-itemised bills do not affect consent.
        ([(GRANT, 1), (ASKED, 2)], 6, (True, "a")),
        ([(ASKED, 2)], 6, (False, None)),
    ],
)
def test_consent_follows_from_the_latest_effective_entry(
    entries: list[tuple[EntryKind, int]], instant: int, wanted: tuple[bool, str | None]
) -> None:
    """R56."""
    rows = ledger(*entries)
    state = consent_at(rows, day(instant))
    assert (state.is_given, state.entry_id) == wanted
    if state.entry_id is not None:
        (entry,) = [row for row in rows if row.id == state.entry_id]
        assert state.since == entry.effective_at
        assert state.basis == entry.basis


@pytest.mark.parametrize(
    ("entries", "instant", "wanted"),
    [
        ([], 5, (False, None)),
        ([(ASKED, 5)], 4, (False, None)),
        ([(ASKED, 5)], 5, (True, "a")),
        ([(ASKED, 5), (NO_MORE, 7)], 7, (False, "b")),
        ([(NO_MORE, 7), (ASKED, 5)], 6, (True, "b")),
        ([(ASKED, 5), (ANNULMENT, 5, "a")], 6, (False, None)),
        # Grants and withdrawals of consent do not affect it (A16).
        ([(ASKED, 5), (GRANT, 6), (WITHDRAWAL, 7)], 8, (True, "a")),
    ],
)
def test_bills_without_itemisation_follow_from_their_own_entries(
    entries: list[tuple[EntryKind, int]], instant: int, wanted: tuple[bool, str | None]
) -> None:
    """A16."""
    state = non_itemised_at(ledger(*entries), day(instant))
    assert (state.is_requested, state.entry_id) == wanted


def test_without_entries_nothing_is_given_or_asked_for() -> None:
    """R48."""
    assert consent_at([], START) == ConsentState(False, None, None, None)
    assert non_itemised_at([], START) == NonItemisedState(False, None, None)


def naive(rows: list[Row], matter: Matter, instant: datetime) -> tuple[bool, str | None]:
    """Compute the state at an instant by replaying all entries in the order of effect."""
    places: dict[str, tuple[datetime, int]] = {}
    current: dict[str, Row] = {}
    for row in sorted(rows, key=lambda row: row.sequence):
        if row.corrects_id is None:
            places[row.id] = (row.recorded_at, row.sequence)
        else:
            places[row.id] = places[row.corrects_id]
            del current[row.corrects_id]
        current[row.id] = row
    decided: tuple[bool, str | None] = (False, None)
    kinds = {Matter.CONSENT: (GRANT, WITHDRAWAL), Matter.NON_ITEMISED: (ASKED, NO_MORE)}[matter]
    for row in sorted(current.values(), key=lambda row: (row.effective_at, *places[row.id])):
        if row.kind in kinds and row.effective_at <= instant:
            decided = (row.kind is kinds[0], row.id)
    return decided


@st.composite
def ledgers(draw: st.DrawFn) -> list[Row]:
    """Generate a ledger that the API can produce: each entry is corrected at most once."""
    rows: list[Row] = []
    families = {GRANT: (GRANT, WITHDRAWAL), ASKED: (ASKED, NO_MORE)}
    family_of: dict[str, EntryKind] = {}
    for number in range(draw(st.integers(0, 12))):
        name = f"e{number}"
        free = [row for row in rows if row.id not in {other.corrects_id for other in rows}]
        corrected = draw(st.sampled_from([None, None, *free]))
        if corrected is None:
            family = draw(st.sampled_from([GRANT, ASKED]))
            kind = draw(st.sampled_from(families[family]))
        else:
            family = family_of[corrected.id]
            kind = draw(st.sampled_from([*families[family], ANNULMENT]))
        family_of[name] = family
        rows.append(
            Row(
                id=name,
                sequence=number + 1,
                kind=kind,
                effective_at=day(draw(st.integers(0, 6))),
                recorded_at=day(number // draw(st.integers(2, 3))),
                basis=draw(st.sampled_from(list(ConsentBasis))) if kind is GRANT else None,
                corrects_id=None if corrected is None else corrected.id,
            )
        )
    return rows


@given(ledgers(), st.integers(0, 2**32), st.integers(-1, 8))
@settings(max_examples=400)
def test_the_projection_equals_a_naive_replay_in_any_order(
    rows: list[Row], seed: int, number: int
) -> None:
    """R56."""
    shuffled = list(rows)
    Random(seed).shuffle(shuffled)  # noqa: S311  # no secret
    instant = day(number)
    consent = consent_at(shuffled, instant)
    assert (consent.is_given, consent.entry_id) == naive(rows, Matter.CONSENT, instant)
    bills = non_itemised_at(shuffled, instant)
    assert (bills.is_requested, bills.entry_id) == naive(rows, Matter.NON_ITEMISED, instant)


@given(ledgers(), st.integers(-1, 8))
@settings(max_examples=200)
def test_the_periods_say_the_same_as_the_projection(rows: list[Row], number: int) -> None:
    """R56: filters by periods and the flag always agree."""
    instant = day(number)
    holding = [
        (period.matter, period.entry.id)
        for period in periods(rows)
        if period.from_at <= instant and (period.until_at is None or instant < period.until_at)
    ]
    consent, bills = consent_at(rows, instant), non_itemised_at(rows, instant)
    wanted = [(Matter.CONSENT, consent.entry_id)] if consent.is_given else []
    wanted += [(Matter.NON_ITEMISED, bills.entry_id)] if bills.is_requested else []
    assert holding == wanted


def test_times_with_other_offsets_are_the_same_instants() -> None:
    rows = ledger((GRANT, 5))
    zone = datetime.fromisoformat("2026-01-06T05:00:00+05:00").tzinfo
    moved = [replace(row, effective_at=row.effective_at.astimezone(zone)) for row in rows]
    assert consent_at(moved, day(5)).is_given
    assert not consent_at(moved, day(5) - timedelta(microseconds=1)).is_given
