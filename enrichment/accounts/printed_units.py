"""Compares currencies and scales printed on a page with those of the tags.

They are printed beside figures, in headings of tables and in sentences.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice

from lxml import etree

from enrichment.accounts.markup import ROW_ENDS, local_name

_DOLLARS = frozenset({"USD", "AUD", "CAD", "HKD", "NZD", "SGD", "TWD"})
_MEANINGS = {
    "£": frozenset({"GBP"}),
    "€": frozenset({"EUR"}),
    "$": _DOLLARS,
    "¥": frozenset({"JPY", "CNY"}),
    "US$": frozenset({"USD"}),
    **{code: frozenset({code}) for code in ("GBP", "EUR", "USD", "JPY", "CHF")},
}
_SIGNS = frozenset("£€$¥")
_NAMES = (
    (re.compile(r"sterling|pounds?\b|gbp|£", re.IGNORECASE), "£"),
    (re.compile(r"euros?\b|eur\b|€", re.IGNORECASE), "€"),
    (re.compile(r"u\.?s\.?\s?dollar|usd|us\$", re.IGNORECASE), "USD"),
    (re.compile(r"dollar|\$", re.IGNORECASE), "$"),
    (re.compile(r"yen|jpy|¥", re.IGNORECASE), "¥"),
    (re.compile(r"swiss franc|chf", re.IGNORECASE), "CHF"),
)
_CURRENCY = r"US\$|£|€|\$|¥|GBP|EUR|USD|JPY|CHF"
_ZEROS = r"['\u2018\u2019\u201b`\u00b4]?\s?000['\u2019]?s?"
_HEADING = re.compile(
    rf"(?:[\w ,]*\b(?:19|20)\d\d )?(?:(?:all )?(?:amounts |figures )?(?:are )?in )?"
    rf"(?P<currency>{_CURRENCY}) ?(?P<scale>{_ZEROS}|k|thousands?|m|mn|millions?|bn|billions?)?",
    re.IGNORECASE,
)
_ZEROS_ALONE = re.compile(_ZEROS, re.IGNORECASE)
_STATEMENT = re.compile(
    r"(?:(?:amounts|figures|values|sums|statements|accounts)"
    r"(?: (?:are|is|have been|has been))?"
    r"(?: (?:stated|shown|presented|expressed|prepared|reported|given))? in"
    r"|(?:presentation|presentational|reporting) currency(?: of the [a-z]+)? is)"
    r" (?:the )?(?P<currency>[\w.$£€¥]+(?: [\w.]+)?)",
    re.IGNORECASE,
)
_SCALES = {"k": 3, "t": 3, "m": 6, "b": 9}
_MAX_TABLES = 200
_MAX_PIECES = 1_000
_MAX_PAGE_ELEMENTS = 20_000
_MAX_HEADING = 40
_MAX_STATEMENT = 400
_NEAR = 4


@dataclass(slots=True)
class _Units:
    """The currencies, and the scales as powers of ten, that headings name."""

    currencies: set[str] = field(default_factory=set)
    scales: set[int] = field(default_factory=set)

    @property
    def is_empty(self) -> bool:
        return not self.currencies and not self.scales


class PrintedUnits:
    """Compares tags with the headings of their tables and of the page.

    Headings are read only once.
    """

    def __init__(self, root: etree._Element) -> None:
        self._root = root
        self._tables: dict[etree._Element, _Units] = {}
        self._page: _Units | None = None

    def contradict_currency(self, element: etree._Element, text: str, currency: str | None) -> bool:
        """Return whether the page prints currencies for a tag, but not `currency`.

        `currency` is that of the tag; False if it is None. The first of these that has currencies
        decides: `text`, the tag's own text; the text before the tag; the tag's table; the headings
        and statements of the page.
        """
        if currency is None:
            return False
        near = _SIGNS & frozenset(text) or _currency_before(element)
        printed = near or self._around(element).currencies or self._of_page().currencies
        meant = frozenset().union(*(_MEANINGS[sign] for sign in printed))
        return bool(meant) and currency not in meant

    def contradict_scale(self, element: etree._Element, scale: int) -> bool:
        """Return whether the headings of the tag's table name another power of ten than `scale`.

        If there is no table, or its headings name no units, the headings of the page decide.
        """
        around = self._around(element)
        scales = (self._of_page() if around.is_empty else around).scales
        return bool(scales) and 0 not in scales and scale not in scales

    def _around(self, element: etree._Element) -> _Units:
        table = next(element.iterancestors("{*}table"), None)
        if table is None:
            return _Units()
        if table not in self._tables:
            if len(self._tables) >= _MAX_TABLES:
                return _Units()
            pieces = [str(piece) for piece in islice(table.itertext(), _MAX_PIECES)]
            units = _units_in(pieces)
            units.currencies |= {sign for piece in pieces for sign in _SIGNS & set(piece)}
            self._tables[table] = units
        return self._tables[table]

    def _of_page(self) -> _Units:
        if self._page is None:
            pieces = list(_texts_outside_tables(self._root))
            self._page = _units_in(pieces)
            self._page.currencies |= set(_stated_currencies(pieces))
        return self._page


def _texts_outside_tables(root: etree._Element) -> Iterator[str]:
    walk = etree.iterwalk(root, events=("start", "end"))
    for event, element in islice(walk, 2 * _MAX_PAGE_ELEMENTS):
        name = local_name(element)
        if event == "end":
            yield element.tail or ""
        elif name in ("table", "header", "hidden", "script", "style"):
            walk.skip_subtree()
        else:
            yield element.text or ""


def _units_in(pieces: Iterable[str]) -> _Units:
    """Return the units in pieces of text that have nothing but a unit, as `£'000` or `2024 EUR`."""
    units = _Units()
    has_zeros = False
    for piece in pieces:
        if not 0 < len(piece) <= 2 * _MAX_HEADING:
            continue
        text = " ".join(piece.split())
        if len(text) > _MAX_HEADING:
            continue
        has_zeros = has_zeros or _ZEROS_ALONE.fullmatch(text) is not None
        heading = _HEADING.fullmatch(text)
        if heading is not None:
            units.currencies.add(heading["currency"].upper())
            units.scales.add(_scale_of(heading["scale"] or ""))
    if has_zeros:
        units.scales = units.scales - {0} | {3}
    return units


def _scale_of(word: str) -> int:
    if not word:
        return 0
    return _SCALES.get(word[0].lower(), 3)


def _stated_currencies(pieces: Iterable[str]) -> Iterator[str]:
    """Yield the currencies that sentences name, such as `All amounts are in US dollars`."""
    for piece in pieces:
        if len(piece) > _MAX_STATEMENT:
            continue
        for statement in _STATEMENT.finditer(" ".join(piece.split())):
            for name, sign in _NAMES:
                if name.match(statement["currency"]):
                    yield sign
                    break


def _currency_before(element: etree._Element) -> frozenset[str]:
    """Return the currency printed directly before a tag in its row; brackets are ignored.

    Several if the sign is ambiguous; empty if there is none.
    """
    current: etree._Element | None = element
    for _ in range(_NEAR):
        if current is None or local_name(current) in ROW_ENDS:
            break
        previous, parent = current.getprevious(), current.getparent()
        if previous is not None:
            text = _stripped(previous.tail) or _stripped(_short_text(previous))
        else:
            text = _stripped(parent.text if parent is not None else None)
        if text:
            last = re.search(rf"(?:\b(?:GBP|EUR|USD|JPY|CHF)|[{''.join(_SIGNS)}])$", text)
            return frozenset({last.group()}) if last else frozenset()
        current = parent if previous is None else previous
    return frozenset()


def _stripped(text: str | None) -> str:
    return (text or "").rstrip("([ \t\r\n\u00a0-\u2212")


def _short_text(element: etree._Element) -> str:
    if not isinstance(element.tag, str):  # a reference to an entity, or a comment
        return ""
    return "".join(str(piece) for piece in islice(element.itertext(), _NEAR))
