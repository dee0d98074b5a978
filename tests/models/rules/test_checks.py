"""Checks of the values that users type: a truth table for each kind of fault."""

from datetime import UTC, datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.rules.checks import Checks
from models.rules.currency import CURRENCIES
from models.rules.errors import Bounds, Refusal, RefusalCode, Refused, StaleVersion, refuse

REQUIRED, BLANK = RefusalCode.REQUIRED, RefusalCode.BLANK
TOO_LONG, CONTROLS = RefusalCode.TOO_LONG, RefusalCode.CONTROL_CHARACTERS
OUT_OF_RANGE, BAD_FORMAT = RefusalCode.OUT_OF_RANGE, RefusalCode.BAD_FORMAT

EASTERN, WESTERN = timezone(timedelta(hours=9)), timezone(-timedelta(hours=9))
EARLIEST, UNTIL = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
YEARS = Bounds(
    earliest="1970-01-01T00:00:00+00:00",
    latest="2199-12-31T23:59:59.999999+00:00",
)


def refusals(checks: Checks) -> list[Refusal]:
    try:
        checks.raise_refusals()
    except Refused as refused:
        return list(refused.refusals)
    return []


def found(checks: Checks) -> list[tuple[RefusalCode, tuple[str, ...]]]:
    return [(refusal.code, refusal.path) for refusal in refusals(checks)]


@pytest.mark.parametrize(
    ("typed", "kept", "codes"),
    [
        ("Acme", "Acme", []),
        ("  Acme \n", "Acme", []),  # trimmed (R3)
        ("Ac me", "Ac me", []),
        ("Größe 社", "Größe 社", []),
        ("12345678", "12345678", []),  # as long as allowed
        ("123456789", "123456789", [TOO_LONG]),
        ("Ac\nme", "Ac\nme", [CONTROLS]),  # a line break inside
        ("Ac\x00me", "Ac\x00me", [CONTROLS]),  # PostgreSQL can't store it
        ("Ac\u202eme", "Ac\u202eme", [CONTROLS]),  # reverses the writing direction
        ("Ac\tme", "Ac\tme", [CONTROLS]),  # a tab inside
        ("Acme\x00Acme", "Acme\x00Acme", [TOO_LONG]),  # one fault for each field
        ("\ufeff Acme\u200b ", "Acme", []),  # pasted, with zero-width characters
        ("\u200b \u2060", "", [BLANK]),  # only invisible characters
        ("\u200b\u200b\u200b\u200b\u200b\u200b\u200b\u200b\u200b", "", [BLANK]),
        ("\u3164", "", [BLANK]),  # a filler, which has the category letter
        ("\u2800\u2800", "", [BLANK]),  # Braille without a dot
        ("\ufe0f", "", [BLANK]),  # a variation selector without a character
        ("\ud800", "\ud800", [CONTROLS]),  # a lone surrogate, which cannot be encoded
        ("", "", [BLANK]),
        ("   ", "", [BLANK]),
        (None, "", [REQUIRED]),
    ],
)
def test_required_text_is_trimmed_and_not_blank(
    typed: str | None, kept: str, codes: list[RefusalCode]
) -> None:
    """R3."""
    checks = Checks()
    assert checks.required_text(typed, 8, "name") == kept
    assert found(checks) == [(code, ("name",)) for code in codes]


@pytest.mark.parametrize(
    ("typed", "kept", "codes"),
    [
        ("a", "a", []),
        (" ", None, []),
        (None, None, []),
        ("a\x07", "a\x07", [CONTROLS]),
        ("123456789", "123456789", [TOO_LONG]),
    ],
)
def test_optional_text_may_be_blank(
    typed: str | None, kept: str | None, codes: list[RefusalCode]
) -> None:
    checks = Checks()
    assert checks.optional_text(typed, 8, "reference") == kept
    assert found(checks) == [(code, ("reference",)) for code in codes]


@pytest.mark.parametrize(
    ("typed", "kept", "codes"),
    [
        ("a\nb", "a\nb", []),
        ("a\r\nb", "a\nb", []),  # line ends as browsers send them
        ("a\rb\r\n\r\nc", "a\nb\n\nc", []),
        ("a\u2028b\u2029c\u0085d", "a\nb\nc\nd", []),
        ("a\tb", "a\tb", []),
        ("a\r\nb\r\nc\r\nd", "a\nb\nc\nd", []),  # seven characters as stored
        ("\r\n\t", None, []),
        ("a\vb", "a\vb", [CONTROLS]),
        ("a\x00b", "a\x00b", [CONTROLS]),
    ],
)
def test_lines_end_in_line_feeds(typed: str, kept: str | None, codes: list[RefusalCode]) -> None:
    """R27: a change reason may have several lines."""
    checks = Checks()
    assert checks.optional_text(typed, 8, "reason", has_lines=True) == kept
    assert found(checks) == [(code, ("reason",)) for code in codes]


