"""Company numbers: what is normalised, and what is refused."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from models.rules.company_number import InvalidCompanyNumber, normalise

WELL_FORMED = re.compile(r"[0-9]{8}|R[0-9]{7}|[A-Z]{2}[0-9]{4}[A-Z0-9]{2}")


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("00000101", "00000101"),  # as the register writes it
        ("101", "00000101"),  # leading zeros lost in a spreadsheet
        ("7", "00000007"),
        ("  1234567 ", "01234567"),
        ("12 34 56 78", "12345678"),  # as printed on a letterhead
        ("12.34.56.78", "12345678"),  # two dots are not a decimal point
        ("1.234.567", "01234567"),
        ("12345678.", "12345678"),  # from the end of a sentence
        ("SC.123456", "SC123456"),
        ("S.C.123456", "SC123456"),
        ("1234-5678", "12345678"),
        ("12-34-56-78", "12345678"),
        ("SC-000110", "SC000110"),
        ("1234\u20135678", "12345678"),  # an en dash
        ("\ufeff12345678\u00a0", "12345678"),  # a pasted byte order mark and no-break space
        ("sc123456", "SC123456"),
        ("SC12345", "SC012345"),
        ("SC 1", "SC000001"),
        ("ni-12", "NI000012"),
        ("OC310", "OC000310"),
        ("R12", "R0000012"),
        ("r0000012", "R0000012"),
        ("IP00123R", "IP00123R"),  # societies may end in a letter
        ("sp2713rs", "SP2713RS"),
        ("SL01234A", "SL01234A"),
        ("CE012345", "CE012345"),  # a charitable incorporated organisation
        ("BR12345", "BR012345"),  # a branch of an overseas company
    ],
)
def test_a_number_is_brought_to_the_form_the_register_uses(text: str, number: str) -> None:
    assert normalise(text) == number


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  ",
        "-",
        "123456789",  # for nine digits the register answers 500
        "00000000",
        "0",
        "SC000000",
        "R0",
        "SC",
        "R",
        "SC1234567",
        "R12345678",
        "S1234567",
        "SC12A",
        "1234567A",
        "GB12345678",
        "1234/5678",
        "9000001.0",  # a decimal from a spreadsheet, whose digits would be another company's number
        "9000001.00",
        "900000.01",
        "123.0",
        "1234.5678",  # may be a decimal number
        "123 4.5678",
        ".1234567",
        "SC12345.0",
        "SC1234.56",
        "1234567,0",
        "9000001-0",
        "9000001 - 0",
        "9000001\u20130",
        "-9000001",
        "\u22129000001",
        "9000001-",
        "SC12345-6",
        "123\n456",  # two numbers, not one
        "1234\t5678",
        "VODAFONE",  # names, also ones that start with a known prefix
        "SCOTLAND",
        "NICHOLAS",
        "IPSWICHX",
        "SPARROWS",
        "RS2COMMS",
        "AC365TEL",
        "XX123456",
        "NI12345A",
        "+1234567",
        "\u0661\u0662\u0663",  # Arabic digits
        "\uff11\uff12\uff13",  # full-width digits
        "\u00b2",  # superscript two: `isdigit()` is true, but it is not a number
        "S\u0421123456",  # a Cyrillic letter that looks Latin
        "\u017fc123456",  # a long s, which `upper()` turns into S
        "12345678\x00",
        "../12345",
        "1" * 10_000,
    ],
)
def test_what_the_register_cannot_hold_is_refused(text: str) -> None:
    with pytest.raises(InvalidCompanyNumber):
        normalise(text)


def test_a_refusal_is_a_value_error_that_shows_no_more_than_the_start() -> None:
    with pytest.raises(ValueError, match=r"^“x{20}…” is not a UK company number\.$"):
        normalise("x" * 500)


@given(st.text(max_size=12))
@example("R 1")
@example("sc1")
def test_whatever_comes_out_is_well_formed_and_stays_as_it_is(text: str) -> None:
    try:
        number = normalise(text)
    except InvalidCompanyNumber:
        return
    assert WELL_FORMED.fullmatch(number)
    assert normalise(number) == number


@given(st.integers(min_value=1, max_value=99_999_999))
def test_a_number_survives_being_stored_as_an_integer(value: int) -> None:
    assert normalise(str(value)) == f"{value:08d}"
