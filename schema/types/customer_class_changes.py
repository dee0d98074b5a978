"""Inputs and payloads of the mutations on customer classes."""

from typing import TYPE_CHECKING, Annotated

import strawberry

from models.rules.classification import FlagWarning
from models.tables.access import Scope
from schema.base.descriptions import described_enum
from schema.base.mutation_fields import MutationPayload, dry_run, expected_version
from schema.base.permissions import INPUT_PERMISSION, Requires
from schema.types.customer_class import CustomerClass

if TYPE_CHECKING:
    from schema.types.customer_template import CustomerTemplate

ClassWarning = described_enum(
    FlagWarning,
    "CustomerClassWarning",
    "An unusual combination of a customer class's flags. The class is saved nevertheless.",
    {
        "PERSONAL_AND_SOLE_TRADER": "The class is marked both for private individuals and for sole"
        " traders.",
        "PERSONAL_AND_RESELLER": "The class is marked both for private individuals and for"
        " resellers.",
        "CHECK_OF_NO_UK_COMPANY": "Customers of the class are looked up at Companies House, but"
        " neither the class's code nor its name says that the class is for UK Limited or UK PLC"
        " companies.",
    },
)


@strawberry.input(
    description="The customer class to create (without `id`) or to change (with `id`). A field"
    " left out keeps its value, or its default in a new class; an explicit null clears it."
)
class SaveCustomerClassInput:
    id: strawberry.ID | None = strawberry.field(
        default=None, description="The id of the class to change; leave it out to create a class."
    )
    expected_version: int | None = expected_version("class", " Leave it out to create a class.")
    name: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="The name of the class, 1 to 200 characters, unique regardless of case;"
        " required to create a class.",
    )
    display_class: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="CSS class names to style the class with, separated by single spaces, up to"
        " 100 characters.",
    )
    display_position: int | None = strawberry.field(
        default=strawberry.UNSET,
        description="The position of the class in lists, lower numbers first; 0 by default.",
    )
    is_personal_customer: bool | None = strawberry.field(
        default=strawberry.UNSET,
        description="Whether the customers of the class are private individuals; false by default.",
    )
    is_sole_trader: bool | None = strawberry.field(
        default=strawberry.UNSET,
        description="Whether the customers of the class are sole traders; false by default.",
    )
    is_reseller: bool | None = strawberry.field(
        default=strawberry.UNSET,
        description="Whether the customers of the class are resellers, which sell services on;"
        " false by default.",
    )
    check_companies_house: bool | None = strawberry.field(
        default=strawberry.UNSET,
        description="Whether a customer of the class is looked up at Companies House each time it"
        " is saved; false by default. Meant for UK Limited and UK PLC companies; refused for"
        " classes of private individuals or sole traders.",
    )
    override_reason: str | None = strawberry.field(
        default=None,
        description="Why the name or a flag (personal customer, sole trader, reseller, check"
        " Companies House) of a class that came with the platform is changed, 1 to 1000 characters;"
        " kept in the audit trail. Such a change needs this reason and the permission"
        " customer_classes:administer.",
    )
    dry_run: bool | None = dry_run()


@strawberry.type(description="The result of saving a customer class.")
class SaveCustomerClassPayload(MutationPayload):
    customer_class: CustomerClass | None = strawberry.field(
        default=None,
        description="The saved class. After the error VERSION_CONFLICT, the class as stored; null"
        " after other errors.",
    )
    warnings: list[ClassWarning] = strawberry.field(  # type: ignore[valid-type]  # an enum with another name
        default_factory=list,
        description="The unusual combinations of the class's flags; empty if there are none.",
    )
    affected_customer_count: int = strawberry.field(
        default=0,
        description="The number of customers that changed flags of the class affect: all customers"
        " in the class, or 0 if no flag changed.",
    )


@strawberry.input(
    description="The customer class to retire, and the class to move its customers to. Retiring a"
    " retired class changes nothing."
)
class RetireCustomerClassInput:
    id: strawberry.ID = strawberry.field(
        description="The id of the class to retire. If the class came with the platform, this needs"
        " the permission customer_classes:administer."
    )
    replacement_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="The id of an active class that replaces the retired class for its customers,"
        " in templates and as the platform's default; required while the retired class has"
        " customers. Needs the permission customers:write.",
        metadata={INPUT_PERMISSION: Requires(Scope.CUSTOMERS_WRITE)},
    )
    reason: str = strawberry.field(
        description="Why the class is retired, 1 to 1000 characters; kept in the class history of"
        " each customer that is moved."
    )
    expected_version: int | None = expected_version("class")
    dry_run: bool | None = dry_run()


@strawberry.type(description="The result of retiring a customer class.")
class RetireCustomerClassPayload(MutationPayload):
    customer_class: CustomerClass | None = strawberry.field(
        default=None,
        description="The retired class. After the error VERSION_CONFLICT, the class as stored; null"
        " after other errors.",
    )
    replacement: CustomerClass | None = strawberry.field(
        default=None,
        description="The class that replaces the retired class; null if there is none.",
    )
    moved_customer_count: int = strawberry.field(
        default=0, description="The number of customers that were moved to the replacement."
    )
    queued_lookup_count: int = strawberry.field(
        default=0,
        description="The number of lookups at Companies House that were started for the moved"
        " customers.",
    )
    reassigned_templates: list[
        Annotated["CustomerTemplate", strawberry.lazy("schema.types.customer_template")]
    ] = strawberry.field(
        default_factory=list,
        description="The templates that named the retired class and now name its replacement.",
    )
    cleared_templates: list[
        Annotated["CustomerTemplate", strawberry.lazy("schema.types.customer_template")]
    ] = strawberry.field(
        default_factory=list,
        description="The templates that named the retired class and now name no class, because"
        " there is no replacement.",
    )
    was_platform_default: bool = strawberry.field(
        default=False,
        description="Whether the retired class was the platform's default class. If so, the default"
        " is now the replacement, or no class.",
    )


@strawberry.input(
    description="The retired customer class to make active again. Reactivating an active class"
    " changes nothing."
)
class ReactivateCustomerClassInput:
    id: strawberry.ID = strawberry.field(description="The id of the class to reactivate.")
    reason: str = strawberry.field(
        default="Reactivated",
        description="Why the class is reactivated, 1 to 1000 characters; kept in the audit trail.",
    )
    expected_version: int | None = expected_version("class")
    dry_run: bool | None = dry_run()


@strawberry.type(description="The result of reactivating a customer class.")
class ReactivateCustomerClassPayload(MutationPayload):
    customer_class: CustomerClass | None = strawberry.field(
        default=None,
        description="The reactivated class. After the error VERSION_CONFLICT, the class as stored;"
        " null after other errors.",
    )


@strawberry.input(
    description="The customer class to delete. The class must have been added by users, no customer"
    " may ever have been in it, and neither a template nor the platform's default may name it."
)
class DeleteCustomerClassInput:
    id: strawberry.ID = strawberry.field(description="The id of the class to delete.")
    expected_version: int | None = expected_version("class")
    dry_run: bool | None = dry_run()


@strawberry.type(description="The result of deleting a customer class.")
class DeleteCustomerClassPayload(MutationPayload):
    deleted_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="The id of the deleted class; null in a dry run and after an error.",
    )
    customer_class: CustomerClass | None = strawberry.field(
        default=None,
        description="The class as stored, if it exists and was not deleted because of an error;"
        " otherwise null.",
    )
