"""Descriptions of the schema as a page shows them."""

import re

REQUIREMENT_IDS = re.compile(r" \((?:[AR]\d+(?:, | and | to )?)+\)")


def plain(description: str | None) -> str:
    """Return a description in one line, without ids of requirements."""
    return REQUIREMENT_IDS.sub("", " ".join((description or "").split()))
