"""Validates profile values that a user entered, and converts them to profile entries."""

import re
from datetime import date, datetime
from typing import Any

import strawberry

from models.rules.amount import InvalidAmount, checked_amount, plain
from models.rules.errors import RefusalCode
from models.rules.folding import holds_invisible
from models.rules.profile import FIGURES, ProfileEntry, ValueSource, is_to_come
from models.rules.text import Checks
from schema.types.customer_changes import CompanyProfileInput, MoneyInput
from schema.types.enrichment import camel

CURRENCY = re.compile(r"[A-Z]{3}")
NO_CURRENCIES = frozenset({"XXX", "XTS"})
"""ISO 4217 codes that are not currencies: for "no currency", and for tests."""
EARLIEST = date(1000, 1, 1)
"""Earliest date of incorporation; no organisation in the register is older."""
MAX_COUNT = 10_000_000
LINE_LENGTH = 200


def typed_entries(typed: CompanyProfileInput, now: datetime) -> dict[str, ProfileEntry | None]:
    """Return the profile entries of the fields that the client sent, by name (R86).

    The entry is None for an explicit null, and for a blank postal address. `now` is recorded as the
    time of entry. Raises Refused with the faults of all fields.
    """
    checks = Checks()
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
            _check_count(checks, name, value)
            put(name, value)
        else:
            entry = put(name, _amount(checks, name, value))
            entry["currency"] = value.currency
            if value.period_end_on:
                entry["period_end_on"] = value.period_end_on.isoformat()
    checks.settle()
    return entries


def _address(checks: Checks, lines: dict[str, str | None]) -> dict[str, str | None] | None:
    """Return the lines of a postal address trimmed; None if all of them are blank."""
    path = ("profile", "registeredAddress")
    address = {
        name: checks.optional_text(line, LINE_LENGTH, *path, camel(name))
        for name, line in lines.items()
    }
    if holds_invisible(address.get("postal_code") or ""):
        checks.refuse(
            RefusalCode.INVALID,
            "The postcode must not hold invisible characters.",
            *(*path, "postalCode"),
        )
    return address if any(address.values()) else None


def _check_past(checks: Checks, name: str, day: date, now: datetime) -> None:
    if day < EARLIEST:
        checks.refuse(
            RefusalCode.INVALID,
            f"The date of incorporation must not be before {EARLIEST.isoformat()}.",
            *("profile", camel(name)),
        )
    if is_to_come(day, now):
        checks.refuse(
            RefusalCode.INVALID,
            "The date of incorporation must not be in the future.",
            *("profile", camel(name)),
        )


def _check_count(checks: Checks, name: str, count: int) -> None:
    if not 0 <= count <= MAX_COUNT:
        checks.refuse(
            RefusalCode.INVALID,
            f"The number of employees must be from 0 to {MAX_COUNT:,}.",
            "profile",
            name,
        )


def _amount(checks: Checks, name: str, money: MoneyInput) -> str:
    """Return the amount as a plain decimal string; empty if it is invalid, which `checks` notes."""
    path = ("profile", camel(name))
    if not CURRENCY.fullmatch(money.currency) or money.currency in NO_CURRENCIES:
        checks.refuse(
            RefusalCode.INVALID,
            "The currency must be three capital letters, such as GBP.",
            *path,
            "currency",
        )
    try:
        return plain(checked_amount(money.value))
    except InvalidAmount as error:
        checks.refuse(RefusalCode.INVALID, str(error), *path, "value")
        return ""
