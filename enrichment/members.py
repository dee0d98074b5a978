"""Reads members of untrusted JSON, which may be absent, null or of another type."""

from datetime import date

from models.rules.folding import is_blank


def member(holder: object, name: str) -> object:
    """Return a member of a JSON object; None if it is missing or `holder` is not an object."""
    return holder.get(name) if isinstance(holder, dict) else None


def elements(holder: object, name: str) -> list[object]:
    """Return a member that is a list, or an empty list."""
    value = member(holder, name)
    return value if isinstance(value, list) else []


def text(holder: object, name: str) -> str | None:
    """Return a member as text, as `storable` does; None if it is neither text nor a number."""
    return storable(member(holder, name))


def storable(value: object) -> str | None:
    """Return text or a number as trimmed text that a database can store; None if it is blank.

    U+0000, which PostgreSQL cannot store, is removed.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    kept = str(value).replace("\0", "").strip()
    return None if is_blank(kept) else kept


def day(holder: object, name: str) -> date | None:
    """Return a member as a date; a time after the date is cut off."""
    try:
        return date.fromisoformat((text(holder, name) or "")[:10])
    except ValueError:
        return None


def whole(holder: object, name: str) -> int | None:
    """Return a member as a whole number of at most nine digits, also if it is sent as text."""
    digits = text(holder, name) or ""
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= 9 else None  # noqa: PLR2004 - as described


def flag(holder: object, name: str) -> bool | None:
    """Return a member as a boolean, also if it is sent as text."""
    value = member(holder, name)
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.strip().lower())
    return value if isinstance(value, bool) else None
