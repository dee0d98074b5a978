"""Conditions that the filters of several lists have: periods, lists of values, and searches."""

from datetime import datetime
from typing import Any, Unpack

import strawberry

from models.lists.row_order import Period
from models.rules.errors import Bounds, RefusalCode
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


def refused_condition(
    field: str, code: RefusalCode, message: str, **bounds: Unpack[Bounds]
) -> RequestRefused:
    """Return the error for the value of a field of `filter`, told as a fault of a variable is."""
    fault = {"argument": "filter", "path": [field], "code": code.value, "message": message}
    return RequestRefused(ErrorCode.BAD_USER_INPUT, message, faults=[{**fault, **bounds}])


def filled(text: str | None) -> str | None:
    """Return the text of a condition; None for white space alone, which sets no condition."""
    return text if (text or "").strip() else None


def refuse_too_many(given: Any, *names: str) -> None:
    """Raise RequestRefused if one of the fields `names` of a filter has too many values."""
    for name in names:
        if len(getattr(given, name) or ()) > MAX_VALUES:
            message = f"`{_spelt(name)}` may have at most {MAX_VALUES} values."
            code = RefusalCode.TOO_MANY_ITEMS
            raise refused_condition(_spelt(name), code, message, limit=MAX_VALUES)


def checked_search(text: str | None) -> str | None:
    """Return the text that a list is searched for; None if it sets no condition.

    White space alone sets none, as in an empty search box. Raises RequestRefused for a text of
    other characters that searches ignore, such as invisible ones: it would list everything.
    """
    text = filled(text)
    if text is not None and not searchable(text):
        message = (
            "The text to search for has no visible character. Leave `text` out to list everything."
        )
        raise refused_condition("text", RefusalCode.BLANK, message)
    return text


def _instant(given: Any, name: str) -> datetime | None:
    instant = getattr(given, name)
    return None if instant is None else checked_instant(instant, _spelt(name))


def _spelt(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)
