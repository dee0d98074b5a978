"""Inputs and payloads of the mutations on customers."""

from datetime import date
from decimal import Decimal

import strawberry

from models.rules.profile import ADDRESS_LINES
from models.tables.access import Scope
from schema.base.mutation_fields import MutationPayload, dry_run, expected_version
from schema.base.permissions import INPUT_PERMISSION, Requires
from schema.types.advisory import Advisory
from schema.types.consent_changes import RecordConsentFields
from schema.types.contact_changes import CustomerContactInput
from schema.types.customer import Customer
from schema.types.on_conflict import OnConflict, OnConflictEnum


@strawberry.input(
    description="A postal address. Each line has at most 200 characters; lines left out are empty."
    " An address without any line counts as null."
)
class AddressInput:
    care_of: str | None = strawberry.field(
        default=None,
        description="The person or firm that receives mail on the customer's behalf (care of).",
    )
    premises: str | None = strawberry.field(
        default=None, description="The name or number of the building."
    )
    po_box: str | None = strawberry.field(
        default=None, description="The PO box: its number, or written out as in PO Box 123."
    )
    address_line_1: str | None = strawberry.field(
        default=None, description="The first line of the address."
    )
    address_line_2: str | None = strawberry.field(
        default=None, description="The second line of the address."
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
        default=None,
        description="The date of the balance sheet that the amount is from; by default none.",
    )


@strawberry.input(
    description="The company data to enter for a customer. Lookups at Companies House never"
    " overwrite values that users typed. A field left out keeps its value; an explicit null removes"
    " a typed value, so that a lookup can fill the field."
)
class CompanyProfileInput:
    registered_address: AddressInput | None = strawberry.field(
        default=strawberry.UNSET, description="The address of the registered office."
    )
    incorporated_on: date | None = strawberry.field(
        default=strawberry.UNSET, description="The date of incorporation, not in the future."
    )
    employees: int | None = strawberry.field(
        default=strawberry.UNSET, description="The number of employees, 0 to 10,000,000."
    )
    fixed_assets: MoneyInput | None = strawberry.field(
        default=strawberry.UNSET, description="Fixed assets on the balance sheet."
    )
    current_assets: MoneyInput | None = strawberry.field(
        default=strawberry.UNSET, description="Current assets on the balance sheet."
    )
    total_assets: MoneyInput | None = strawberry.field(
        default=strawberry.UNSET, description="Total assets on the balance sheet."
    )
    total_assets_less_current_liabilities: MoneyInput | None = strawberry.field(
        default=strawberry.UNSET,
        description="Total assets less current liabilities on the balance sheet.",
    )
    net_assets: MoneyInput | None = strawberry.field(
        default=strawberry.UNSET,
        description="Net assets on the balance sheet; negative if liabilities exceed assets.",
    )


SAVED_CUSTOMER = (
    "The customer to create (without `id`) or to change (with `id`, or with `externalReference`"
    " and `onConflict: UPDATE`). A field left out keeps its value, or its default in a new"
    " customer; an explicit null clears it."
)


