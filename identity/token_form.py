"""What a signed token looks like, before anybody has checked it. PURE."""

import re

MAX_TOKEN = 16_384

_FORM = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")


def is_token(text: str) -> bool:
    """Tell whether a credential has the form of a signed token, and no more than that."""
    return _FORM.fullmatch(text) is not None
