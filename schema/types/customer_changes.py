"""Inputs and payloads of the mutations on customers."""

from datetime import date
from decimal import Decimal

import strawberry

from models.rules.profile import ADDRESS_LINES
from models.tables.access import Scope
from schema.base.mutation_fields import dry_run, expected_version, user_errors
from schema.base.permissions import INPUT_PERMISSION, Requires
from schema.base.user_error import UserError
from schema.types.advisory import Advisory
from schema.types.consent_changes import RecordConsentFields
from schema.types.customer import Customer


@strawberry.input(
    description="A postal address. Each line has at most 200 characters; lines left out are empty."
    " An address without any line counts as null."
)
class AddressInput:
    care_of: str | None = strawberry.field(
        default=None,
        description="The care-of line: who receives the mail on the customer's behalf.",
    )
    premises: str | None = strawberry.field(
        default=None, description="The name or number of the building."
    )
    po_box: str | None = strawberry.field(default=None, description="The PO box.")
    address_line_1: str | None = strawberry.field(
        default=None, description="The first address line."
    )
    address_line_2: str | None = strawberry.field(
        default=None, description="The second address line."
    )
    locality: str | None = strawberry.field(default=None, description="The town or city.")
    region: str | None = strawberry.field(default=None, description="The county or region.")
    postal_code: str | None = strawberry.field(default=None, description="The postcode.")
    country: str | None = strawberry.field(default=None, description="The name of the country.")

    def lines(self) -> dict[str, str | None]:
        return {line: getattr(self, line) for line in ADDRESS_LINES}


@strawberry.input(description="An amount of money from a balance sheet.")
class MoneyInput:
    value: Decimal = strawberry.field(
        description="The amount in the main unit of the currency (pounds, not pence), with at most"
        " 15 digits before the decimal point and 2 after it."
    )
    currency: str = strawberry.field(
        default="GBP",
        description="The ISO 4217 code of the currency, three capital letters; GBP by default.",
    )
    period_end_on: date | None = strawberry.field(
        default=None, description="The balance sheet date of the amount."
    )


@strawberry.input(
    description="The company data to enter for a customer. Lookups at Companies House never"
    " overwrite entered values. A field left out keeps its value; an explicit null removes an"
    " entered value, so that a lookup can fill the field."
)
class CompanyProfileInput:
    registered_address: AddressInput | None = strawberry.field(
        default=strawberry.UNSET, description="The registered office."
    )
    incorporated_on: date | None = strawberry.field(
        default=strawberry.UNSET, description="The date of incorporation, not in the future."
    )
    employees: int | None = strawberry.field(
        default=strawberry.UNSET, description="The number of employees, 0 to 10,000,000."
    )
    fixed_assets: MoneyInput | None = strawberry.field(
        default=strawberry.UNSET, description="The fixed assets."
    )
    current_assets: MoneyInput | None = strawberry.field(
        default=strawberry.UNSET, description="The current assets."
    )
    total_assets: MoneyInput | None = strawberry.field(
        default=strawberry.UNSET, description="The total assets."
    )
    total_assets_less_current_liabilities: MoneyInput | None = strawberry.field(
        default=strawberry.UNSET, description="The total assets less current liabilities."
    )
    net_assets: MoneyInput | None = strawberry.field(
        default=strawberry.UNSET, description="The net assets; negative for net liabilities."
    )


