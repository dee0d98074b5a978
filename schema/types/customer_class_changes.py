"""What changes customer classes: inputs and payloads."""

from typing import TYPE_CHECKING, Annotated

import strawberry

from models.rules.classification import FlagWarning
from models.tables.access import Scope
from schema.base.descriptions import described_enum
from schema.base.permissions import INPUT_PERMISSION, Requires
from schema.base.user_error import UserError
from schema.types.customer_class import CustomerClass

if TYPE_CHECKING:
    from schema.types.customer_template import CustomerTemplate

ClassWarning = described_enum(
    FlagWarning,
    "CustomerClassWarning",
    "What is odd about the flags of a class, and accepted all the same.",
    {
        "PERSONAL_AND_SOLE_TRADER": "Personal Customer and Sole Trader are both set.",
        "PERSONAL_AND_RESELLER": "Personal Customer and Reseller are both set.",
        "CHECK_OF_NO_UK_COMPANY": "Check Companies House is set, and the class does not seem to be"
        " for UK Limited or UK PLC customers: the code of a shipped class says so, or the name.",
    },
)


@strawberry.input(description="A class to create (no id), or what to change of one (id).")
class SaveCustomerClassInput:
    """Fields left out stay as they are; an explicit null clears."""

    id: strawberry.ID | None = strawberry.field(
        default=None, description="The class to change; absent to create one."
    )
    expected_version: int | None = strawberry.field(
        default=None, description="Refuse the change if the class is at another version."
    )
    name: str | None = strawberry.field(
        default=strawberry.UNSET, description="1 to 200 characters, unique whatever the case."
    )
    display_class: str | None = strawberry.field(
        default=strawberry.UNSET, description="CSS class names, separated by single spaces."
    )
    display_position: int | None = strawberry.field(
        default=strawberry.UNSET, description="Place in lists, lowest first; 0 by default."
    )
    is_personal_customer: bool | None = strawberry.field(
        default=strawberry.UNSET, description="Covers private individuals; false by default."
    )
    is_sole_trader: bool | None = strawberry.field(
        default=strawberry.UNSET, description="Covers sole traders; false by default."
    )
    is_reseller: bool | None = strawberry.field(
        default=strawberry.UNSET, description="Covers resellers; false by default."
    )
    check_companies_house: bool | None = strawberry.field(
        default=strawberry.UNSET,
        description="Only for UK Limited or PLC variants (R7); false by default.",
    )
    override_reason: str | None = strawberry.field(
        default=None,
        description="Why name or flags of a shipped class are changed (R14); needs the scope"
        " customer_classes:administer.",
    )
    dry_run: bool | None = strawberry.field(
        default=False, description="Do everything but keep nothing."
    )


@strawberry.type(description="What saving a class did.")
class SaveCustomerClassPayload:
    """A payload."""

    customer_class: CustomerClass | None = strawberry.field(
        default=None, description="The class as it is now, or as it stands after a conflict."
    )
    warnings: list[ClassWarning] = strawberry.field(  # type: ignore[valid-type]  # an enum with another name
        default_factory=list, description="What is odd about the flags (R8)."
    )
    affected_customer_count: int = strawberry.field(
        default=0, description="Customers whose derived status changed with the flags (R22)."
    )
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Why nothing was changed; empty if it was."
    )


@strawberry.input(description="A class to retire, and where its customers go.")
class RetireCustomerClassInput:
    """An input."""

    id: strawberry.ID = strawberry.field(
        description="The class to retire. A shipped class needs customer_classes:administer."
    )
    replacement_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="An active class for its customers, defaults and templates; required while"
        " the class has customers. Needs customers:write, because it moves customers.",
        metadata={INPUT_PERMISSION: Requires(Scope.CUSTOMERS_WRITE)},
    )
    reason: str = strawberry.field(
        description="Recorded on each customer that is moved (R39); 1 to 1000 characters."
    )
    expected_version: int | None = strawberry.field(
        default=None, description="Refuse if the class is at another version."
    )
    dry_run: bool | None = strawberry.field(
        default=False, description="List what it would do, and do nothing."
    )


@strawberry.type(description="All that a retirement did (R39 to R46).")
class RetireCustomerClassPayload:
    """A payload."""

    customer_class: CustomerClass | None = strawberry.field(
        default=None, description="The retired class."
    )
    replacement: CustomerClass | None = strawberry.field(
        default=None, description="Where its customers went."
    )
    moved_customer_count: int = strawberry.field(default=0, description="Customers moved.")
    queued_lookup_count: int = strawberry.field(
        default=0, description="Lookups started for customers moved into a checked class (R45)."
    )
    repointed_templates: list[
        Annotated["CustomerTemplate", strawberry.lazy("schema.types.customer_template")]
    ] = strawberry.field(
        default_factory=list, description="Templates that name the replacement now (R44)."
    )
    cleared_templates: list[
        Annotated["CustomerTemplate", strawberry.lazy("schema.types.customer_template")]
    ] = strawberry.field(
        default_factory=list, description="Templates that name no class now (R44)."
    )
    was_platform_default: bool = strawberry.field(
        default=False,
        description="Whether it was the platform default, which is the replacement or empty now.",
    )
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Why nothing was changed; empty if it was."
    )


@strawberry.input(description="A class to bring back into use.")
class ReactivateCustomerClassInput:
    """An input."""

    id: strawberry.ID = strawberry.field(description="The retired class.")
    reason: str = strawberry.field(
        default="Reactivated", description="Why; kept in the audit trail."
    )
    expected_version: int | None = strawberry.field(
        default=None, description="Refuse if the class is at another version."
    )
    dry_run: bool | None = strawberry.field(
        default=False, description="Do everything but keep nothing."
    )


@strawberry.type(description="What reactivating a class did.")
class ReactivateCustomerClassPayload:
    """A payload."""

    customer_class: CustomerClass | None = strawberry.field(
        default=None, description="The active class."
    )
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Why nothing was changed; empty if it was."
    )


@strawberry.input(description="A class to delete.")
class DeleteCustomerClassInput:
    """An input."""

    id: strawberry.ID = strawberry.field(description="A class that was never used (R33).")
    expected_version: int | None = strawberry.field(
        default=None, description="Refuse if the class is at another version."
    )
    dry_run: bool | None = strawberry.field(
        default=False, description="Do everything but keep nothing."
    )


@strawberry.type(description="What deleting a class did.")
class DeleteCustomerClassPayload:
    """A payload."""

    deleted_id: strawberry.ID | None = strawberry.field(
        default=None, description="The id of the class that is gone."
    )
    customer_class: CustomerClass | None = strawberry.field(
        default=None, description="The class as it stands, when it could not be deleted."
    )
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Why nothing was changed; empty if it was."
    )
