"""Converts descriptions in the schema to text for a page."""

import re

REQUIREMENT_IDS = re.compile(r" \((?:[AR]\d+(?:, | and | to )?)+\)")


def plain(description: str | None) -> str:
    """Return a description on one line, without requirement ids such as (R85)."""
    return REQUIREMENT_IDS.sub("", " ".join((description or "").split()))
