"""Reads the reason of a deprecation: what to use instead, and the day of the removal."""

import re
from datetime import date

FORM = "Use `…`. Removed on 2027-06-01."
"""The form of every reason, as an example."""

_REASON = re.compile(r"Use \S.*\. Removed on (\d{4}-\d{2}-\d{2})\.", re.DOTALL)


def removal_day(reason: str) -> date | None:
    """Return the first day on which the deprecated part may be gone; None if the form is wrong."""
    match = _REASON.fullmatch(reason)
    if match is None:
        return None
    try:
        return date.fromisoformat(match.group(1))
    except ValueError:
        return None
