"""Names that a mail may contain: short, plain, and without anything like a web address."""
# ruff: noqa: RUF001  # look-alikes are what is tested

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.rules.mail_name import name_in_mail

REPEATED = [
    "Ann",
    "Ann Example",
    "Jörg Müller",
    "Seán Ó Briain",
    "Nguyễn Thị Minh Khai",
    "王小明",
    "محمد علي",
    "O'Brien-Smith",
    "J. R. R. Tolkien",
    "J.R.R. Tolkien",
    "St. Mary's School",
    "Dr. A.B. Smith",
    "Dot Cotton",
    "O'Brien",
    "O\u2019Brien & Sons, Ltd.",
    "Jones' Bakery",
    "Anne-Marie",
    "José",
    "Müller",
    "St. John Ltd.",
    "李小龍",
    "健一",
    "さくら クラブ",
    "김민준",
    "Ольга",
    "Ελένη Παπαδοπούλου",
    "דוד לוי",
    "रवि शर्मा",
    "Ọlá\u0301bísí",  # a combining accent for which no single character exists
]

NOT_REPEATED = [
    "",
    " ",
    "123",  # without a letter
    # Web addresses, and text that mail programs turn into links.
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
    "J.R.Hartley",  # two or more letters after a dot may be a top-level domain
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
    # Disguised web addresses.
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
    "evilꓸcom",  # letters that look like punctuation
    "Go to evilꓸcomノlogin",
    "Go to evil ノ login",
    "evilノcom",
    "evil丶com",
    "evil 丶 com",
    "evilᐧcom",
    "evilꞏcom",
    "evilǃcom",
    "evilɂ",
    "evilㆍcom",
    "evilःcom",
    "रविः",
    "evilʼcom",
    "evilיcom",  # two scripts in one word
    "еvil",
    "李Lee",
    "evil\u0358com",  # a mark that looks like a dot
    "evil\u0338com",
    "evil٠com",  # digits
    "evil۰com",
    "evil0com",
    "Studio 54 Limited",
    # Full stops, signs and words that a reader could turn into an address.
    "evil. com",
    "evil. Com",
    "evil .com",
    "evil . com",
    "Ltd. com",
    "A. com",
    "a. Com",
    "e.v.i.l.c.o.m.",
    "t.c.",
    "Dr.Smith",
    "Dr.. Smith",
    "you won (evil) dot co",
    "evil dot co",
    "evil Dot Co",
    "evil -dot- co",
    "evil d-o-t co",
    "evil dot, co",
    "(Acme)",
    "Smith (c/o Jones)",
    "Smith T/A Plumbing",
    "Ann  Example",
    "Ann & ",
    "-Ann",
    "Ann-",
    "Ann--Marie",
    "R-e-a-d",
    "a b c d e f",
    # Sentences, markup, and other text that is not a name.
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
    "A\u0363\u0364\u0365\u0366\u0367",  # many combining marks
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
