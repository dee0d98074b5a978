"""Which texts are idempotency keys, and when two requests have the same fingerprint."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from models.rules.idempotency import FINGERPRINT_LENGTH, FORMAT, fingerprint, is_key, key_digest

NOON = datetime(2026, 9, 1, 12, tzinfo=UTC)
CONTENT: dict[str, Any] = {"name": "Acme", "at": NOON, "lines": [{"a": 1, "b": None}]}


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("8e03978e-40d5-43dd-bc93-6894a57f9324", True),
        ("x", True),
        ("x" * 255, True),
        ("!~\"\\,;:@'", True),  # every visible ASCII character may be in a key
        ("", False),
        ("x" * 256, False),
        ("a b", False),  # a space is not visible
        (" a", False),
        ("a\n", False),
        ("a\x7f", False),
        ("é", False),  # a header cannot carry it safely
        ("a\u200b", False),
    ],
)
def test_a_key_is_1_to_255_visible_ascii_characters(text: str, *, is_one: bool) -> None:
    assert is_key(text) is is_one


@pytest.mark.parametrize(
    ("changes", "is_same"),
    [
        ({}, True),
        # the order of fields does not count
        ({"content": dict(reversed(CONTENT.items()))}, True),
        # the same instant, with another offset
        ({"content": {**CONTENT, "at": NOON.astimezone(timezone(timedelta(hours=2)))}}, True),
        ({"content": {**CONTENT, "name": "Acme "}}, False),
        ({"content": {**CONTENT, "at": NOON + timedelta(microseconds=1)}}, False),
        ({"content": {**CONTENT, "lines": [{"a": 1}]}}, False),  # null is not left out
        ({"content": {**CONTENT, "more": None}}, False),
        ({"operation": "saveContact"}, False),
        ({"key": "other"}, False),
        ({"secret": b"other"}, False),
    ],
)
def test_equal_requests_have_equal_fingerprints(changes: dict[str, Any], *, is_same: bool) -> None:
    request: dict[str, Any] = {
        "secret": b"secret",
        "key": "k",
        "operation": "saveCustomer",
        "content": CONTENT,
    }
    first, second = fingerprint(**request), fingerprint(**{**request, **changes})
    assert (first == second) is is_same
    assert (first[0], len(first)) == (FORMAT, FINGERPRINT_LENGTH)


def test_keys_of_different_callers_differ() -> None:
    assert key_digest("usr_1", "k") != key_digest("usr_2", "k")
    assert key_digest("usr_1", "k") == key_digest("usr_1", "k")
    assert "k" * 200 not in key_digest("usr_1", "k" * 200)
