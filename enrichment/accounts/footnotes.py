"""Detects footnote marks and hidden digits within the tag of a number, which are not part of it."""

import re
from collections.abc import Iterator

from lxml import etree

from enrichment.accounts.markup import INLINE_NAMESPACES, local_name

_MAX_PIECES = 128
_EXCLUDES = frozenset(f"{{{namespace}}}exclude" for namespace in INLINE_NAMESPACES)
_MARKS = frozenset({"sup", "sub", "a"})
_GROUPED = re.compile(r"[^\d.]*\d{1,3}(,\d{3})+[^\d.]*", re.ASCII)
_RAISED = re.compile(r"super|vertical-align:sub")
_HIDDEN = re.compile(
    r"display:none|visibility:(hidden|collapse)|font-size:0(?![.\d])|opacity:0(?!\.)"
)


def may_hold_footnote(element: etree._Element, text: str) -> bool:
    """Return whether some digits in a tag may be those of a footnote, or are hidden.

    `text` is the text of the tag. Digits in more than one element are accepted only if together
    they are a number with commas in the right places, if no digit of one element directly follows a
    digit of another, and if none is in superscript, subscript or a link.
    """
    if not len(element):
        return False
    pieces = list(_pieces(element))
    if len(pieces) > _MAX_PIECES:
        return True
    digits = [(piece, node) for piece, node in pieces if any(c.isdigit() for c in piece)]
    if any(_is_hidden(node, element) for _, node in digits):
        return True
    if len({node for _, node in digits}) < 2:  # noqa: PLR2004
        return False
    is_whole = _GROUPED.fullmatch("".join(text.split())) is not None
    return not is_whole or _is_glued(pieces) or any(_is_mark(n, element) for _, n in digits)


def _pieces(element: etree._Element) -> Iterator[tuple[str, etree._Element]]:
    """Yield each text within a tag, in document order, with the element that contains it."""
    stack: list[tuple[str, etree._Element] | etree._Element] = [element]
    for _ in range(3 * _MAX_PIECES):
        if not stack:
            return
        item = stack.pop()
        if isinstance(item, tuple):
            yield item
            continue
        children: list[tuple[str, etree._Element] | etree._Element] = [(item.text or "", item)]
        for child in item:
            if isinstance(child.tag, str) and child.tag not in _EXCLUDES:
                children.append(child)
            children.append((child.tail or "", item))
        stack.extend(reversed(children))
    yield from [("?", element)] * (_MAX_PIECES + 1)


def _is_glued(pieces: list[tuple[str, etree._Element]]) -> bool:
    """Return whether a digit of one element directly follows a digit of another."""
    previous, last = None, ""
    for piece, node in pieces:
        shown = piece.strip()
        if not shown:
            continue
        if node is not previous and last.isdigit() and shown[0].isdigit():
            return True
        previous, last = node, shown[-1]
    return False


def _is_mark(node: etree._Element, tag: etree._Element) -> bool:
    if node is tag:
        return False
    name = local_name(node).lower()
    return name in _MARKS or _RAISED.search(_style(node)) is not None


def _is_hidden(node: etree._Element | None, tag: etree._Element) -> bool:
    """Return whether `node`, or an element between it and the tag, is hidden."""
    while node is not None and node is not tag:
        if node.get("hidden") is not None or _HIDDEN.search(_style(node)):
            return True
        node = node.getparent()
    return False


def _style(node: etree._Element) -> str:
    return "".join((node.get("style") or "").lower().split())
