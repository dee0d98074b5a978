"""GraphQL types of the values of a company profile, each with its source (R84 to R86)."""

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
    "The source of a value in a company profile.",
    {
        "USER": "A user typed the value; lookups never overwrite it.",
        "REGISTER": "The value was read from Companies House.",
        "SANDBO"
        "X": "The value was read from a sandbox of Companies House: it is invented test data.",
    },
)


@unique
class _AccountsScope(StrEnum):
    COMPANY = "COMPANY"
    GROUP = "GROUP"


AccountsScope = described_enum(
    _AccountsScope,
    "AccountsScope",
    "Whether a figure of filed accounts covers one company or its group.",
    {
        "COMPANY": "The figure covers the company alone.",
        "GROUP": "The figure covers the group of companies that the company heads, consolidated.",
    },
)


@strawberry.type(description="A postal address. An unknown line is null.")
class Address:
    care_of: str | None = strawberry.field(
        description="The person or firm that receives mail for the company (care of)."
    )
    premises: str | None = strawberry.field(description="The name or number of the building.")
    po_box: str | None = strawberry.field(
        description="The PO box: its number, or written out as in PO Box 123."
    )
    address_line_1: str | None = strawberry.field(description="The first line of the address.")
    address_line_2: str | None = strawberry.field(description="The second line of the address.")
    locality: str | None = strawberry.field(description="The town or city.")
    region: str | None = strawberry.field(description="The county or region.")
    postal_code: str | None = strawberry.field(description="The postcode.")
    country: str | None = strawberry.field(
        description="The country, as Companies House or a user wrote it."
    )

    @strawberry.field(
        description="The known lines of the address as they are written on an envelope, from top to"
        " bottom."
    )
    def lines(self) -> list[str]:
        return written_lines(vars(self))


@strawberry.interface(description="A value of a company profile, with its source.")
class ProfileValue:
    source: ValueSourceEnum = strawberry.field(description="The source of the value.")  # type: ignore[valid-type]  # an enum with another name
    retrieved_at: datetime | None = strawberry.field(
        description="When the value was read from its source, or typed by a user, in UTC; null if"
        " unknown."
    )

    @strawberry.field(
        description="The value as text for people, in English, whatever its type: an address on one"
        " line, `14 March 2012`, `1,250` or `GBP -1,250.50`; empty for an address without lines."
    )
    def display(self) -> str:
        return self.as_text()

    def as_text(self) -> str:
        raise NotImplementedError


@strawberry.interface(
    description="A figure from filed accounts, or typed by a user. If a user typed the figure, the"
    " fields about the filed accounts are null or false."
)
class FiledValue(ProfileValue):
    period_end_on: date | None = strawberry.field(
        description="The date of the balance sheet that the figure is from; null if a user typed"
        " the figure without a date."
    )
    scope: AccountsScope | None = strawberry.field(  # type: ignore[valid-type]  # an enum with another name
        description="Whether the figure covers the company or its group; null if a user typed the"
        " figure. Asset totals always cover the company, even in group accounts; the number of"
        " employees may cover the group."
    )
    is_derived: bool = strawberry.field(
        description="Whether the figure was calculated from other figures, because the accounts do"
        " not print it."
    )
    is_group_accounts: bool = strawberry.field(
        description="Whether the figure comes from group (consolidated) accounts."
    )
    filing_id: str | None = strawberry.field(
        description="The transaction id, at Companies House, of the filed accounts that the figure"
        " is from; null if a user typed the figure."
    )
    filed_on: date | None = strawberry.field(
        description="The day on which the accounts that the figure is from were filed; null if"
        " unknown, or if a user typed the figure."
    )
    warnings: list[str] = strawberry.field(
        description="Codes, such as SIGN_INFERRED, of irregularities in the XBRL tags of this"
        " figure, in a sum that the figure is part of, or in the whole accounts document; empty if"
        " there are none."
    )


@strawberry.type(description="A postal address of a company profile, with its source.")
class AddressValue(ProfileValue):
    value: Address = strawberry.field(description="The postal address.")
    is_default: bool = strawberry.field(
        description="Whether Companies House replaced the company's registered address by the"
        " default address of Companies House."
    )
    is_disputed: bool = strawberry.field(
        description="Whether Companies House notes that the address is disputed."
    )
    is_undeliverable: bool = strawberry.field(
        description="Whether Companies House notes that mail to the address is returned."
    )

    def as_text(self) -> str:
        return ", ".join(written_lines(vars(self.value)))


@strawberry.type(description="A date of a company profile, with its source.")
class DateValue(ProfileValue):
    value: date = strawberry.field(description="The date, such as the day of incorporation.")

    def as_text(self) -> str:
        return f"{self.value.day} {self.value:%B %Y}"


@strawberry.type(description="A number of employees, with its source.")
class CountValue(FiledValue):
    value: int = strawberry.field(
        description="The average number of employees in the period of the accounts, rounded to a"
        " whole number; or the number that a user typed."
    )
    exact_value: Decimal = strawberry.field(
        description="The average number of employees as filed, which may have decimals, such as"
        " 2.7; or the number that a user typed."
    )

    def as_text(self) -> str:
        return f"{self.value:,}"


@strawberry.type(description="An amount of money from a balance sheet, with its source.")
class MoneyValue(FiledValue):
    value: Decimal = strawberry.field(
        description="The exact amount in units of the currency, such as pounds, never in thousands."
    )
    currency: str = strawberry.field(description="The ISO 4217 code of the currency, such as GBP.")

    def as_text(self) -> str:
        return f"{self.currency} {self.value:,f}"


def address_value(entry: ProfileEntry, details: dict[str, Any]) -> AddressValue:
    # `details` describe the register's address, so they do not apply to one that a user typed.
    doubts = details if entry["source"] != ValueSource.USER else {}
    return AddressValue(
        value=Address(**{line: entry["value"].get(line) for line in ADDRESS_LINES}),
        is_default=bool(doubts.get("is_address_default")),
        is_disputed=bool(doubts.get("is_address_disputed")),
        is_undeliverable=bool(doubts.get("is_address_undeliverable")),
        **_provenance(entry),
    )


def date_value(entry: ProfileEntry) -> DateValue:
    return DateValue(value=date.fromisoformat(entry["value"]), **_provenance(entry))


def count_value(entry: ProfileEntry) -> CountValue | None:
    """Return the count; None if it does not fit a GraphQL Int, which would be an error."""
    value = entry["value"]
    if type(value) is not int or not GRAPHQL_MIN_INT <= value <= GRAPHQL_MAX_INT:
        return None
    exact = Decimal(entry.get("exact_value", value))
    return CountValue(value=value, exact_value=exact, **_filing(entry))


def money_value(entry: ProfileEntry) -> MoneyValue:
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

    return None if text is None else date.fromisoformat(text)
