"""Validates profile values that a user entered, and converts them to profile entries."""

from datetime import date, datetime
from typing import Any

import strawberry
from strawberry.utils.str_converters import to_camel_case

from models.rules.amount import checked_amount, plain
from models.rules.checks import Checks
from models.rules.currency import CURRENCIES
from models.rules.errors import RefusalCode
from models.rules.folding import holds_invisible
from models.rules.profile import FIGURES, ProfileEntry, ValueSource, is_in_future, latest_day
from schema.types.customer_changes import CompanyProfileInput, MoneyInput

EARLIEST = date(1000, 1, 1)
"""Earliest date of incorporation; no organisation in the register is older."""
MAX_COUNT = 10_000_000
LINE_LENGTH = 200


def typed_entries(
    checks: Checks, typed: CompanyProfileInput, now: datetime
) -> dict[str, ProfileEntry | None]:
    """Return the profile entries of the fields that the client sent, by name (R86).

    The entry is None for an explicit null, and for a blank postal address. `now` is recorded as the
    time of entry. Refusals are added to `checks`.
    """
    entries: dict[str, ProfileEntry | None] = {}

    def put(name: str, value: Any) -> ProfileEntry:
        entry = ProfileEntry(value=value, source=ValueSource.USER, retrieved_at=now.isoformat())
        entries[name] = entry
        return entry

    for name in ("registered_address", "incorporated_on", "employees", *FIGURES):
        value = getattr(typed, name)
        if value is strawberry.UNSET:
            continue
        if value is None:
            entries[name] = None
        elif name == "registered_address":
            entries[name] = None
            if address := _address(checks, value.lines()):
                put(name, address)
        elif name == "incorporated_on":
            _check_past(checks, name, value, now)
            put(name, value.isoformat())
        elif name == "employees":
            put(name, checks.in_range(value, 0, MAX_COUNT, "profile", name))
        else:
            entry = put(name, _amount(checks, name, value))
            entry["currency"] = value.currency
            if value.period_end_on:
                entry["period_end_on"] = value.period_end_on.isoformat()
    return entries


def _address(checks: Checks, lines: dict[str, str | None]) -> dict[str, str | None] | None:
    """Return the lines of a postal address trimmed; None if all of them are blank."""
    path = ("profile", "registeredAddress")
    address = {
        name: checks.optional_text(line, LINE_LENGTH, *path, to_camel_case(name))
        for name, line in lines.items()
    }
    if holds_invisible(address.get("postal_code") or ""):
        checks.refuse(
            RefusalCode.CONTROL_CHARACTERS,
            "The postcode must not hold invisible characters.",
            *(*path, "postalCode"),
        )
    return address if any(address.values()) else None


def _check_past(checks: Checks, name: str, day: date, now: datetime) -> None:
    if day < EARLIEST:
        checks.refuse(
            RefusalCode.OUT_OF_RANGE,
            f"The date of incorporation must not be before {EARLIEST.isoformat()}.",
            *("profile", to_camel_case(name)),
            earliest=EARLIEST.isoformat(),
            latest=latest_day(now).isoformat(),
        )
    if is_in_future(day, now):
        checks.refuse(
            RefusalCode.IN_THE_FUTURE,
            "The date of incorporation must not be in the future.",
            *("profile", to_camel_case(name)),
            latest=latest_day(now).isoformat(),
        )


def _amount(checks: Checks, name: str, money: MoneyInput) -> str:
    """Return the amount as a plain decimal string; an invalid one is refused."""
    path = ("profile", to_camel_case(name))
    if money.currency not in CURRENCIES:
        checks.refuse(
            RefusalCode.UNSUPPORTED_CURRENCY,
            "The currency must be the ISO 4217 code of a currency: three capital letters, such as"
            " GBP.",
            *path,
            "currency",
            allowed_values=CURRENCIES,
        )
    return plain(checked_amount(checks, money.value, *path, "value"))
