"""The values of a company profile, each with its source (R84 to R86)."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum, unique
from typing import Any

import strawberry
from graphql import GRAPHQL_MAX_INT, GRAPHQL_MIN_INT

from models.rules.profile import ADDRESS_LINES, ProfileEntry, ValueSource, written_lines
from schema.base.descriptions import described_enum

ValueSourceEnum = described_enum(
    ValueSource,
    "ValueSource",
    "Where a value comes from (R86).",
    {
        "USER": "A user typed it; enrichment never overwrites it.",
        "REGISTER": "Read from Companies House.",
        "SANDBOX": "Read from a sandbox: made up, not the register's.",
    },
)


@unique
class _AccountsScope(StrEnum):
    COMPANY = "COMPANY"
    GROUP = "GROUP"


AccountsScope = described_enum(
    _AccountsScope,
    "AccountsScope",
    "Whose figures they are (A23).",
    {"COMPANY": "The company's own.", "GROUP": "The group's, consolidated."},
)


@strawberry.type(description="An address; any line may be missing.")
class Address:
    """A registered office."""

    care_of: str | None = strawberry.field(description="Care of.")
    premises: str | None = strawberry.field(description="Building name or number.")
    po_box: str | None = strawberry.field(description="PO box.")
    address_line_1: str | None = strawberry.field(description="First line.")
    address_line_2: str | None = strawberry.field(description="Second line.")
    locality: str | None = strawberry.field(description="Town or city.")
    region: str | None = strawberry.field(description="County or region.")
    postal_code: str | None = strawberry.field(description="Postcode.")
    country: str | None = strawberry.field(description="Country, as the register writes it.")

    @strawberry.field(description="The lines that are there, in the order of an envelope.")
    def lines(self) -> list[str]:
        """Give the lines for printing."""
        return written_lines(vars(self))


@strawberry.interface(description="A value of the profile, and where it comes from.")
class ProfileValue:
    """What all values have."""

    source: ValueSourceEnum = strawberry.field(description="Where it comes from.")  # type: ignore[valid-type]  # an enum with another name
    retrieved_at: datetime | None = strawberry.field(
        description="When it was read or typed, in UTC."
    )


@strawberry.interface(description="A value that was read from filed accounts.")
class FiledValue(ProfileValue):
    """What all figures have."""

    period_end_on: date | None = strawberry.field(
        description="The balance sheet date that it belongs to."
    )
    scope: AccountsScope | None = strawberry.field(  # type: ignore[valid-type]  # an enum with another name
        description="Whose figure it is. Balances are the company's, also in group accounts; only"
        " a head count may be the group's."
    )
    is_derived: bool = strawberry.field(
        description="Added up by us, since the accounts print no such line (A22)."
    )
    is_group_accounts: bool = strawberry.field(
        description="Whether the accounts are a group's (A23)."
    )
    filing_id: str | None = strawberry.field(
        description="The transaction id of the filing at Companies House."
    )
    filed_on: date | None = strawberry.field(description="When the accounts were filed.")
    warnings: list[str] = strawberry.field(
        description="Codes of what is odd about the tagging of this figure, about the sums that"
        " it is a part of, or about the whole document, such as SIGN_INFERRED. Empty if nothing is."
    )


@strawberry.type(description="An address and where it comes from.")
class AddressValue(ProfileValue):
    """A value."""

    value: Address = strawberry.field(description="The address.")
    is_default: bool = strawberry.field(
        description="The register put its own address in place of the company's."
    )
    is_disputed: bool = strawberry.field(description="Somebody disputes the address.")
    is_undeliverable: bool = strawberry.field(description="Mail to the address comes back.")


@strawberry.type(description="A date and where it comes from.")
class DateValue(ProfileValue):
    """A value."""

    value: date = strawberry.field(description="The date.")


@strawberry.type(description="A number of people and where it comes from.")
class CountValue(FiledValue):
    """A value."""

    value: int = strawberry.field(
        description="The average number during the period, rounded to whole people."
    )
    exact_value: Decimal = strawberry.field(
        description="The average number as filed: 2.7 where some people work part of the time."
    )


@strawberry.type(description="An amount of money and where it comes from.")
class MoneyValue(FiledValue):
    """A value."""

    value: Decimal = strawberry.field(description="In whole units of the currency; exact.")
    currency: str = strawberry.field(description="ISO 4217 code, such as GBP.")


def address_value(entry: ProfileEntry, details: dict[str, Any]) -> AddressValue:
    """Show an address; the register's doubts are about its own address only."""
    doubts = details if entry["source"] != ValueSource.USER else {}
    return AddressValue(
        value=Address(**{line: entry["value"].get(line) for line in ADDRESS_LINES}),
        is_default=bool(doubts.get("is_address_default")),
        is_disputed=bool(doubts.get("is_address_disputed")),
        is_undeliverable=bool(doubts.get("is_address_undeliverable")),
        **_provenance(entry),
    )


def date_value(entry: ProfileEntry) -> DateValue:
    """Show a date."""
    return DateValue(value=date.fromisoformat(entry["value"]), **_provenance(entry))


def count_value(entry: ProfileEntry) -> CountValue | None:
    """Show a number; null if GraphQL cannot carry it, as it would fail all that is around it."""
    value = entry["value"]
    if type(value) is not int or not GRAPHQL_MIN_INT <= value <= GRAPHQL_MAX_INT:
        return None
    exact = Decimal(entry.get("exact_value", value))
    return CountValue(value=value, exact_value=exact, **_filing(entry))


def money_value(entry: ProfileEntry) -> MoneyValue:
    """Show an amount."""
    return MoneyValue(
        value=Decimal(entry["value"]), currency=entry.get("currency", "GBP"), **_filing(entry)
    )


def _provenance(entry: ProfileEntry) -> dict[str, Any]:
    retrieved_at = entry.get("retrieved_at")
    return {
        "source": ValueSource(entry["source"]),
        "retrieved_at": None if retrieved_at is None else datetime.fromisoformat(retrieved_at),
    }


def _filing(entry: ProfileEntry) -> dict[str, Any]:
    scope = entry.get("scope")
    return _provenance(entry) | {
        "period_end_on": day(entry.get("period_end_on")),
        "scope": None if scope is None else _AccountsScope(scope),
        "is_derived": entry.get("is_derived", False),
        "is_group_accounts": entry.get("is_group_accounts", False),
        "filing_id": entry.get("filing_id"),
        "filed_on": day(entry.get("filed_on")),
        "warnings": entry.get("warnings", []),
    }


def day(text: str | None) -> date | None:
    """Read a date that was kept as text."""
    return None if text is None else date.fromisoformat(text)
