"""Recognises signed tokens (JWT) by their form, before they are verified. PURE."""

import re

MAX_TOKEN = 16_384

_FORM = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")


def is_token(text: str) -> bool:
    """Return whether a text has the form of a signed token; nothing is verified."""
    return _FORM.fullmatch(text) is not None
