"""Which texts count as equal, and which texts a search finds."""

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.rules.folding import folded, is_blank, searchable
from models.tables.customer import ACCOUNT_NUMBER_LENGTH, KEY_LENGTH
from models.tables.customer_class import NAME_LENGTH, CustomerClass

COMPOSED, DECOMPOSED = "Caf\u00e9", "Cafe\u0301"

# fmt: off
NAMES = (
    ("Charity", "CHARITY", True),
    ("Charity", "Charity\u200b", True),
    ("Charity", "Cha\u00adrity\u2060", True),  # a soft hyphen
    ("Big  Charity", "big charity", True),
    ("Big\u00a0Charity", "Big Charity", True),  # a no-break space
    (COMPOSED, DECOMPOSED, True),
    (COMPOSED.upper(), DECOMPOSED, True),
    ("Charity", "Charity\u2065", True),  # normalisation keeps other such characters
    ("Charity", "\ufff0Charity\U000e0fff", True),
    ("A-1", "A\u20111", True),  # a no-break hyphen
    ("A-1", "A\u20101", True),
    ("Acme", "\uff21\uff43\uff4d\uff45", True),  # full width
    ("A-1", "A\u20131", False),  # a dash
    ("STRASSE", "Stra\u00dfe", True),
    ("ACC-1", "acc-1", True),
    (COMPOSED, "Cafe", False),  # a letter with an accent is another letter
    ("Charity", "Charity 2", False),
    ("Big Charity", "BigCharity", False),
    ("ACC-1", "ACC 1", False),
)
FOUND = (
    (COMPOSED, "cafe", True),
    (COMPOSED, "CAF\u00c9", True),
    (DECOMPOSED, COMPOSED, True),
    ("Cafe", DECOMPOSED, True),
    ("\u00c5ngstr\u00f6m", "angstrom", True),
    ("M\u00f8ller", "moller", True),
    ("\u0141\u00f3d\u017a", "lodz", True),
    ("\u00c6gir", "aegir", True),
    ("\ufb01nance", "finance", True),  # a ligature
    ("\uff21\uff23\uff2d\uff25", "acme", True),  # full width
    ("O\u2019Brien", "o'brien", True),
    ("Big  Charity", "big charity", True),
    ("Cha\u200brity", "charity", True),
    ("\u03a3\u039f\u03a6\u0399\u0391", "\u03c3\u03bf\u03c6\u03af\u03b1", True),  # Greek
    ("Cafe", "cafes", False),
)
# fmt: on


@pytest.mark.parametrize(("one", "other", "is_same"), NAMES)
def test_names_are_compared_as_a_reader_does(one: str, other: str, *, is_same: bool) -> None:
    """R3."""
    assert (folded(one) == folded(other)) is is_same


@pytest.mark.parametrize(("name", "text", "is_found"), FOUND)
def test_searches_leave_out_accents(name: str, text: str, *, is_found: bool) -> None:
    """R98."""
    assert (searchable(text) in searchable(name)) is is_found


@pytest.mark.parametrize(
    ("text", "is_nothing"),
    [("", True), (" \n", True), ("\u200b \u200d", True), ("\u115f", True), ("x\u200b", False)],
)
def test_what_nobody_can_see_is_blank(text: str, *, is_nothing: bool) -> None:
    assert is_blank(text) is is_nothing


@given(st.text())
def test_keys_are_keys_of_themselves(text: str) -> None:
    assert folded(folded(text)) == folded(text)
    assert searchable(searchable(text)) == searchable(text)
    assert searchable(folded(text)) == searchable(text)
    decomposed = unicodedata.normalize("NFD", text)
    assert folded(decomposed) == folded(text)
    assert searchable(decomposed) == searchable(text)


def test_every_key_fits_its_column() -> None:
    """The longest key is that of one repeated character."""
    every = map(chr, range(sys.maxunicode + 1))
    longest = max(every, key=lambda character: len(folded(character * 2)))
    assert len(folded(longest * ACCOUNT_NUMBER_LENGTH)) <= KEY_LENGTH
    name_key = CustomerClass._meta.fields_map["name_key"]
    assert len(folded(longest * NAME_LENGTH)) <= name_key.max_length  # type: ignore[attr-defined]  # a CharField
