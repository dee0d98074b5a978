"""Reads the text of an inline XBRL tag.

The text leaves out parts marked as excluded, and includes continuations elsewhere in the document.
"""

import html
from collections.abc import Iterator

from lxml import etree

from enrichment.accounts.model import AccountsRefused, RefusalCode
from enrichment.accounts.values import LINE_BREAK

INLINE_NAMESPACES = ("http://www.xbrl.org/2013/inlineXBRL", "http://www.xbrl.org/2008/inlineXBRL")
MAX_STEPS = 100_000
MAX_CHARACTERS = 1_000_000
MAX_TEXT = 20_000

_EXCLUDES = frozenset(f"{{{namespace}}}exclude" for namespace in INLINE_NAMESPACES)
ROW_ENDS = frozenset({"tr", "table", "body"})
BLOCKS = frozenset({"br", "div", "p", "td", "th", "tr", "li", "table", "h1", "h2", "h3", "h4"})


class TextReader:
    """Reads the text of tags; raises AccountsRefused if the document takes too much work.

    Nodes and characters are counted over all tags: as tags may be nested and share continuations,
    even a small document could take much work.
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
        """Return the text of a name or date with its continuations, on one line."""
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
        """Yield the pieces of text in `element`, with `block` around each block such as a cell.

        This is recursive; the XML parser limits the depth.
        """
        self._step()
        if element.text:
            yield element.text
        for child in element:
            self._step()
            tag = child.tag
            if isinstance(tag, str):
                if tag not in _EXCLUDES:
                    edge = block if local_name(child) in BLOCKS else ""
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


def local_name(node: etree._Element) -> str:
    """Return an element's name without its namespace; "" for a comment or an entity."""
    return node.tag.rpartition("}")[2] if isinstance(node.tag, str) else ""


def _too_much() -> AccountsRefused:
    return AccountsRefused(
        RefusalCode.TOO_MANY_ELEMENTS,
        "The tags overlap more, or contain more text, than in the accounts of any company.",
    )
