"""A customer's company profile: values, their sources, and merging of lookup results. PURE.

A profile is stored as one JSON object: an entry for each field of `WANTED_FIELDS` that has a value,
and under `details` the fields that come from the register only.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from enum import StrEnum, unique
from typing import Any, TypedDict

from models.rules.enrichment_status import FieldOutcome

ADDRESS_LINES = (
    "care_of",
    "premises",
    "po_box",
    "address_line_1",
    "address_line_2",
    "locality",
    "region",
    "postal_code",
    "country",
)

_EARLIEST_ZONE = timezone(timedelta(hours=14))
"""The time zone in which a day begins first."""

_PO_BOX = re.compile(r"(?:p\W{0,2}o\W{0,2}|post office )box\b", re.IGNORECASE)
_BOX = re.compile(r"^box\W*", re.IGNORECASE)

FIGURES = (
    "fixed_assets",
    "current_assets",
    "total_assets",
    "total_assets_less_current_liabilities",
    "net_assets",
)
"""The asset totals (A22)."""

ACCOUNTS_FIELDS = ("employees", *FIGURES)
"""The fields that come from filed accounts (R85)."""

PROFILE_FIELDS = ("registered_address", "incorporated_on")
"""The fields that come from the register's company profile."""

WANTED_FIELDS = (*PROFILE_FIELDS, *ACCOUNTS_FIELDS)
"""The fields that a lookup tries to fill (R84), and that a user may type instead."""


@unique
class ValueSource(StrEnum):
    """The source of a value (R86)."""

    USER = "USER"
    REGISTER = "REGISTER"
    SANDBOX = "SANDBOX"


class ProfileEntry(TypedDict, total=False):
    """One value and its source, as JSON: dates in ISO 8601, amounts as decimal text."""

    value: Any
    exact_value: str
    source: str
    retrieved_at: str
    filing_id: str
    filed_on: str
    period_end_on: str
    currency: str
    scope: str
    is_derived: bool
    is_group_accounts: bool
    warnings: list[str]


Profile = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Merged:
    """The result of merging the values of a lookup into a profile."""

    profile: Profile
    outcomes: Mapping[str, FieldOutcome]
    suggestions: Mapping[str, ProfileEntry] = field(default_factory=dict)


def merge(
    current: Profile, found: Mapping[str, ProfileEntry], unreadable: frozenset[str]
) -> Merged:
    """Fill empty fields and suggest different values; users' values are never overwritten (R86).

    A value of an earlier lookup is replaced, or removed if the register has none now, because
    figures of an older year must not be shown as current (A24).
    """
    profile: Profile = {}
    outcomes: dict[str, FieldOutcome] = {}
    suggestions: dict[str, ProfileEntry] = {}
    for name in WANTED_FIELDS:
        kept, offered = current.get(name), found.get(name)
        if kept is not None and kept["source"] == ValueSource.USER:
            profile[name] = kept
            outcomes[name] = FieldOutcome.KEPT_USER_VALUE
            if offered is not None and not is_same_value(name, kept, offered):
                suggestions[name] = offered
        elif offered is not None:
            profile[name] = offered
            outcomes[name] = FieldOutcome.FOUND
        else:
            is_unreadable = name in unreadable
            outcomes[name] = FieldOutcome.UNREADABLE if is_unreadable else FieldOutcome.NOT_FILED
    return Merged(profile, outcomes, suggestions)


def is_same_value(name: str, one: ProfileEntry, other: ProfileEntry) -> bool:
    """Tell whether two entries have the same value, regardless of how it is written."""
    if name == "registered_address":
        return _letters(one["value"]) == _letters(other["value"])
    if name in FIGURES:
        return _normal_decimal(one["value"]) == _normal_decimal(other["value"]) and one.get(
            "currency"
        ) == other.get("currency")
    return bool(one["value"] == other["value"])


def is_to_come(day: date, now: datetime) -> bool:
    """Tell whether a day has not begun yet in any time zone."""
    return day > now.astimezone(_EARLIEST_ZONE).date()


def typed_by_user(name: str, current: ProfileEntry | None, typed: ProfileEntry) -> ProfileEntry:
    """Return the entry to store when a user typed a value: the current one if it is repeated.

    So a form that sends all fields back does not change the source of the register's values. A
    corrected spelling, line, currency or date is a new value. Only the date of a figure of the
    register may be left out, because a form may have no field for it.
    """
    return current if current is not None and _repeats(name, current, typed) else typed


def _repeats(name: str, current: ProfileEntry, typed: ProfileEntry) -> bool:
    """Tell whether a typed entry has exactly the value of the current one."""
    if name == "registered_address":
        one, other = current["value"], typed["value"]
        return all((one.get(line) or None) == (other.get(line) or None) for line in ADDRESS_LINES)
    if not is_same_value(name, current, typed):
        return False
    period_end_on = typed.get("period_end_on")
    is_left_out = period_end_on is None and current["source"] != ValueSource.USER
    return is_left_out or period_end_on == current.get("period_end_on")


def without_user_values(profile: Profile) -> Profile:
    """Return the profile without the values of users, so that a lookup may fill those fields."""
    return {
        name: entry
        for name, entry in profile.items()
        if name not in WANTED_FIELDS or entry["source"] != ValueSource.USER
    }


def without_register_values(profile: Profile) -> Profile:
    """Return only the values of users, as when the company number was changed."""
    return {
        name: entry
        for name, entry in profile.items()
        if name in WANTED_FIELDS and entry["source"] == ValueSource.USER
    }


def written_lines(address: Mapping[str, str | None]) -> list[str]:
    """Return the lines of an address that have text, in the order of an envelope."""
    lines = ((name, address.get(name)) for name in ADDRESS_LINES)
    return [_written(name, line) for name, line in lines if line]


def _written(name: str, line: str) -> str:
    """Return a line as it is written; a PO box may be stored as its number alone."""
    if name != "po_box" or _PO_BOX.match(line):
        return line
    return f"PO Box {_BOX.sub('', line)}"


def _letters(address: Mapping[str, str | None]) -> str:
    written = " ".join(written_lines(address))
    return "".join(character for character in written.casefold() if character.isalnum())


def _normal_decimal(text: str) -> str:
    whole, _, fraction = text.partition(".")
    return f"{whole}.{fraction.rstrip('0')}"
