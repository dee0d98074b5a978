"""Reads the text printed beside a tag: brackets, minus signs, and words such as `million`."""

import re
from dataclasses import dataclass
from itertools import islice

from lxml import etree

from enrichment.accounts.markup import BLOCKS, ROW_ENDS, local_name

_MAX_STEPS = 12
_MAX_CHARACTERS = 200
_CELL_EDGE = "\f"
_EDGE = "\v"

_BLANKS = " \t\r\n\f\v\u00a0\u2009\u202f\u200b\ufeff"
_BLANK = r"[ \t\r\n\u00a0\u2009\u202f\u200b\ufeff]"
_DASH = "-\u2010\u2011\u2012\u2013\u2014\u2212\ufe63\uff0d"
_CURRENCIES = ("US$", "£", "€", "$", "¥", "GBP", "EUR", "USD", "JPY", "CHF")
_CURRENCY = f"(?:{'|'.join(map(re.escape, _CURRENCIES))})"
_PAIRS = frozenset({"()", "[]", "\uff08\uff09"})
_NEGATIVE = frozenset("([\uff08" + _DASH)
_CLOSING = frozenset(pair[1] for pair in _PAIRS)

_GLUED_MINUS = re.compile(rf"(?:^|[\s(:\v\f])[{_DASH}](?:\v|{_CURRENCY})*$")
_LONE_MINUS = re.compile(
    rf"^{_BLANK}*\v?[{_DASH}(\[\uff08](?:\v|{_BLANK}*)(?:{_CURRENCY}{_BLANK}*)?$"
)
_DIGITS = re.compile(r"\d(?:.*\d)?", re.DOTALL)
_TRAILING_MINUS = re.compile(rf"^{_BLANK}*[{_DASH}]{_BLANK}*$")
_SCALE_WORD = re.compile(
    r"^(?:\s*(?P<word>thousand|million|billion)s?\b|(?P<sign>k|m|mn|bn)\b|\s*'(?P<zeros>000)\b)",
    re.IGNORECASE,
)
_SCALES = {"thousand": 3, "k": 3, "000": 3, "million": 6, "m": 6, "mn": 6, "billion": 9, "bn": 9}


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The text before and after a tag in its row of the page.

    Special characters mark the edges of cells and elements.
    """

    before: str
    after: str

    @property
    def is_negative(self) -> bool:
        """Whether the page prints brackets or a minus around the tag, outside of it."""
        before, after = _end_of(self.before), _start_of(self.after)
        if before + after in _PAIRS:
            return True
        cell = self.before.rpartition(_CELL_EDGE)[2]
        rest = self.after.partition(_CELL_EDGE)[0]
        if _GLUED_MINUS.search(cell):
            return True
        if _LONE_MINUS.search(cell) and not rest.strip():
            return True
        return _TRAILING_MINUS.search(rest.rstrip()) is not None

    @property
    def sign(self) -> int:
        """-1 if the page prints a bracket or minus next to the tag in its row, otherwise 1."""
        before, after = _end_of(self.before), _start_of(self.after)
        return -1 if before in _NEGATIVE or after in _CLOSING else 1

    @property
    def scale(self) -> int | None:
        """The power of ten of the word directly after the tag, such as 6 for `1.2m`; or None."""
        found = _SCALE_WORD.match(self.after.lstrip(_EDGE))
        return _SCALES[next(filter(None, found.groups())).lower()] if found else None


def neighbours_of(element: etree._Element) -> Neighbours:
    """Return the text beside the digits of a tag, within its row of the page.

    It includes text within the tag but around the digits, which may be excluded from the number.
    The text of a large element is replaced by a mark.
    """
    shown = "".join(str(piece) for piece in islice(element.itertext(), _MAX_STEPS))
    around = _DIGITS.split(shown[:_MAX_CHARACTERS], maxsplit=1)
    inside = around if len(around) > 1 else ["", ""]
    return Neighbours(_before(element) + inside[0], inside[1] + _after(element))


def _end_of(text: str) -> str:
    """Return the last character of the text before an amount, without blanks and a currency."""
    text = text.rstrip(_BLANKS)
    for currency in _CURRENCIES:
        text = text.removesuffix(currency)
    return text.rstrip(_BLANKS)[-1:]


def _start_of(text: str) -> str:
    """Return the first character of the text after an amount, without blanks and a currency."""
    text = text.lstrip(_BLANKS)
    for currency in _CURRENCIES:
        text = text.removeprefix(currency)
    return text.lstrip(_BLANKS)[:1]


def is_hidden(element: etree._Element) -> bool:
    """Return whether the tag is in the hidden part of the document."""
    return any(local_name(ancestor) == "hidden" for ancestor in element.iterancestors())


def _before(element: etree._Element) -> str:
    current, pieces, length = element, [], 0
    for _ in range(_MAX_STEPS):
        previous, parent = current.getprevious(), current.getparent()
        if previous is not None:
            text = _text_of(previous) + (previous.tail or "")[-_MAX_CHARACTERS:]
            current = previous
        elif parent is not None and local_name(parent) not in ROW_ENDS:
            text = _cell_edge(parent) + (parent.text or "")[-_MAX_CHARACTERS:]
            current = parent
        else:
            break
        pieces.append(text)
        length += len(text)
        if length > _MAX_CHARACTERS:
            break
    return "".join(reversed(pieces))[-_MAX_CHARACTERS:]


def _after(element: etree._Element) -> str:
    current: etree._Element | None = element
    text = ""
    for _ in range(_MAX_STEPS):
        if current is None or local_name(current) in ROW_ENDS or len(text) > _MAX_CHARACTERS:
            break
        text += (current.tail or "")[:_MAX_CHARACTERS]
        following = current.getnext()
        if following is not None:
            text += _text_of(following)
            current = following
        else:
            current = current.getparent()
            text += _cell_edge(current)
    return text[:_MAX_CHARACTERS]


def _text_of(element: etree._Element) -> str:
    """Return the text of an element between marks for its edges; `?` if it has many nodes."""
    if not isinstance(element.tag, str):
        return ""
    edge = _cell_edge(element) or _EDGE
    pieces = [edge, element.text or ""]
    for count, node in enumerate(element.iterdescendants()):
        if count > _MAX_STEPS:
            return f"{edge}?{edge}"
        pieces.append((node.text or "") if isinstance(node.tag, str) else "")
        pieces.append(node.tail or "")
    return "".join((*pieces, edge))


def _cell_edge(element: etree._Element | None) -> str:
    return _CELL_EDGE if element is not None and local_name(element) in BLOCKS else ""