@strawberry.input(description=SAVED_CUSTOMER)
class SaveCustomerRow:
    id: strawberry.ID | None = strawberry.field(
        default=None,
        description="The id of the customer to change; leave it out to create a customer, or to"
        " find it by `externalReference`.",
    )
    expected_version: int | None = expected_version(
        "customer", " Leave it out to create a customer."
    )
    name: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="The customer's name, 1 to 200 characters; required to create a customer.",
    )
    class_id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET,
        description="The id of a new customer's class, which must be active; by default the class"
        " of the template, else the platform's default class. To move an existing customer, use"
        " `changeCustomerClass`.",
    )
    class_code: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="Instead of `classId`: the code of a class that came with the platform, such as"
        " `COMPANY_UK_LIMITED`.",
    )
    template_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="The id of a template for a new customer, which gets the template's class if"
        " neither `classId` nor `classCode` is sent, and the template's parent if `parentId` is not"
        " sent.",
    )
    company_number: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="The customer's company number at Companies House. Spaces and dashes in it are"
        " removed, and missing leading zeros are added. A different number removes the data of the"
        " previous company.",
    )
    account_number: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="The customer's account number, 1 to 64 characters, unique regardless of case;"
        " generated for a new customer if left out. Partners (callers bound to a reseller) can't"
        " choose it.",
    )
    external_reference: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="Your own id of the customer, up to 200 characters, unique among the customers"
        " of its reseller, or among those without one. A new `parentId` clears it, and those of the"
        " contacts, because the new reseller must not see them. Partners (callers bound to a"
        " reseller) can't change that of their own reseller.",
    )
    on_conflict: OnConflictEnum = strawberry.field(  # type: ignore[valid-type]  # an enum with another name
        default=OnConflict.REFUSE,
        description="What to do without `id` if there is a customer with the `externalReference`"
        " already: refuse, by default, or update it. An update keeps the class, so it accepts only"
        " the same one, and it ignores `templateId`. With `consent`, it refuses.",
    )
    parent_id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET,
        description="The id of the reseller that the customer buys through: another customer, in a"
        " class for resellers. By default none; new customers of a partner (a caller bound to a"
        " reseller) buy through its reseller by default.",
    )
    parent_external_reference: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="Instead of `parentId`, or of the same customer: your own external reference of"
        " the reseller. It must be that of a customer without a reseller, or, for partners (callers"
        " bound to a reseller), of a customer of their reseller. Other rows of the call are not"
        " found by it.",
    )
    profile: CompanyProfileInput | None = strawberry.field(
        default=strawberry.UNSET,
        description="Company data that a user types for the customer. An explicit null removes all"
        " values that users typed.",
    )
    consent: RecordConsentFields | None = strawberry.field(
        default=strawberry.UNSET,
        description="The consent that a new customer gave; null or left out if none was given."
        " Needs the permission consent:write. Refused for an existing customer, even if null: use"
        " `recordConsent` or `withdrawConsent`.",
        metadata={INPUT_PERMISSION: Requires(Scope.CONSENT_WRITE)},
    )
    contacts: list[CustomerContactInput] | None = strawberry.field(
        default=None,
        description="Contacts to save together with the customer, at most 20; all of them, or"
        " nothing of the customer. Contacts that are not listed stay as they are. Needs the"
        " permission contacts:write.",
        metadata={INPUT_PERMISSION: Requires(Scope.CONTACTS_WRITE)},
    )


@strawberry.input(description=SAVED_CUSTOMER)
class SaveCustomerInput(SaveCustomerRow):
    dry_run: bool | None = dry_run()


@strawberry.type(description="The result of saving a customer.")
class SaveCustomerPayload(MutationPayload):
    customer: Customer | None = strawberry.field(
        default=None,
        description="The saved customer. After the error VERSION_CONFLICT, the customer as stored;"
        " null after other errors.",
    )
    advisories: list[Advisory] = strawberry.field(
        default_factory=list,
        description="The customer's advisories after the save, such as DUPLICATE_COMPANY_NUMBER;"
        " empty if there are none, or after an error. Those about the register's data come when the"
        " lookup has ended.",
    )


@strawberry.input(
    description="The customer to move, and the class to move it to. Naming the customer's current"
    " class changes nothing."
)
class ChangeCustomerClassInput:
    customer_id: strawberry.ID = strawberry.field(description="The id of the customer.")
    class_id: strawberry.ID = strawberry.field(
        description="The id of the class to move the customer to, which must be active."
    )
    reason: str = strawberry.field(
        description="Why the customer is moved, 1 to 1000 characters; kept in the class history."
    )
    expected_version: int | None = expected_version("customer")
    dry_run: bool | None = dry_run()


@strawberry.type(description="The result of moving a customer to another class.")
class ChangeCustomerClassPayload(MutationPayload):
    customer: Customer | None = strawberry.field(
        default=None,
        description="The customer after the move. After the error VERSION_CONFLICT, the customer as"
        " stored; null after other errors.",
    )
    advisories: list[Advisory] = strawberry.field(
        default_factory=list,
        description="The customer's advisories after the move, such as REVIEW_CONSENT; empty if"
        " there are none.",
    )


@strawberry.input(
    description="The customer to delete. Personal data of the customer and its contacts is erased"
    " for good."
)
class DeleteCustomerInput:
    id: strawberry.ID = strawberry.field(description="The id of the customer.")
    expected_version: int | None = expected_version("customer")
    dry_run: bool | None = dry_run()


@strawberry.type(
    description="The result of deleting a customer. Personal data of the customer and its contacts"
    " is erased; the history is kept."
)
class DeleteCustomerPayload(MutationPayload):
    deleted_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="The id of the deleted customer; null in a dry run and after an error.",
    )
    customer: Customer | None = strawberry.field(
        default=None,
        description="The customer as stored, if it exists and was not deleted because of an error;"
        " otherwise null.",
    )
