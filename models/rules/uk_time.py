"""Formats times for people in the United Kingdom. PURE."""

from datetime import datetime
from zoneinfo import ZoneInfo

LONDON = ZoneInfo("Europe/London")


def uk_time(at: datetime) -> str:
    """Return an instant in UK time, for example `1 October 2026, 10:30 BST`."""
    local = at.astimezone(LONDON)
    return f"{local.day} {local:%B %Y, %H:%M %Z}"
