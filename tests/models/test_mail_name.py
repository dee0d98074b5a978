"""Which names a mail repeats: short plain ones, and nothing that looks like a web address."""
# ruff: noqa: RUF001  # look-alikes are what is tested

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.mail_name import name_in_mail

REPEATED = [
    "Ann",
    "Ann Example",
    "Jörg Müller",
    "Seán Ó Briain",
    "Nguyễn Thị Minh Khai",
    "王小明",
    "محمد علي",
    "O'Brien-Smith",
    "O\u2019Brien & Sons (Holdings), Ltd.",
    "J. R. R. Tolkien",
    "J.R.R. Tolkien",
    "St. Mary's School",
    "Dr. A.B. Smith",
    "John Smith T/A Smith Plumbing",
    "Smith (c/o Jones)",
    "Studio 54 Limited",
    "Royal Society for the Prevention of Cruelty to Animals",
    "Dot Cotton",
    "(Acme)",
]

NOT_REPEATED = [
    "",
    " ",
    "123",  # no letter
    # Web addresses, and what mail programs make links of.
    "evil.example",
    "evil.example/path",
    "Your parcel: evil.example/pay",
    "Ann evil.example",
    "Ann (evil.example)",
    "http://evil.example",
    "https evil",
    "hxxps evil example",
    "www.evil.example",
    "WWW evil",
    "www2 evil",
    "t.co",
    "bit.ly/x",
    "evil .example",
    ".example",
    "Ann.Example",
    "J.R.Hartley",  # of two letters or more after a dot nobody knows
    "1.2.3.4",
    "münchen.example",
    "xn--mnchen-3ya",
    "info@evil.example",
    "evil dot com",
    "evil (dot) com",
    "localhost:8000",
    "a/evil",
    "evil/a",
    "//evil",
    "and/or",
    # The same in disguise.
    "evil．example",  # full width
    "ｅｖｉｌ．ｅｘａｍｐｌｅ",
    "evil。example",
    "evil｡example",
    "evil․example",  # one dot leader
    "evil\u200b.\u200bexample",
    "evil\u2060.example",
    "ev\u00adil.example",
    "http：//evil",
    "evil.example／path",
    "ⓔⓥⓘⓛ.ⓔⓧⓐⓜⓟⓛⓔ",
    "\u202emoc.live",
    "Ann\u200b",
    "Ann\ufeff",
    # Text, markup, and what is no name.
    "Ann\nYour account is locked",
    "Ann\r\nBcc: eve@evil.example",
    "Ann\tExample",
    "Ann\u2028Example",
    "Ann\x00",
    "<b>Ann</b>",
    "[Ann](evil)",
    "*Ann*",
    "{{ 7*7 }}",
    "=?utf-8?Q?a?=",
    '"Ann"',
    "Ann; Example",
    "Act now!",
    "Why?",
    "Win £100",
    "100% free",
    "Call 0800 1234",
    "Call +44 20",
    "Ann 😀",
    "A" * 61,
    "a b c d e f g h i j",
    "A\u0363\u0364\u0365\u0366\u0367",  # a pile of marks
]


@pytest.mark.parametrize("name", REPEATED)
def test_a_plain_name_is_repeated(name: str) -> None:
    assert name_in_mail(name) == name


@pytest.mark.parametrize("name", NOT_REPEATED)
def test_all_else_is_not(name: str) -> None:
    assert name_in_mail(name) is None


def test_what_was_checked_is_what_is_shown() -> None:
    assert name_in_mail("  Ａｃｍｅ\u00a0Limited ") == "Acme Limited"


@given(st.text(max_size=20), st.sampled_from([".", "．", "。", "․", "://", "@", "/"]), st.text())
def test_no_two_words_are_joined_as_in_an_address(before: str, mark: str, after: str) -> None:
    assert name_in_mail(f"{before}ab{mark}cd{after}") is None