@pytest.mark.parametrize(
    ("typed", "codes"),
    [
        ("moved", []),
        ("a\nb", []),
        (" ", [BLANK]),
        ("", [BLANK]),
        (None, [REQUIRED]),
        ("much too long", [TOO_LONG]),
    ],
)
def test_a_reason_is_not_blank(typed: str | None, codes: list[RefusalCode]) -> None:
    """R27."""
    checks = Checks()
    checks.required_reason(typed, 8)
    assert found(checks) == [(code, ("reason",)) for code in codes]


@pytest.mark.parametrize(
    ("value", "is_refused"),
    [(-1, True), (0, False), (5, False), (10, False), (11, True), (10**30, True)],
)
def test_a_number_is_within_its_bounds(value: int, is_refused: bool) -> None:
    checks = Checks()
    assert checks.in_range(value, 0, 10, "profile", "employees") == value
    path = ("profile", "employees")
    message = "The number of employees must be from 0 to 10."
    expected = Refusal(OUT_OF_RANGE, message, path, bounds=Bounds(minimum=0, limit=10))
    assert refusals(checks) == ([expected] if is_refused else [])


@pytest.mark.parametrize(
    ("value", "kept", "code", "bounds"),
    [
        (None, None, None, {}),
        (EARLIEST, EARLIEST, None, {}),
        (EARLIEST - timedelta(microseconds=1), None, OUT_OF_RANGE, YEARS),
        (UNTIL - timedelta(microseconds=1), UNTIL - timedelta(microseconds=1), None, {}),
        (UNTIL, None, OUT_OF_RANGE, YEARS),
        (datetime(2026, 1, 1), None, BAD_FORMAT, {}),  # noqa: DTZ001  # without an offset
        (
            datetime(2026, 1, 1, 2, tzinfo=timezone(timedelta(hours=2))),
            datetime(2026, 1, 1, tzinfo=UTC),
            None,
            {},
        ),
        # These two cannot be expressed in UTC.
        (datetime(1, 1, 1, tzinfo=EASTERN), None, OUT_OF_RANGE, YEARS),
        (datetime(9999, 12, 31, 23, tzinfo=WESTERN), None, OUT_OF_RANGE, YEARS),
    ],
)
def test_an_instant_is_in_utc_and_within_its_bounds(
    value: datetime | None, kept: datetime | None, code: RefusalCode | None, bounds: Bounds
) -> None:
    checks = Checks()
    assert checks.instant_between(value, EARLIEST, UNTIL, "effectiveAt") == kept
    expected = [] if code is None else [(code, ("effectiveAt",), bounds)]
    assert [(one.code, one.path, one.bounds) for one in refusals(checks)] == expected


@pytest.mark.parametrize(
    ("items", "code", "bounds"),
    [
        ([], RefusalCode.TOO_FEW_ITEMS, Bounds(minimum=1)),
        (["a"], None, {}),
        (["a", "b"], None, {}),
        (["a", "b", "c"], RefusalCode.TOO_MANY_ITEMS, Bounds(limit=2)),
    ],
)
def test_a_list_has_neither_too_few_nor_too_many_entries(
    items: list[str], code: RefusalCode | None, bounds: Bounds
) -> None:
    checks = Checks()
    checks.list_length(items, 2, "scopes", minimum=1)
    expected = [] if code is None else [(code, ("scopes",), bounds)]
    assert [(one.code, one.path, one.bounds) for one in refusals(checks)] == expected


@pytest.mark.parametrize(
    ("code", "is_known"),
    [
        ("GBP", True),
        ("EUR", True),
        ("HRK", True),  # replaced in 2023; accounts of earlier years are in it
        ("gbp", False),
        ("UKP", False),
        ("XXX", False),  # no currency
        ("XTS", False),  # for tests
        ("XAU", False),  # gold
        ("", False),
    ],
)
def test_a_currency_is_one_of_iso_4217(code: str, is_known: bool) -> None:
    assert (code in CURRENCIES) is is_known


def test_everything_that_is_wrong_is_told_at_once() -> None:
    checks = Checks()
    checks.required_text("", 8, "name")
    checks.required_reason(None, 8)
    checks.refuse(BAD_FORMAT, "No.", "profile", "employees", hint="Yes.", limit=3)
    assert checks.has_found
    assert found(checks) == [
        (BLANK, ("name",)),
        (REQUIRED, ("reason",)),
        (BAD_FORMAT, ("profile", "employees")),
    ]
    assert refusals(checks)[2] == Refusal(
        BAD_FORMAT, "No.", ("profile", "employees"), "Yes.", bounds=Bounds(limit=3)
    )


