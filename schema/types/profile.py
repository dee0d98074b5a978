"""The company profile as clients see it: what is known of the company behind a customer."""

from datetime import date
from typing import Any

import strawberry

from models.rules.profile import Profile, ProfileEntry
from schema.types.profile_value import (
    AddressValue,
    CountValue,
    DateValue,
    MoneyValue,
    address_value,
    count_value,
    date_value,
    day,
    money_value,
)


@strawberry.type(description="A name that the company had before.")
class PreviousName:
    """A name."""

    name: str = strawberry.field(description="The name.")
    effective_from_on: date | None = strawberry.field(description="The day it began.")
    ceased_on: date | None = strawberry.field(description="The day it ended.")


@strawberry.type(description="What is known of the company behind a customer.")
class CompanyProfile:
    """The profile; a field is null as long as neither the register nor a user gave a value."""

    profile: strawberry.Private[Profile]

    @strawberry.field(description="The registered office.")
    def registered_address(self) -> AddressValue | None:
        """Give the address with the register's doubts about it."""
        entry = self._entry("registered_address")
        return None if entry is None else address_value(entry, self._details)

    @strawberry.field(description="When the company was incorporated or registered.")
    def incorporated_on(self) -> DateValue | None:
        """Give the date."""
        entry = self._entry("incorporated_on")
        return None if entry is None else date_value(entry)

    @strawberry.field(description="Average number of employees, directors often included.")
    def employees(self) -> CountValue | None:
        """Give the number."""
        entry = self._entry("employees")
        return None if entry is None else count_value(entry)

    @strawberry.field(description="Fixed assets.")
    def fixed_assets(self) -> MoneyValue | None:
        """Give the amount."""
        return self._money("fixed_assets")

    @strawberry.field(description="Current assets.")
    def current_assets(self) -> MoneyValue | None:
        """Give the amount."""
        return self._money("current_assets")

    @strawberry.field(
        description="Total assets; UK accounts print no such line, so mostly derived (A22)."
    )
    def total_assets(self) -> MoneyValue | None:
        """Give the amount."""
        return self._money("total_assets")

    @strawberry.field(description="Total assets less current liabilities.")
    def total_assets_less_current_liabilities(self) -> MoneyValue | None:
        """Give the amount."""
        return self._money("total_assets_less_current_liabilities")

    @strawberry.field(description="Net assets; negative for net liabilities.")
    def net_assets(self) -> MoneyValue | None:
        """Give the amount."""
        return self._money("net_assets")

    @strawberry.field(description="The name on the register.")
    def company_name(self) -> str | None:
        """Give the name."""
        return self._details.get("company_name")

    @strawberry.field(description="The register's word, such as active or liquidation.")
    def company_status(self) -> str | None:
        """Give the status; new words appear without notice."""
        return self._details.get("company_status")

    @strawberry.field(description="More on the status, such as active-proposal-to-strike-off.")
    def company_status_detail(self) -> str | None:
        """Give the detail."""
        return self._details.get("company_status_detail")

    @strawberry.field(description="The register's word, such as ltd or plc.")
    def company_type(self) -> str | None:
        """Give the type; new words appear without notice."""
        return self._details.get("company_type")

    @strawberry.field(description="Where it is registered, such as england-wales.")
    def jurisdiction(self) -> str | None:
        """Give the jurisdiction."""
        return self._details.get("jurisdiction")

    @strawberry.field(description="Codes of the nature of business (SIC 2007).")
    def sic_codes(self) -> list[str]:
        """Give the codes."""
        return list(self._details.get("sic_codes", ()))

    @strawberry.field(description="Names that it had before.")
    def previous_names(self) -> list[PreviousName]:
        """Give the names."""
        return [
            PreviousName(
                name=previous["name"],
                effective_from_on=day(previous["effective_from_on"]),
                ceased_on=day(previous["ceased_on"]),
            )
            for previous in self._details.get("previous_names", ())
        ]

    @strawberry.field(description="When it was dissolved or closed.")
    def ceased_on(self) -> date | None:
        """Give the date."""
        return day(self._details.get("ceased_on"))

    @strawberry.field(description="Whether accounts are overdue; null when not known.")
    def are_accounts_overdue(self) -> bool | None:
        """Tell whether they are."""
        return self._details.get("are_accounts_overdue")

    @strawberry.field(description="When the next accounts are due.")
    def accounts_next_due_on(self) -> date | None:
        """Give the date."""
        return day(self._details.get("accounts_next_due_on"))

    @strawberry.field(
        description="The balance sheet date of the newest accounts, readable or not (A24)."
    )
    def accounts_period_end_on(self) -> date | None:
        """Give the date."""
        return day(self._details.get("accounts_period_end_on"))

    @strawberry.field(description="When the newest accounts were filed, readable or not (A24).")
    def accounts_filed_on(self) -> date | None:
        """Give the date."""
        return day(self._details.get("accounts_filed_on"))

    @strawberry.field(description="Whether the newest accounts are a group's (A23).")
    def has_group_accounts(self) -> bool:
        """Tell whether they are."""
        return bool(self._details.get("has_group_accounts"))

    @property
    def _details(self) -> dict[str, Any]:
        details: dict[str, Any] = self.profile.get("details", {})
        return details

    def _entry(self, name: str) -> ProfileEntry | None:
        return self.profile.get(name)

    def _money(self, name: str) -> MoneyValue | None:
        entry = self._entry(name)
        return None if entry is None else money_value(entry)
