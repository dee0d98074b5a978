"""Inputs and payloads of the mutations on customer classes."""

from typing import TYPE_CHECKING, Annotated

import strawberry

from models.rules.classification import FlagWarning
from models.tables.access import Scope
from schema.base.descriptions import described_enum
from schema.base.mutation_fields import dry_run, expected_version, user_errors
from schema.base.permissions import INPUT_PERMISSION, Requires
from schema.base.user_error import UserError
from schema.types.customer_class import CustomerClass

if TYPE_CHECKING:
    from schema.types.customer_template import CustomerTemplate

ClassWarning = described_enum(
    FlagWarning,
    "CustomerClassWarning",
    "An unusual combination of a class's flags. The class is saved nevertheless.",
    {
        "PERSONAL_AND_SOLE_TRADER": "The class is both for private individuals and for sole"
        " traders.",
        "PERSONAL_AND_RESELLER": "The class is both for private individuals and for resellers.",
        "CHECK_OF_NO_UK_COMPANY": "Customers of the class are looked up at Companies House, but"
        " neither its code nor its name says that it is for UK Limited or UK PLC companies.",
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
        " required to create one.",
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
        description="Whether the customers of the class sell services on; false by default.",
    )
    check_companies_house: bool | None = strawberry.field(
        default=strawberry.UNSET,
        description="Whether saving a customer of the class looks it up at Companies House; false"
        " by default. Meant for UK Limited and UK PLC companies; refused for private individuals"
        " and sole traders.",
    )
    override_reason: str | None = strawberry.field(
        default=None,
        description="Why the name or the flags of a shipped class are changed, 1 to 1000"
        " characters; required for such a change, with the permission customer_classes:administer."
        " Kept in the audit trail.",
    )
    dry_run: bool | None = dry_run()


@strawberry.type(description="The result of saving a customer class.")
class SaveCustomerClassPayload:
    customer_class: CustomerClass | None = strawberry.field(
        default=None, description="The saved class; after a version conflict, the current class."
    )
    warnings: list[ClassWarning] = strawberry.field(  # type: ignore[valid-type]  # an enum with another name
        default_factory=list,
        description="The unusual combinations of the class's flags; empty if there are none.",
    )
    affected_customer_count: int = strawberry.field(
        default=0,
        description="The number of customers in the class, if its flags changed; otherwise 0.",
    )
    user_errors: list[UserError] = user_errors()


@strawberry.input(
    description="The customer class to retire, and the class to move its customers to. Retiring a"
    " retired class changes nothing."
)
class RetireCustomerClassInput:
    id: strawberry.ID = strawberry.field(
        description="The id of the class. A shipped class needs the permission"
        " customer_classes:administer."
    )
    replacement_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="The id of an active class that replaces it for its customers, in templates"
        " and as the platform's default; required while the class has customers. Needs the"
        " permission customers:write.",
        metadata={INPUT_PERMISSION: Requires(Scope.CUSTOMERS_WRITE)},
    )
    reason: str = strawberry.field(
        description="Why the class is retired, 1 to 1000 characters; kept in the class history of"
        " each customer moved."
    )
    expected_version: int | None = expected_version("class")
    dry_run: bool | None = dry_run()


@strawberry.type(description="The result of retiring a customer class.")
class RetireCustomerClassPayload:
    customer_class: CustomerClass | None = strawberry.field(
        default=None, description="The retired class; after a version conflict, the current class."
    )
    replacement: CustomerClass | None = strawberry.field(
        default=None, description="The class that replaces it; null if there is none."
    )
    moved_customer_count: int = strawberry.field(
        default=0, description="The number of customers that were moved to the replacement."
    )
    queued_lookup_count: int = strawberry.field(
        default=0,
        description="The number of lookups at Companies House that were started for the moved"
        " customers.",
    )
    repointed_templates: list[
        Annotated["CustomerTemplate", strawberry.lazy("schema.types.customer_template")]
    ] = strawberry.field(
        default_factory=list, description="The templates that now use the replacement."
    )
    cleared_templates: list[
        Annotated["CustomerTemplate", strawberry.lazy("schema.types.customer_template")]
    ] = strawberry.field(
        default_factory=list,
        description="The templates that now use no class of their own, because there is no"
        " replacement.",
    )
    was_platform_default: bool = strawberry.field(
        default=False,
        description="Whether the class was the platform's default class; that is now the"
        " replacement, or none.",
    )
    user_errors: list[UserError] = user_errors()


@strawberry.input(
    description="The retired customer class to make active again. Reactivating an active class"
    " changes nothing."
)
class ReactivateCustomerClassInput:
    id: strawberry.ID = strawberry.field(description="The id of the class.")
    reason: str = strawberry.field(
        default="Reactivated",
        description="Why the class is reactivated, 1 to 1000 characters; kept in the audit trail.",
    )
    expected_version: int | None = expected_version("class")
    dry_run: bool | None = dry_run()


@strawberry.type(description="The result of reactivating a customer class.")
class ReactivateCustomerClassPayload:
    customer_class: CustomerClass | None = strawberry.field(
        default=None,
        description="The reactivated class; after a version conflict, the current class.",
    )
    user_errors: list[UserError] = user_errors()


@strawberry.input(
    description="The customer class to delete. Only a class that users added, that no customer was"
    " ever in, and that neither a template nor the platform's default uses, can be deleted."
)
class DeleteCustomerClassInput:
    id: strawberry.ID = strawberry.field(description="The id of the class.")
    expected_version: int | None = expected_version("class")
    dry_run: bool | None = dry_run()


@strawberry.type(description="The result of deleting a customer class.")
class DeleteCustomerClassPayload:
    deleted_id: strawberry.ID | None = strawberry.field(
        default=None, description="The id of the deleted class; null on failure."
    )
    customer_class: CustomerClass | None = strawberry.field(
        default=None, description="The current class if it could not be deleted; otherwise null."
    )
    user_errors: list[UserError] = user_errors()
