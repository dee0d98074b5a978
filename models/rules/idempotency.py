"""Idempotency keys of mutations: which texts are keys, and what identifies a request. PURE."""

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

MAX_KEY = 255
KEY = re.compile(rf"[!-~]{{1,{MAX_KEY}}}")

FORMAT = "1"
"""The first character of a fingerprint: how the rest was made."""

FINGERPRINT_LENGTH = 1 + 64


def is_key(text: str) -> bool:
    """Return whether a text may be an idempotency key: 1 to MAX_KEY visible ASCII characters."""
    return KEY.fullmatch(text) is not None


def key_digest(caller: str, key: str) -> str:
    """Return the digest by which a caller's key is stored.

    The key itself is not stored, because a client may make it from personal data.
    """
    return hashlib.sha256(f"{caller}|{key}".encode()).hexdigest()


def fingerprint(secret: bytes, key: str, operation: str, content: Mapping[str, Any]) -> str:
    """Return the fingerprint of a request: equal for two requests that ask for the same.

    `operation` is the name of the mutation's field, and `content` the values of its input. Without
    `secret` and `key`, neither of which is stored, nobody can guess the content from it.
    """
    own = hashlib.sha256(secret + b"|" + key.encode()).digest()
    text = json.dumps([operation, content], default=_spelt, sort_keys=True)
    return FORMAT + hmac.new(own, text.encode(), hashlib.sha256).hexdigest()


def _spelt(value: Any) -> str:
    """Return an instant in UTC, since clients may send it with any offset."""
    if isinstance(value, datetime):
        spelt = value if value.tzinfo is None else value.astimezone(UTC)
        return spelt.isoformat(timespec="microseconds")
    raise TypeError(f"values of type {type(value).__name__} have no fingerprint")
