"""What changes customers: inputs and payloads."""

from datetime import date
from decimal import Decimal

import strawberry

from models.rules.profile import ADDRESS_LINES
from models.tables.access import Scope
from schema.base.permissions import INPUT_PERMISSION, Requires
from schema.base.user_error import UserError
from schema.types.advisory import Advisory
from schema.types.consent_changes import RecordConsentFields
from schema.types.customer import Customer


@strawberry.input(description="An address that a user typed.")
class AddressInput:
    """An input; lines left out are empty."""

    care_of: str | None = strawberry.field(default=None, description="Care of.")
    premises: str | None = strawberry.field(default=None, description="Building name or number.")
    po_box: str | None = strawberry.field(default=None, description="PO box.")
    address_line_1: str | None = strawberry.field(default=None, description="First line.")
    address_line_2: str | None = strawberry.field(default=None, description="Second line.")
    locality: str | None = strawberry.field(default=None, description="Town or city.")
    region: str | None = strawberry.field(default=None, description="County or region.")
    postal_code: str | None = strawberry.field(default=None, description="Postcode.")
    country: str | None = strawberry.field(default=None, description="Country.")

    def lines(self) -> dict[str, str | None]:
        """Give the lines by name."""
        return {line: getattr(self, line) for line in ADDRESS_LINES}


@strawberry.input(description="An amount of money that a user typed.")
class MoneyInput:
    """An input."""

    value: Decimal = strawberry.field(
        description="In whole units of the currency, up to 15 digits and 2 decimals."
    )
    currency: str = strawberry.field(default="GBP", description="ISO 4217 code.")
    period_end_on: date | None = strawberry.field(
        default=None, description="The balance sheet date that it belongs to."
    )


@strawberry.input(
    description="Values that a user types; enrichment never overwrites them. An explicit null"
    " takes a value away, so that enrichment may fill it."
)
class CompanyProfileInput:
    """Fields left out stay as they are."""

    registered_address: AddressInput | None = strawberry.field(
        default=strawberry.UNSET, description="The registered office."
    )
    incorporated_on: date | None = strawberry.field(
        default=strawberry.UNSET, description="When the company was incorporated."
    )
    employees: int | None = strawberry.field(
        default=strawberry.UNSET, description="Number of employees, 0 or more."
    )
    fixed_assets: MoneyInput | None = strawberry.field(
        default=strawberry.UNSET, description="Fixed assets."
    )
    current_assets: MoneyInput | None = strawberry.field(
        default=strawberry.UNSET, description="Current assets."
    )
    total_assets: MoneyInput | None = strawberry.field(
        default=strawberry.UNSET, description="Total assets."
    )
    total_assets_less_current_liabilities: MoneyInput | None = strawberry.field(
        default=strawberry.UNSET, description="Total assets less current liabilities."
    )
    net_assets: MoneyInput | None = strawberry.field(
        default=strawberry.UNSET, description="Net assets; negative for net liabilities."
    )


@strawberry.input(description="A customer to create (no id), or what to change of one (id).")
class SaveCustomerInput:
    """Fields left out stay as they are; an explicit null clears."""

    id: strawberry.ID | None = strawberry.field(
        default=None, description="The customer to change; absent to create one."
    )
    expected_version: int | None = strawberry.field(
        default=None, description="Refuse the change if the customer is at another version."
    )
    name: str | None = strawberry.field(
        default=strawberry.UNSET, description="1 to 200 characters."
    )
    class_id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET,
        description="The class of a new customer; an existing one's changes by"
        " changeCustomerClass.",
    )
    class_code: str | None = strawberry.field(
        default=strawberry.UNSET, description="The same by the code of a shipped class."
    )
    template_id: strawberry.ID | None = strawberry.field(
        default=None, description="Defaults for a new customer."
    )
    company_number: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="Its number at Companies House; spaces, dashes and missing zeros are mended.",
    )
    account_number: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="1 to 64 characters, unique whatever their case; made for a new customer if"
        " absent.",
    )
    external_reference: str | None = strawberry.field(
        default=strawberry.UNSET, description="What another system calls it."
    )
    parent_id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET, description="The reseller that it buys through (R32)."
    )
    profile: CompanyProfileInput | None = strawberry.field(
        default=strawberry.UNSET, description="Values that a user types."
    )
    consent: RecordConsentFields | None = strawberry.field(
        default=strawberry.UNSET,
        description="Consent that a new customer gave; null or absent for none. Needs"
        " consent:write. Refused for an existing customer, null too: use recordConsent or"
        " withdrawConsent.",
        metadata={INPUT_PERMISSION: Requires(Scope.CONSENT_WRITE)},
    )
    dry_run: bool | None = strawberry.field(
        default=False, description="Do everything but keep nothing."
    )


@strawberry.type(description="What saving a customer did.")
class SaveCustomerPayload:
    """A payload."""

    customer: Customer | None = strawberry.field(
        default=None, description="The customer as it is now, or as it stands after a conflict."
    )
    is_repeat: bool = strawberry.field(
        default=False,
        description="Whether the same request created the customer before, as its idempotency key"
        " says; nothing was changed then.",
    )
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Why nothing was changed; empty if it was."
    )


@strawberry.input(description="A customer, and the class to move it to.")
class ChangeCustomerClassInput:
    """An input."""

    customer_id: strawberry.ID = strawberry.field(description="The customer.")
    class_id: strawberry.ID = strawberry.field(description="An active class (R26).")
    reason: str = strawberry.field(
        description="Why, 1 to 1000 characters; kept in the history (R27)."
    )
    expected_version: int | None = strawberry.field(
        default=None, description="Refuse the change if the customer is at another version."
    )
    dry_run: bool | None = strawberry.field(
        default=False, description="Do everything but keep nothing."
    )


@strawberry.type(description="What a change of class did.")
class ChangeCustomerClassPayload:
    """A payload."""

    customer: Customer | None = strawberry.field(
        default=None, description="The customer as it is now."
    )
    advisories: list[Advisory] = strawberry.field(
        default_factory=list, description="What to look at now, such as REVIEW_CONSENT (R30)."
    )
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Why nothing was changed; empty if it was."
    )


@strawberry.input(description="A customer to delete.")
class DeleteCustomerInput:
    """An input."""

    id: strawberry.ID = strawberry.field(description="The customer.")
    reason: str = strawberry.field(
        default="Deleted on request",
        description="Why. It is not stored, since it may name a person.",
        deprecation_reason="Reasons of deletions are not stored any more.",
    )
    expected_version: int | None = strawberry.field(
        default=None, description="Refuse if the customer is at another version."
    )
    dry_run: bool | None = strawberry.field(
        default=False, description="Do everything but keep nothing."
    )


@strawberry.type(description="What deleting a customer did.")
class DeleteCustomerPayload:
    """Personal fields are erased, history is kept (R35)."""

    deleted_id: strawberry.ID | None = strawberry.field(
        default=None, description="The id of the customer that is gone."
    )
    customer: Customer | None = strawberry.field(
        default=None, description="The customer as it stands, when it could not be deleted."
    )
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Why nothing was changed; empty if it was."
    )
