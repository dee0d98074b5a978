"""CSV cells are escaped so that spreadsheets do not run them as formulas."""

import pytest

from web.csv_answer import written


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("Acme", "Acme"),
        ("1=2", "1=2"),
        (-5, "'-5"),
        ("=1+1", "'=1+1"),
        ("+44 20", "'+44 20"),
        ("-x", "'-x"),
        ("@x", "'@x"),
        ("\t=x", "'\t'=x"),
        ("\uff1d1+1", "'\uff1d1+1"),  # full-width forms of these signs
        ("\uff0b1", "'\uff0b1"),
        ("\uff0d1", "'\uff0d1"),
        ("\uff20x", "'\uff20x"),
        ("\ufe66x", "'\ufe66x"),  # small forms of these signs
        ("\ufe62x", "'\ufe62x"),
        ("\ufe63x", "'\ufe63x"),
        ("\ufe6bx", "'\ufe6bx"),
    ],
)
def test_what_begins_like_a_formula_is_quoted(value: str | int, cell: str) -> None:
    assert written([[value, "end"]]) == f"{cell},end\r\n"


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("a;=1+1", "a;'=1+1"),
        ("a;-1;+2;@b", "a;'-1;'+2;'@b"),
        ("a;\uff1d1", "a;'\uff1d1"),
        ('a;"=1', '"a;""\'=1"'),
        ("a\n=1", '"a\n\'=1"'),
        ("a\t=1", "a\t'=1"),
        ('say "x", then;=1', '"say ""x"", then;\'=1"'),
        ("a; b; 1=2", "a; b; 1=2"),
        ("a; - b", "a; - b"),  # a leading space makes it text
    ],
)
def test_no_formula_begins_behind_another_separator_either(value: str, cell: str) -> None:
    """In many countries spreadsheets separate cells with semicolons."""
    assert written([[value, "end"]]) == f"{cell},end\r\n"
