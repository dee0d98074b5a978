"""Refuses the character U+0000: no column can hold it, and PostgreSQL takes it in no query."""

import re
from typing import Any

SUSPICIOUS = re.compile(rb"\x00|\\u(?:0000|\{0+\})")
"""What has none of these spelt out in its JSON holds no such character."""

ESCAPED = re.compile(r"\x00|(?<!\\)(?:\\\\)*\\u(?:0000|\{0+\})")
"""The character in a GraphQL document; behind another backslash it is no escape."""


def holds_null_character(text: bytes, parsed: Any) -> bool:
    """Tell whether what was parsed from a JSON text holds the character, in any spelling."""
    if not SUSPICIOUS.search(text):
        return False
    waiting = [parsed]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str) and "\x00" in one:
            return True
        if isinstance(one, dict):
            query = one.get("query")
            if isinstance(query, str) and ESCAPED.search(query):
                return True
            waiting += [*one.keys(), *one.values()]
        elif isinstance(one, list):
            waiting += one
    return False
