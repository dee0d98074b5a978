"""Conditions that the filters of several lists have: periods, lists of values, and searches."""

from datetime import datetime
from typing import Any

import strawberry

from models.lists.row_order import Period
from models.rules.folding import searchable
from schema.base.errors import ErrorCode, RequestRefused
from schema.base.instants import checked_instant

MAX_VALUES = 500
"""The maximum number of ids or other values of a condition."""


def instant_field(description: str) -> Any:
    """Return an input field for the start or end of a period; null does not filter."""
    return strawberry.field(
        default=None, description=f"{description}, which must have an offset from UTC."
    )


def periods_of(given: Any, *names: str) -> list[Period]:
    """Return the periods that a filter sets by its fields `…_from_at` and `…_until_at`.

    `created` stands for the column `created_at`, for example. Raises RequestRefused for an instant
    that cannot be compared.
    """
    periods = []
    for name in names:
        since = _instant(given, f"{name}_from_at")
        until = _instant(given, f"{name}_until_at")
        if since is not None or until is not None:
            periods.append(Period(f"{name}_at", since, until))
    return periods


def refuse_too_many(given: Any, *names: str) -> None:
    """Raise RequestRefused if one of the fields `names` of a filter has too many values."""
    for name in names:
        if len(getattr(given, name) or ()) > MAX_VALUES:
            raise RequestRefused(
                ErrorCode.BAD_USER_INPUT,
                f"`{_spelt(name)}` may have at most {MAX_VALUES} values.",
            )


def checked_search(text: str | None) -> str | None:
    """Return the text that a list is searched for; None if it sets no condition.

    White space alone sets none, as in an empty search box. Raises RequestRefused for a text of
    other characters that searches ignore, such as invisible ones: it would list everything.
    """
    if not (text or "").strip():
        return None
    if not searchable(text or ""):
        raise RequestRefused(
            ErrorCode.BAD_USER_INPUT,
            "The text to search for has no visible character. Leave `text` out to list everything.",
        )
    return text


def _instant(given: Any, name: str) -> datetime | None:
    instant = getattr(given, name)
    return None if instant is None else checked_instant(instant, _spelt(name))


def _spelt(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)
