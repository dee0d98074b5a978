"""Footnote marks inside the tag of a number, which would add digits to it."""

import re

from lxml import etree

from enrichment.accounts.markup import INLINE_NAMESPACES

_MAX_NODES = 64
_EXCLUDES = frozenset(f"{{{namespace}}}exclude" for namespace in INLINE_NAMESPACES)
_MARKS = frozenset({"sup", "sub", "a"})
_GROUPED = re.compile(r"[^\d.]*\d{1,3}(,\d{3})+[^\d.]*", re.ASCII)


def may_hold_footnote(element: etree._Element, text: str) -> bool:
    """Tell whether digits of the tag's `text` may be those of a footnote.

    So it is where digits stand in more than one element, unless together they are a number with
    commas in the right places and none of them is raised, lowered or a link.
    """
    if not len(element):
        return False
    sources, has_mark = 0, False
    stack = [element]
    for _ in range(_MAX_NODES):
        if not stack:
            break
        node = stack.pop()
        children = [child for child in node if child.tag not in _EXCLUDES]
        stack.extend(child for child in children if isinstance(child.tag, str))
        own = (node.text or "") + "".join(child.tail or "" for child in node)
        if any(c.isdigit() for c in own):
            sources += 1
            has_mark = has_mark or (node is not element and _is_mark(node))
    if stack:
        return True
    return sources > 1 and (has_mark or not _GROUPED.fullmatch("".join(text.split())))


def _is_mark(node: etree._Element) -> bool:
    name = str(node.tag).rpartition("}")[2].lower()
    style = (node.get("style") or "").lower()
    return name in _MARKS or "super" in style or "vertical-align: sub" in style
