"""The GraphQL type of the company profile of a customer."""

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


@strawberry.type(description="A former name of the customer's company.")
class PreviousName:
    name: str = strawberry.field(description="The former name.")
    from_on: date | None = strawberry.field(
        description="The first day on which the company had this name; null if Companies House does"
        " not give it."
    )
    until_on: date | None = strawberry.field(
        description="The last day on which the company had this name; null if Companies House does"
        " not give it."
    )


@strawberry.type(
    description="Details of the company behind a customer, from Companies House or typed by users."
    " A field is null if neither Companies House nor a user gave a value."
)
class CompanyProfile:
    profile: strawberry.Private[Profile]

    @strawberry.field(
        description="The address of the registered office, from Companies House or typed by a user."
    )
    def registered_address(self) -> AddressValue | None:
        entry = self._entry("registered_address")
        return None if entry is None else address_value(entry, self._details)

    @strawberry.field(
        description="The day of incorporation or registration, from Companies House or typed by a"
        " user."
    )
    def incorporated_on(self) -> DateValue | None:
        entry = self._entry("incorporated_on")
        return None if entry is None else date_value(entry)

    @strawberry.field(
        description="The average number of employees in the period of the newest accounts, or typed"
        " by a user. Companies often count their directors too."
    )
    def employees(self) -> CountValue | None:
        entry = self._entry("employees")
        return None if entry is None else count_value(entry)

    @strawberry.field(
        description="Fixed assets on the balance sheet of the newest accounts, or typed by a user."
    )
    def fixed_assets(self) -> MoneyValue | None:
        return self._money("fixed_assets")

    @strawberry.field(
        description="Current assets on the balance sheet of the newest accounts, or typed by a"
        " user."
    )
    def current_assets(self) -> MoneyValue | None:
        return self._money("current_assets")

    @strawberry.field(
        description="Total assets on the balance sheet of the newest accounts, or typed by a user."
        " UK accounts rarely print this line; without it, the value is calculated from other lines,"
        " and its `isDerived` is true."
    )
    def total_assets(self) -> MoneyValue | None:
        return self._money("total_assets")

    @strawberry.field(
        description="Total assets less current liabilities on the balance sheet of the newest"
        " accounts, or typed by a user."
    )
    def total_assets_less_current_liabilities(self) -> MoneyValue | None:
        return self._money("total_assets_less_current_liabilities")

    @strawberry.field(
        description="Net assets on the balance sheet of the newest accounts, or typed by a user;"
        " negative if liabilities exceed assets."
    )
    def net_assets(self) -> MoneyValue | None:
        return self._money("net_assets")

    @strawberry.field(description="The company's name at Companies House.")
    def company_name(self) -> str | None:
        return self._details.get("company_name")

    @strawberry.field(
        description="The company's status as Companies House writes it, such as active or"
        " liquidation. Companies House may add values at any time."
    )
    def company_status(self) -> str | None:
        return self._details.get("company_status")

    @strawberry.field(
        description="Detail of the company's status as Companies House writes it, such as"
        " active-proposal-to-strike-off; null if there is none."
    )
    def company_status_detail(self) -> str | None:
        return self._details.get("company_status_detail")

    @strawberry.field(
        description="The company's type as Companies House writes it, such as ltd or plc. Companies"
        " House may add values at any time."
    )
    def company_type(self) -> str | None:
        return self._details.get("company_type")

    @strawberry.field(
        description="The jurisdiction that the company is registered in, such as england-wales."
    )
    def jurisdiction(self) -> str | None:
        return self._details.get("jurisdiction")

    @strawberry.field(
        description="SIC 2007 codes of the company's business, such as 61900; empty if unknown."
    )
    def sic_codes(self) -> list[str]:
        return list(self._details.get("sic_codes", ()))

    @strawberry.field(description="The company's former names; empty if none are known.")
    def previous_names(self) -> list[PreviousName]:
        return [
            PreviousName(
                name=previous["name"],
                from_on=day(previous["effective_from_on"]),
                until_on=day(previous["ceased_on"]),
            )
            for previous in self._details.get("previous_names", ())
        ]

    @strawberry.field(
        description="The day on which the company was dissolved or closed; null if it still exists,"
        " or the day is unknown."
    )
    def ceased_on(self) -> date | None:
        return day(self._details.get("ceased_on"))

    @strawberry.field(
        description="Whether the company is late in filing accounts; null if unknown."
    )
    def are_accounts_overdue(self) -> bool | None:
        return self._details.get("are_accounts_overdue")

    @strawberry.field(description="The day by which the company must file its next accounts.")
    def accounts_next_due_on(self) -> date | None:
        return day(self._details.get("accounts_next_due_on"))

    @strawberry.field(
        description="The balance sheet date of the newest filed accounts, even if these cannot be"
        " read."
    )
    def accounts_period_end_on(self) -> date | None:
        return day(self._details.get("accounts_period_end_on"))

    @strawberry.field(
        description="The day on which the newest accounts were filed, even if these cannot be read."
    )
    def accounts_filed_on(self) -> date | None:
        return day(self._details.get("accounts_filed_on"))

    @strawberry.field(
        description="Whether the newest accounts are group (consolidated) accounts; false if"
        " unknown. The asset totals of the profile are the company's own even then."
    )
    def has_group_accounts(self) -> bool:
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
