"""The character U+0000 is refused in every spelling, and nothing else is taken for it."""

from typing import Any

import orjson
import pytest

from schema.null_characters import holds_null_character


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"query": "{ a }"}, False),
        ({"query": '{ a(x: "\\u0000") }'}, True),  # an escape of GraphQL's
        ({"query": '{ a(x: "\\u{0}") }'}, True),
        ({"query": '{ a(x: "\\u{000000}") }'}, True),
        ({"query": '{ a(x: "\\\\\\u0000") }'}, True),  # behind an escaped backslash
        ({"query": '{ a(x: "\\\\u0000") }'}, False),  # a backslash, and letters
        ({"query": '{ a(x: "u0000") }'}, False),
        ({"query": "{ a }", "variables": {"x": "\x00"}}, True),
        ({"query": "{ a }", "variables": {"x": [{"y": "a\x00b"}]}}, True),
        ({"query": "{ a }", "variables": {"\x00": 1}}, True),
        ({"query": "{ a }", "variables": {"x": "\\u0000"}}, False),  # lawful text
        ({"query": "{ a }", "variables": {"x": "u0000", "y": None, "z": 0}}, False),
        ([1, "\x00"], True),
        ({"payload": {"query": '{ a(x: "\\u0000") }'}}, True),  # of a WebSocket
    ],
)
def test_the_character_is_found_and_nothing_else(given: Any, expected: bool) -> None:
    assert holds_null_character(orjson.dumps(given), given) is expected
