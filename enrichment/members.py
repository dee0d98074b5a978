"""Reads members of untrusted JSON, which may be absent, null or of an unexpected type."""

from datetime import date

from models.rules.folding import is_blank


def member(holder: object, name: str) -> object:
    """Return a member of a JSON object; None if it is missing or `holder` is not an object."""
    return holder.get(name) if isinstance(holder, dict) else None


def elements(holder: object, name: str) -> list[object]:
    """Return the list `name` of a JSON object; an empty list if it is missing or no list."""
    value = member(holder, name)
    return value if isinstance(value, list) else []


def text(holder: object, name: str) -> str | None:
    """Return the member `name` of a JSON object as text, converted by `storable`; or None."""
    return storable(member(holder, name))


def storable(value: object) -> str | None:
    """Return a text or a number as trimmed text that a database can store.

    None if it is blank, or of another type. U+0000, which PostgreSQL cannot store, is removed.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    kept = str(value).replace("\0", "").strip()
    return None if is_blank(kept) else kept


def day(holder: object, name: str) -> date | None:
    """Return the member `name` as a date, without its time of day; None if it is not a date."""
    try:
        return date.fromisoformat((text(holder, name) or "")[:10])
    except ValueError:
        return None


def whole(holder: object, name: str) -> int | None:
    """Return the member `name`, a number or text, as a whole number of at most nine digits.

    None for any other value.
    """
    digits = text(holder, name) or ""
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= 9 else None  # noqa: PLR2004 - as described


def flag(holder: object, name: str) -> bool | None:
    """Return the member `name`, a boolean or text, as a boolean; None for any other value."""
    value = member(holder, name)
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.strip().lower())
    return value if isinstance(value, bool) else None
