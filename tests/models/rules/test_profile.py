"""Merging the register's values with those that users typed."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from models.rules.enrichment_status import FieldOutcome
from models.rules.profile import (
    ADDRESS_LINES,
    WANTED_FIELDS,
    ProfileEntry,
    ValueSource,
    is_in_future,
    is_same_value,
    merge,
    typed_by_user,
    without_register_values,
    written_lines,
)

NAME = "net_assets"
FOUND, NOT_FILED = FieldOutcome.FOUND, FieldOutcome.NOT_FILED
UNREADABLE, KEPT = FieldOutcome.UNREADABLE, FieldOutcome.KEPT_USER_VALUE


def entry(
    value: Any, source: ValueSource = ValueSource.REGISTER, currency: str | None = None
) -> ProfileEntry:
    made = ProfileEntry(value=value, source=source, retrieved_at="2026-10-01T09:30:00+00:00")
    if currency is not None:
        made["currency"] = currency
    return made


def pounds(value: str, source: ValueSource = ValueSource.REGISTER) -> ProfileEntry:
    return entry(value, source, currency="GBP")


def address(**lines: str) -> dict[str, str | None]:
    return {line: lines.get(line) for line in ADDRESS_LINES}


OLD, NEW = pounds("100"), pounds("250")
TYPED, SAME_AS_TYPED = pounds("90", ValueSource.USER), pounds("90.00")

# fmt: off
MERGES = (
    # current entry | register's value, is unreadable | kept entry, outcome, suggestion
    (None, None, False, None, NOT_FILED, None),  # unknown (R85)
    (None, None, True, None, UNREADABLE, None),  # filed, but unreadable (R85)
    (None, NEW, False, NEW, FOUND, None),  # an empty field is filled (R86)
    (OLD, NEW, False, NEW, FOUND, None),  # an earlier answer is replaced (A24)
    (OLD, None, False, None, NOT_FILED, None),  # or removed: it is not current (A24)
    (OLD, None, True, None, UNREADABLE, None),  # the same for scanned accounts (A24)
    (TYPED, None, False, TYPED, KEPT, None),  # a user's value stays (R86)
    (TYPED, None, True, TYPED, KEPT, None),
    (TYPED, NEW, False, TYPED, KEPT, NEW),  # and a different value is suggested (R86)
    (TYPED, SAME_AS_TYPED, False, TYPED, KEPT, None),  # an equal value is not suggested (R86)
)
# fmt: on


@pytest.mark.parametrize(("there", "found", "is_unreadable", "kept", "outcome", "offer"), MERGES)
def test_a_register_answer_merges_one_way(
    there: ProfileEntry | None,
    found: ProfileEntry | None,
    is_unreadable: bool,
    kept: ProfileEntry | None,
    outcome: FieldOutcome,
    offer: ProfileEntry | None,
) -> None:
    """R85, R86, A24."""
    merged = merge(
        {NAME: there} if there else {},
        {NAME: found} if found else {},
        frozenset({NAME} if is_unreadable else ()),
    )
    assert merged.profile == ({NAME: kept} if kept else {})
    assert merged.outcomes[NAME] is outcome
    assert merged.suggestions == ({NAME: offer} if offer else {})
    assert set(merged.outcomes) == set(WANTED_FIELDS)


STREET = address(address_line_1="1 High Street", locality="Leeds", postal_code="LS1 1AA")
STREET_TOO = address(
    premises="1", address_line_1="High street,", locality="LEEDS", postal_code="ls11aa"
)
SHORT_STREET = {line: text for line, text in STREET.items() if text}

# fmt: off
SAME_FACTS = (
    # field, two values | are equal
    ("employees", entry(12), entry(12), True),
    ("employees", entry(12), entry(13), False),
    ("incorporated_on", entry("2012-03-14"), entry("2012-03-14"), True),
    ("incorporated_on", entry("2012-03-14"), entry("2012-03-15"), False),
    (NAME, pounds("100"), pounds("100.00"), True),  # money is compared as numbers
    (NAME, pounds("100"), pounds("1000"), False),  # trailing zeros before the point count
    (NAME, pounds("100.5"), pounds("100.50"), True),
    (NAME, pounds("-7"), pounds("7"), False),
    (NAME, pounds("100"), entry("100", currency="EUR"), False),  # another currency
    ("registered_address", entry(STREET), entry(STREET), True),
    ("registered_address", entry(STREET), entry(STREET_TOO), True),  # other case, lines and commas
    ("registered_address", entry(STREET), entry({**STREET, "postal_code": "LS1 1AB"}), False),
    ("registered_address", entry(STREET), entry(SHORT_STREET), True),  # lines left out
)
# fmt: on


@pytest.mark.parametrize(("name", "one", "other", "is_same"), SAME_FACTS)
def test_a_fact_is_the_same_however_it_is_written(
    name: str, one: ProfileEntry, other: ProfileEntry, is_same: bool
) -> None:
    """R86."""
    assert is_same_value(name, one, other) is is_same
    assert is_same_value(name, other, one) is is_same


TYPED_NEW = pounds("250.00", ValueSource.USER)


def dated(made: ProfileEntry, day: str | None) -> ProfileEntry:
    return ProfileEntry(**made) if day is None else ProfileEntry(**made, period_end_on=day)


def typed_address(**lines: str) -> ProfileEntry:
    return entry(address(**lines), ValueSource.USER)


FILED = dated(NEW, "2025-12-31")
TYPED_DATED = dated(pounds("250", ValueSource.USER), "2025-12-31")
SHOUTED = entry(address(premises="1 HIGH ST", locality="LEEDS"))
OFFICE = "registered_address"

# fmt: off
REPEATED = (
    # field | current entry | typed value | is the entry kept unchanged
    (NAME, None, TYPED_NEW, False),  # a first value
    (NAME, OLD, TYPED_NEW, False),  # a user corrects a value
    (NAME, NEW, TYPED_NEW, True),  # an unchanged form leaves the register as the source
    (NAME, FILED, TYPED_NEW, True),  # also a form without a field for the date
    (NAME, FILED, dated(TYPED_NEW, "2025-12-31"), True),
    (NAME, FILED, dated(TYPED_NEW, "2024-12-31"), False),  # the date is corrected
    (NAME, NEW, dated(TYPED_NEW, "2024-12-31"), False),  # or added
    (NAME, NEW, entry("250", ValueSource.USER, "EUR"), False),  # the currency is corrected
    (NAME, TYPED, TYPED_NEW, False),
    (NAME, TYPED_DATED, dated(TYPED_NEW, "2025-12-31"), True),
    (NAME, TYPED_DATED, dated(TYPED_NEW, "2024-12-31"), False),
    (NAME, TYPED_DATED, TYPED_NEW, False),  # a user removes their own date
    ("employees", entry(3), entry(3, ValueSource.USER), True),
    ("employees", dated(entry(3), "2025-12-31"), entry(3, ValueSource.USER), True),
    ("employees", entry(3), entry(4, ValueSource.USER), False),
    ("incorporated_on", entry("2001-02-03"), entry("2001-02-03", ValueSource.USER), True),
    ("incorporated_on", entry("2001-02-03"), entry("2001-02-04", ValueSource.USER), False),
    (OFFICE, SHOUTED, typed_address(premises="1 HIGH ST", locality="LEEDS"), True),
    (OFFICE, SHOUTED, typed_address(premises="1 High St", locality="Leeds"), False),  # case
    (OFFICE, SHOUTED, typed_address(premises="1 HIGH ST", region="LEEDS"), False),  # another line
    (OFFICE, SHOUTED, typed_address(premises="1, HIGH ST", locality="LEEDS"), False),
    (OFFICE, entry({"locality": "LEEDS", "region": ""}), typed_address(locality="LEEDS"), True),
)
# fmt: on


@pytest.mark.parametrize(("name", "there", "typed", "is_kept"), REPEATED)
def test_a_typed_value_takes_over_unless_it_repeats_all_that_is_there(
    name: str, there: ProfileEntry | None, typed: ProfileEntry, is_kept: bool
) -> None:
    """R86: even the smallest correction is kept."""
    assert typed_by_user(name, there, typed) is (there if is_kept else typed)


@pytest.mark.parametrize(
    ("kept", "shown"),
    [
        ("123", "PO Box 123"),
        ("Box 123", "PO Box 123"),
        ("PO Box 123", "PO Box 123"),
        ("P.O. Box 123", "P.O. Box 123"),
        ("po box 123", "po box 123"),
        ("Post Office Box 123", "Post Office Box 123"),
    ],
)
def test_a_bare_number_of_a_po_box_is_shown_as_what_it_is(kept: str, shown: str) -> None:
    """R84."""
    lines = written_lines(address(care_of="Ann", po_box=kept, locality="LEEDS"))
    assert lines == ["Ann", shown, "LEEDS"]


def test_a_po_box_is_the_same_on_a_line_of_its_own_or_not() -> None:
    """R86: so it makes no suggestion."""
    typed = typed_address(address_line_1="PO Box 123", locality="Leeds")
    assert is_same_value(OFFICE, entry(address(po_box="123", locality="LEEDS")), typed)


@pytest.mark.parametrize(
    ("day", "hour", "is_ahead"),
    [
        ("2026-10-01", 9, False),
        ("2026-10-02", 9, True),
        ("2026-10-02", 11, False),  # the day has begun in the easternmost time zone
        ("9999-12-31", 9, True),
        ("0001-01-01", 9, False),
    ],
)
def test_a_day_is_to_come_until_it_begins_anywhere(day: str, hour: int, *, is_ahead: bool) -> None:
    now = datetime(2026, 10, 1, hour, tzinfo=UTC)
    assert is_in_future(date.fromisoformat(day), now) is is_ahead


def test_another_company_number_leaves_only_what_users_typed() -> None:
    """R86, R89."""
    profile = {
        NAME: TYPED,
        "employees": entry(12),
        "fixed_assets": entry("5", ValueSource.SANDBOX),
        "details": {"company_name": "ACME LIMITED", "source": "REGISTER"},
    }
    assert without_register_values(profile) == {NAME: TYPED}
