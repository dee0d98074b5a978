"""Escapes cells of CSV files so that no spreadsheet runs them as formulas, and undoes it. PURE."""

import re

_SIGNS = "=+@\uff1d\uff0b\uff20\ufe66\ufe62\ufe6b\uff0d\ufe63\\-"
"""A spreadsheet runs a cell that begins with one of these as a formula.

Some spreadsheets accept the full-width forms of the signs too.
"""

_START = re.compile(rf"'*(?=[{_SIGNS}\t\r\n])")
_ESCAPED_START = re.compile(rf"\A'(?='*[{_SIGNS}\t\r\n])")
_INNER = re.compile(rf"""([;\t\r\n]["']*)(?=[{_SIGNS}])""")
_ESCAPED_INNER = re.compile(rf"""([;\t\r\n]["']*)'(?=[{_SIGNS}])""")
"""The inner ones match where a formula would begin if a spreadsheet split the cell there.

Some spreadsheets split cells at semicolons or tabs; they treat a quote as a delimiter only at the
beginning of a cell.
"""


def escaped(text: str) -> str:
    """Return a text with an apostrophe before each place where a formula could begin.

    Where apostrophes stand there already, it has one more, so that `unescaped` returns the text.
    """
    if ";" in text or not text.isprintable():  # most cells have none of the delimiters
        text = _INNER.sub(r"\1'", text)
    return f"'{text}" if _START.match(text) else text


def unescaped(text: str) -> str:
    """Return a text without the apostrophes that `escaped` adds."""
    if "'" not in text:
        return text
    return _ESCAPED_INNER.sub(r"\1", _ESCAPED_START.sub("", text))
