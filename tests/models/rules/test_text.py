"""Checks of text that users type."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.rules.errors import RefusalCode, Refused
from models.rules.text import Checks

REQUIRED, INVALID, WHY = RefusalCode.REQUIRED, RefusalCode.INVALID, RefusalCode.REASON_REQUIRED


def found(checks: Checks) -> list[tuple[RefusalCode, tuple[str, ...]]]:
    try:
        checks.settle()
    except Refused as refused:
        return [(refusal.code, refusal.path) for refusal in refused.refusals]
    return []


@pytest.mark.parametrize(
    ("typed", "kept", "codes"),
    [
        ("Acme", "Acme", []),
        ("  Acme \n", "Acme", []),  # trimmed (R3)
        ("Ac me", "Ac me", []),
        ("Größe 社", "Größe 社", []),
        ("12345678", "12345678", []),  # as long as allowed
        ("123456789", "123456789", [INVALID]),  # too long
        ("Ac\nme", "Ac\nme", [INVALID]),  # a line break inside
        ("Ac\x00me", "Ac\x00me", [INVALID]),  # PostgreSQL can't store it
        ("Ac\u202eme", "Ac\u202eme", [INVALID]),  # reverses the writing direction
        ("Ac\tme", "Ac\tme", [INVALID]),  # a tab inside
        ("\ufeff Acme\u200b ", "Acme", []),  # pasted, with zero-width characters
        ("\u200b \u2060", "", [REQUIRED]),  # only invisible characters
        ("\u200b\u200b\u200b\u200b\u200b\u200b\u200b\u200b\u200b", "", [REQUIRED]),
        ("\u3164", "", [REQUIRED]),  # a filler, which has the category letter
        ("\u2800\u2800", "", [REQUIRED]),  # Braille without a dot
        ("\ufe0f", "", [REQUIRED]),  # a variation selector without a character
        ("\ud800", "\ud800", [INVALID]),  # a lone surrogate, which cannot be encoded
        ("", "", [REQUIRED]),
        ("   ", "", [REQUIRED]),
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
    [("a", "a", []), (" ", None, []), (None, None, []), ("a\x07", "a\x07", [INVALID])],
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
        ("a\vb", "a\vb", [INVALID]),
        ("a\x00b", "a\x00b", [INVALID]),
    ],
)
def test_lines_end_in_line_feeds(typed: str, kept: str | None, codes: list[RefusalCode]) -> None:
    """R27: a change reason may have several lines."""
    checks = Checks()
    assert checks.optional_text(typed, 8, "reason", has_lines=True) == kept
    assert found(checks) == [(code, ("reason",)) for code in codes]


@pytest.mark.parametrize(
    ("typed", "codes"),
    [("moved", []), (" ", [WHY]), (None, [WHY]), ("", [WHY]), ("much too long", [INVALID])],
)
def test_a_reason_is_not_blank(typed: str | None, codes: list[RefusalCode]) -> None:
    """R27."""
    checks = Checks()
    checks.reason(typed, 8)
    assert found(checks) == [(code, ("reason",)) for code in codes]


def test_everything_that_is_wrong_is_told_at_once() -> None:
    checks = Checks()
    checks.required_text("", 8, "name")
    checks.reason(None, 8)
    checks.refuse(INVALID, "No.", "profile", "employees", hint="Yes.")
    assert found(checks) == [
        (REQUIRED, ("name",)),
        (WHY, ("reason",)),
        (INVALID, ("profile", "employees")),
    ]


@given(st.text(max_size=30))
def test_accepted_text_can_be_stored_anywhere(text: str) -> None:
    checks = Checks()
    kept = checks.optional_text(text, 20, "name")
    if not found(checks) and kept is not None:
        assert "\x00" not in kept
        assert len(kept.encode()) <= 80
        assert kept == kept.strip()


def test_an_input_is_refused_once_however_often_it_is_checked() -> None:
    checks = Checks()
    checks.optional_text("x" * 5, 4, "input", "name")
    checks.refuse(RefusalCode.REQUIRED, "It is no name either.", "input", "name")
    checks.optional_text("x" * 5, 4, "input", "other")
    with pytest.raises(Refused) as refused:
        checks.settle()
    found = [(one.code, one.path) for one in refused.value.refusals]
    assert found == [
        (RefusalCode.INVALID, ("input", "name")),
        (RefusalCode.INVALID, ("input", "other")),
    ]


@pytest.mark.parametrize(
    ("typed", "field", "message"),
    [
        ("", "name", "The name must not be blank."),
        (None, "accountNumber", "The account number must not be blank."),
        ("123456789", "postalCode", "The postcode may have at most 8 characters."),
        ("123456789", "email", "The email address may have at most 8 characters."),
        ("a\x00", "poBox", "The PO box contains control characters; remove them."),
    ],
)
def test_a_message_names_the_input_in_english(typed: str | None, field: str, message: str) -> None:
    checks = Checks()
    checks.required_text(typed, 8, "input", field)
    with pytest.raises(Refused) as refused:
        checks.settle()
    assert str(refused.value) == message
