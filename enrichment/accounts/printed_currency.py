"""The currency signs that a page prints beside a figure, to compare with the figure's unit."""

from itertools import islice

from lxml import etree

_SIGNS = frozenset("£€$")
_SIGN_OF = {
    "GBP": "£",
    "EUR": "€",
    **dict.fromkeys(("USD", "AUD", "CAD", "HKD", "NZD", "SGD", "TWD"), "$"),
}
_MAX_TABLES = 200
_MAX_PIECES = 1_000
_NEAR = 4
_ROW_ENDS = frozenset({"tr", "table", "body"})


class PrintedCurrencies:
    """Compares units with the signs in the tables of one document, each table read once."""

    def __init__(self) -> None:
        self._signs: dict[etree._Element, frozenset[str]] = {}

    def contradict(self, element: etree._Element, text: str, currency: str | None) -> bool:
        """Tell whether the page prints another currency's sign for this tag, and not its own.

        A sign in the tag or right before it counts first, then those anywhere in its table.
        """
        own = _SIGN_OF.get(currency or "")
        if own is None:
            return False
        near = _SIGNS & frozenset(text) or _sign_before(element)
        signs = near or self._signs_around(element)
        return bool(signs) and own not in signs

    def _signs_around(self, element: etree._Element) -> frozenset[str]:
        table = next(element.iterancestors("{*}table"), None)
        if table is None:
            return frozenset()
        if table not in self._signs:
            if len(self._signs) >= _MAX_TABLES:
                return frozenset()
            pieces = islice(table.itertext(), _MAX_PIECES)
            self._signs[table] = frozenset(
                sign for piece in pieces for sign in _SIGNS & set(str(piece))
            )
        return self._signs[table]


def _sign_before(element: etree._Element) -> frozenset[str]:
    """Return the sign that ends the text right before the tag in its row, brackets passed over."""
    current: etree._Element | None = element
    for _ in range(_NEAR):
        if current is None or str(current.tag).rpartition("}")[2] in _ROW_ENDS:
            break
        previous, parent = current.getprevious(), current.getparent()
        if previous is not None:
            text = _stripped(previous.tail) or _stripped(_short_text(previous))
        else:
            text = _stripped(parent.text if parent is not None else None)
        if text:
            return _SIGNS & {text[-1]}
        current = parent if previous is None else previous
    return frozenset()


def _stripped(text: str | None) -> str:
    return (text or "").rstrip("( \t\r\n\u00a0-")


def _short_text(element: etree._Element) -> str:
    if not isinstance(element.tag, str):  # a reference to an entity, or a comment
        return ""
    return "".join(str(piece) for piece in islice(element.itertext(), _NEAR))
