"""The text of an inline tag: exclusions left out, continuations followed, brackets noticed."""

import html
from collections.abc import Iterator

from lxml import etree

from enrichment.accounts.model import AccountsRefused, RefusalCode
from enrichment.accounts.values import LINE_BREAK

INLINE_NAMESPACES = ("http://www.xbrl.org/2013/inlineXBRL", "http://www.xbrl.org/2008/inlineXBRL")
MAX_STEPS = 100_000
MAX_CHARACTERS = 1_000_000
MAX_TEXT = 20_000
_BRACKET_STEPS = 12

_EXCLUDES = frozenset(f"{{{namespace}}}exclude" for namespace in INLINE_NAMESPACES)
_BLOCKS = frozenset({"br", "div", "p", "td", "th", "tr", "li", "table", "h1", "h2", "h3", "h4"})
_BLANKS = " \t\r\n\u00a0\u2009\u202f\u200b\ufeff"
_NEGATIVE = frozenset("(-\u2010\u2011\u2012\u2013\u2014\u2212")
_ROW_ENDS = frozenset({"tr", "table", "body"})


class TextReader:
    """Reads the text of tags, within bounds on the nodes and characters of a whole document.

    Tags nest and continuations are shared, so the document's size does not bound the work.
    """

    def __init__(self, root: etree._Element) -> None:
        self._steps_left = MAX_STEPS
        self._characters_left = MAX_CHARACTERS
        self._continuations: dict[str, etree._Element] = {}
        for namespace in INLINE_NAMESPACES:
            for element in root.iter(f"{{{namespace}}}continuation"):
                self._continuations.setdefault(element.get("id") or "", element)

    def number(self, element: etree._Element) -> str:
        """Return the text of a numeric tag, with LINE_BREAK where a new line or cell begins."""
        return self._text(element, follows=False, block=LINE_BREAK)

    def words(self, element: etree._Element) -> str:
        """Return the text of a name or date on one line, its continuations added."""
        return " ".join(self._text(element, follows=True, block=" ").split())

    def _text(self, element: etree._Element, *, follows: bool, block: str) -> str:
        pieces: list[str] = []
        length = 0
        seen: set[str] = set()
        current: etree._Element | None = element
        while current is not None:
            for piece in self._pieces(current, block):
                self._characters_left -= len(piece)
                if self._characters_left < 0:
                    raise _too_much()
                pieces.append(piece)
                length += len(piece)
                if length > MAX_TEXT:
                    return "".join(pieces)[:MAX_TEXT]
            target = current.get("continuedAt") if follows else None
            if target is None or target in seen:
                break
            seen.add(target)
            current = self._continuations.get(target)
        return "".join(pieces)

    def _pieces(self, element: etree._Element, block: str) -> Iterator[str]:
        """Yield the text inside `element`; nesting is bounded by the parser's own limit."""
        self._step()
        if element.text:
            yield element.text
        for child in element:
            self._step()
            tag = child.tag
            if isinstance(tag, str):
                if tag not in _EXCLUDES:
                    edge = block if tag.rpartition("}")[2] in _BLOCKS else ""
                    yield edge
                    yield from self._pieces(child, block)
                    yield edge
            elif tag is etree.Entity:
                yield html.unescape(child.text or "")
            if child.tail:
                yield child.tail

    def _step(self) -> None:
        self._steps_left -= 1
        if self._steps_left < 0:
            raise _too_much()


def _too_much() -> AccountsRefused:
    return AccountsRefused(
        RefusalCode.TOO_MANY_ELEMENTS, "The tags overlap, or hold more text, than in any accounts."
    )


def is_bracketed(element: etree._Element) -> bool:
    """Tell whether the page prints the tag in round brackets that stand outside of it."""
    before = _last_character(element)
    return before == "(" and _next_character(element) == ")"


def printed_sign(element: etree._Element) -> int:
    """Return -1 if a bracket or minus stands beside the tag, 1 if none does, 0 if hidden."""
    if any(_local(ancestor) == "hidden" for ancestor in element.iterancestors()):
        return 0
    is_negative = _last_character(element) in _NEGATIVE or _next_character(element) == ")"
    return -1 if is_negative else 1


def _last_character(element: etree._Element) -> str:
    """Return the last printed character before the tag in its row, currency signs passed over."""
    current = element
    for _ in range(_BRACKET_STEPS):
        previous = current.getprevious()
        parent = current.getparent()
        if previous is not None:
            text = (previous.tail or "").rstrip(_BLANKS + "£€$")
            text = text or _deep_text(previous).rstrip(_BLANKS + "£€$")
            current = previous
        elif parent is not None and _local(parent) not in _ROW_ENDS:
            text = (parent.text or "").rstrip(_BLANKS + "£€$")
            current = parent
        else:
            return ""
        if text:
            return text[-1]
    return ""


def _next_character(element: etree._Element) -> str:
    """Return the first printed character after the tag in its row."""
    current: etree._Element | None = element
    for _ in range(_BRACKET_STEPS):
        if current is None or _local(current) in _ROW_ENDS:
            return ""
        text = (current.tail or "").lstrip(_BLANKS)
        following = current.getnext()
        if not text and following is not None:
            text = _deep_text(following).lstrip(_BLANKS)
            current = following
        elif not text:
            current = current.getparent()
        if text:
            return text[0]
    return ""


def _deep_text(element: etree._Element) -> str:
    """Return the text of a small neighbour; one with many nodes is no bracket."""
    if not isinstance(element.tag, str):
        return ""
    pieces = [element.text or ""]
    for count, node in enumerate(element.iterdescendants()):
        if count > _BRACKET_STEPS:
            return "?"
        pieces.append((node.text or "") if isinstance(node.tag, str) else "")
        pieces.append(node.tail or "")
    return "".join(pieces)


def _local(element: etree._Element) -> str:
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""