@strawberry.input(
    description="The customer to create (without `id`) or to change (with `id`). A field left out"
    " keeps its value, or its default in a new customer; an explicit null clears it."
)
class SaveCustomerInput:
    id: strawberry.ID | None = strawberry.field(
        default=None,
        description="The id of the customer to change; leave it out to create a customer.",
    )
    expected_version: int | None = expected_version(
        "customer", " Leave it out to create a customer."
    )
    name: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="The customer's name, 1 to 200 characters; required to create one.",
    )
    class_id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET,
        description="The id of a new customer's class, which must be active; by default the class"
        " of the template, else the platform's default class. To move an existing customer, use"
        " `changeCustomerClass`.",
    )
    class_code: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="The code of a shipped class, such as `COMPANY_UK_LIMITED`, instead of"
        " `classId`.",
    )
    template_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="The id of a template whose class and parent a new customer gets, where the"
        " input names none.",
    )
    company_number: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="The customer's company number at Companies House; spaces, dashes and missing"
        " leading zeros are corrected. A different number removes the data of the previous"
        " company.",
    )
    account_number: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="The customer's account number, 1 to 64 characters, unique regardless of case;"
        " generated for a new customer if left out. Partners can't choose it.",
    )
    external_reference: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="The customer's identifier in another system, up to 200 characters.",
    )
    parent_id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET,
        description="The id of the reseller that the customer buys through. It must be another"
        " customer, in a reseller class; a partner's new customers buy through the partner by"
        " default.",
    )
    profile: CompanyProfileInput | None = strawberry.field(
        default=strawberry.UNSET,
        description="Company data entered by a user. An explicit null removes all entered values.",
    )
    consent: RecordConsentFields | None = strawberry.field(
        default=strawberry.UNSET,
        description="The consent that a new customer gave; null or left out if none was given."
        " Needs the permission consent:write. Refused for an existing customer, even if null: use"
        " `recordConsent` or `withdrawConsent`.",
        metadata={INPUT_PERMISSION: Requires(Scope.CONSENT_WRITE)},
    )
    dry_run: bool | None = dry_run()


@strawberry.type(description="The result of saving a customer.")
class SaveCustomerPayload:
    customer: Customer | None = strawberry.field(
        default=None,
        description="The saved customer; after a version conflict, the current customer.",
    )
    is_repeat: bool = strawberry.field(
        default=False,
        description="Whether the request repeats an earlier one, with the same idempotency key in"
        " `consent`, that created the customer; nothing was changed then.",
    )
    user_errors: list[UserError] = user_errors()


@strawberry.input(
    description="The customer to move, and the class to move it to. Naming the customer's current"
    " class changes nothing."
)
class ChangeCustomerClassInput:
    customer_id: strawberry.ID = strawberry.field(description="The id of the customer.")
    class_id: strawberry.ID = strawberry.field(
        description="The id of the new class, which must be active."
    )
    reason: str = strawberry.field(
        description="Why the customer is moved, 1 to 1000 characters; kept in the class history."
    )
    expected_version: int | None = expected_version("customer")
    dry_run: bool | None = dry_run()


@strawberry.type(description="The result of moving a customer to another class.")
class ChangeCustomerClassPayload:
    customer: Customer | None = strawberry.field(
        default=None,
        description="The customer after the move; after a version conflict, the current customer.",
    )
    advisories: list[Advisory] = strawberry.field(
        default_factory=list,
        description="The customer's advisories after the move, such as REVIEW_CONSENT; empty if"
        " there are none.",
    )
    user_errors: list[UserError] = user_errors()


@strawberry.input(description="The customer to delete.")
class DeleteCustomerInput:
    id: strawberry.ID = strawberry.field(description="The id of the customer.")
    reason: str = strawberry.field(
        default="Deleted on request",
        description="Why the customer is deleted, up to 1000 characters. It is not stored, because"
        " it could name a person.",
        deprecation_reason="Reasons of deletions are not stored any more.",
    )
    expected_version: int | None = expected_version("customer")
    dry_run: bool | None = dry_run()


@strawberry.type(
    description="The result of deleting a customer. Personal data of the customer and its contacts"
    " is erased; the history is kept."
)
class DeleteCustomerPayload:
    deleted_id: strawberry.ID | None = strawberry.field(
        default=None, description="The id of the deleted customer; null on failure."
    )
    customer: Customer | None = strawberry.field(
        default=None, description="The current customer if it could not be deleted; otherwise null."
    )
    user_errors: list[UserError] = user_errors()
