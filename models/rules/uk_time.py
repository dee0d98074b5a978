"""Times as people in the United Kingdom read them. PURE."""

from datetime import datetime
from zoneinfo import ZoneInfo

LONDON = ZoneInfo("Europe/London")


def uk_time(at: datetime) -> str:
    """Return an instant in local time, as `1 October 2026, 10:30 BST`; in winter GMT."""
    local = at.astimezone(LONDON)
    return f"{local.day} {local:%B %Y, %H:%M %Z}"
