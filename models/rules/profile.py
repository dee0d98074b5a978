"""A customer's company profile: its fields, their sources, and merging of lookup results. PURE.

A profile is stored as one JSON object. It has an entry for each field of `WANTED_FIELDS` that has a
value, and in `details` those fields that only Companies House ("the register") provides.
"""

import re
from collections.abc import Collection, Mapping
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
"""The time zone in which each day begins first."""

_PO_BOX = re.compile(r"(?:p\W{0,2}o\W{0,2}|post office )box\b", re.IGNORECASE)
_BOX = re.compile(r"^box\W*", re.IGNORECASE)


@unique
class ProfileField(StrEnum):
    """The fields that lookups fill (R84) and users may edit."""

    REGISTERED_ADDRESS = "registered_address"
    INCORPORATED_ON = "incorporated_on"
    EMPLOYEES = "employees"
    FIXED_ASSETS = "fixed_assets"
    CURRENT_ASSETS = "current_assets"
    TOTAL_ASSETS = "total_assets"
    TOTAL_ASSETS_LESS_CURRENT_LIABILITIES = "total_assets_less_current_liabilities"
    NET_ASSETS = "net_assets"


WANTED_FIELDS = tuple(field.value for field in ProfileField)

FIGURES = (
    "fixed_assets",
    "current_assets",
    "total_assets",
    "total_assets_less_current_liabilities",
    "net_assets",
)
"""The fields with asset totals (A22)."""

ACCOUNTS_FIELDS = ("employees", *FIGURES)
"""The fields that come from filed accounts (R85)."""

PROFILE_FIELDS = ("registered_address", "incorporated_on")
"""The fields that come from the register's company profile."""


FILING_DETAILS = (
    "accounts_filing_id",
    "accounts_filed_on",
    "accounts_period_end_on",
    "has_group_accounts",
)
"""The members of `details` about the filing of the newest accounts."""


@unique
class ValueSource(StrEnum):
    """Where a value in a profile comes from (R86)."""

    USER = "USER"
    REGISTER = "REGISTER"
    SANDBOX = "SANDBOX"


class ProfileEntry(TypedDict, total=False):
    """A field's value and source, as JSON: dates are ISO 8601 texts, amounts decimal texts."""

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
    """The result of merging a lookup's values into a profile.

    `outcomes` and `suggestions` (values that differ from a user's value) are keyed by field.
    """

    profile: Profile
    outcomes: Mapping[str, FieldOutcome]
    suggestions: Mapping[str, ProfileEntry] = field(default_factory=dict)


def merge(
    current: Profile,
    found: Mapping[str, ProfileEntry],
    unreadable: frozenset[str],
    kept_fields: Collection[str] = (),
) -> Merged:
    """Merge the values that a lookup `found` into the profile `current`.

    Values that users typed are kept; a different value of the lookup becomes a suggestion (R86).
    Values of earlier lookups are replaced, or removed if the register no longer has a value,
    because figures of an older year must not be shown as current (A24). `unreadable` are the fields
    whose values in the register could not be read. The values of `kept_fields`, which the lookup
    did not look for, stay as they are, without outcomes.
    """
    profile: Profile = {name: current[name] for name in kept_fields if name in current}
    outcomes: dict[str, FieldOutcome] = {}
    suggestions: dict[str, ProfileEntry] = {}
    for name in WANTED_FIELDS:
        if name in kept_fields:
            continue
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
    """Return whether two entries of the field `name` have equal values, ignoring formatting."""
    if name == "registered_address":
        return _letters(one["value"]) == _letters(other["value"])
    if name in FIGURES:
        return _normal_decimal(one["value"]) == _normal_decimal(other["value"]) and one.get(
            "currency"
        ) == other.get("currency")
    return bool(one["value"] == other["value"])


def latest_day(now: datetime) -> date:
    """Return the latest day that has begun in any time zone."""
    return now.astimezone(_EARLIEST_ZONE).date()


def is_in_future(day: date, now: datetime) -> bool:
    """Return whether a day has not begun yet in any time zone."""
    return day > latest_day(now)


def typed_by_user(name: str, current: ProfileEntry | None, typed: ProfileEntry) -> ProfileEntry:
    """Return the entry to store after a user typed a value for the field `name`.

    If the typed value equals the current one, the current entry is kept, so that a form that sends
    all fields does not turn the register's values into the user's. Another spelling, address line,
    currency or date makes a new value. A figure typed without a date counts as having the current
    date, because forms may have no field for it.
    """
    return current if current is not None and _repeats(name, current, typed) else typed


def _repeats(name: str, current: ProfileEntry, typed: ProfileEntry) -> bool:
    """Return whether a typed entry has exactly the value of the current entry."""
    if name == "registered_address":
        one, other = current["value"], typed["value"]
        return all((one.get(line) or None) == (other.get(line) or None) for line in ADDRESS_LINES)
    if not is_same_value(name, current, typed):
        return False
    period_end_on = typed.get("period_end_on")
    is_left_out = period_end_on is None and current["source"] != ValueSource.USER
    return is_left_out or period_end_on == current.get("period_end_on")


def without_user_values(profile: Profile) -> Profile:
    """Return the profile without values that users typed, so that a lookup can fill the fields."""
    return {
        name: entry
        for name, entry in profile.items()
        if name not in WANTED_FIELDS or entry["source"] != ValueSource.USER
    }


def without_register_values(profile: Profile) -> Profile:
    """Return only the values that users typed; used when the company number changes."""
    return {
        name: entry
        for name, entry in profile.items()
        if name in WANTED_FIELDS and entry["source"] == ValueSource.USER
    }


def written_lines(address: Mapping[str, str | None]) -> list[str]:
    """Return the non-empty lines of a postal address, in the order for an envelope."""
    lines = ((name, address.get(name)) for name in ADDRESS_LINES)
    return [_written(name, line) for name, line in lines if line]


def _written(name: str, line: str) -> str:
    """Return a line of a postal address for an envelope; put "PO Box" before a bare number."""
    if name != "po_box" or _PO_BOX.match(line):
        return line
    return f"PO Box {_BOX.sub('', line)}"


def _letters(address: Mapping[str, str | None]) -> str:
    written = " ".join(written_lines(address))
    return "".join(character for character in written.casefold() if character.isalnum())


def _normal_decimal(text: str) -> str:
    whole, _, fraction = text.partition(".")
    return f"{whole}.{fraction.rstrip('0')}"