async def _refused(*paths: str, current: Any = None) -> str:
    raise Refused([Refusal(RefusalCode.NOT_FOUND, "Gone.", (path,)) for path in paths], current)


async def _stale(row: Any) -> str:
    raise StaleVersion(row, 1, 2)


async def _done() -> str:
    return "done"


async def test_what_an_attempt_refuses_is_told_with_the_rest() -> None:
    checks = Checks()
    checks.required_text("", 8, "name")
    assert await checks.attempt(_refused("id", "name", "parentId")) is None
    assert await checks.attempt(_done()) == "done"
    assert found(checks) == [
        (BLANK, ("name",)),
        (RefusalCode.NOT_FOUND, ("id",)),
        (RefusalCode.NOT_FOUND, ("parentId",)),
    ]


@pytest.mark.parametrize(
    ("work", "codes"),
    [(_done, [BLANK]), (lambda: _refused("id"), [BLANK, RefusalCode.NOT_FOUND])],
)
async def test_a_conclusion_is_refused_with_what_was_found_before(
    work: Any, codes: list[RefusalCode]
) -> None:
    checks = Checks()
    checks.required_text("", 8, "name")
    with pytest.raises(Refused) as refused:
        await checks.conclude(work())
    assert [one.code for one in refused.value.refusals] == codes
    assert await Checks().conclude(_done()) == "done"


@pytest.mark.parametrize("is_alone", [True, False])
async def test_a_stale_version_is_told_with_the_current_row(is_alone: bool) -> None:
    row = SimpleNamespace(version=2)

    async def by_attempt(checks: Checks) -> None:
        await checks.attempt(_stale(row))

    async def by_check(checks: Checks) -> None:
        checks.expect_version(row, 1)

    for find in (by_attempt, by_check):
        checks = Checks()
        await find(checks)
        if not is_alone:
            checks.required_text("", 8, "name")
        with pytest.raises(Refused) as refused:
            checks.raise_refusals()
        assert isinstance(refused.value, StaleVersion) is is_alone
        assert refused.value.current is row
        codes = [one.code for one in refused.value.refusals]
        assert codes == [RefusalCode.VERSION_CONFLICT, BLANK][: 1 if is_alone else 2]


@pytest.mark.parametrize("expected", [None, 2])
def test_an_expected_version_that_is_current_passes(expected: int | None) -> None:
    checks = Checks()
    checks.expect_version(SimpleNamespace(version=2), expected)
    assert not checks.has_found


def test_an_input_is_refused_once_however_often_it_is_checked() -> None:
    checks = Checks()
    checks.optional_text("x" * 5, 4, "input", "name")
    checks.refuse(RefusalCode.REQUIRED, "It is no name either.", "input", "name")
    checks.optional_text("x" * 5, 4, "input", "other")
    assert found(checks) == [(TOO_LONG, ("input", "name")), (TOO_LONG, ("input", "other"))]


@given(st.text(max_size=30))
def test_accepted_text_can_be_stored_anywhere(text: str) -> None:
    checks = Checks()
    kept = checks.optional_text(text, 20, "name")
    if not found(checks) and kept is not None:
        assert "\x00" not in kept
        assert len(kept.encode()) <= 80
        assert kept == kept.strip()


@pytest.mark.parametrize(
    ("typed", "field", "message", "bounds"),
    [
        ("", "name", "The name must not be blank.", {}),
        (None, "accountNumber", "Enter the account number.", {}),
        ("123456789", "postalCode", "The postcode may have at most 8 characters.", {"limit": 8}),
        ("123456789", "email", "The email address may have at most 8 characters.", {"limit": 8}),
        ("a\x00", "poBox", "The PO box contains control characters; remove them.", {}),
    ],
)
def test_a_message_names_the_input_in_english(
    typed: str | None, field: str, message: str, bounds: Bounds
) -> None:
    checks = Checks()
    checks.required_text(typed, 8, "input", field)
    (refusal,) = refusals(checks)
    assert (refusal.message, refusal.bounds) == (message, bounds)


def test_a_single_refusal_has_its_bounds_too() -> None:
    (refusal,) = refuse(TOO_LONG, "Too long.", "name", limit=8).refusals
    assert refusal == Refusal(TOO_LONG, "Too long.", ("name",), bounds=Bounds(limit=8))
