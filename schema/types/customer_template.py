"""Defaults for new customers as clients see them: templates, and the platform's own."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

import models
from schema.base.field_mapping import maps_to, to_one
from schema.base.node import Node
from schema.base.user_error import UserError
from schema.types.customer_class import CustomerClass

if TYPE_CHECKING:
    from schema.types.customer import Customer


@strawberry.type(description="Named defaults for new customers.")
class CustomerTemplate(Node):
    """A template."""

    name: str = strawberry.field(description="Its name, unique whatever the case.")
    created_at: datetime = strawberry.field(description="When it was created, in UTC.")
    last_modified_at: datetime = strawberry.field(description="When it last changed, in UTC.")
    version: int = strawberry.field(
        description="Rises with each change; send it back as expectedVersion."
    )
    customer_class: CustomerClass | None = to_one(
        "customer_class", description="The class that customers start in; null for the platform's."
    )
    parent: Annotated["Customer", strawberry.lazy("schema.types.customer")] | None = to_one(
        "parent", description="The reseller that customers start with, if any (R32)."
    )


maps_to(CustomerTemplate, models.CustomerTemplate)


@strawberry.type(description="What new customers fall back on when nothing else is said.")
class PlatformDefaults:
    """The single row of platform defaults."""

    last_modified_at: datetime = strawberry.field(description="When it last changed, in UTC.")
    version: int = strawberry.field(
        description="Rises with each change; send it back as expectedVersion."
    )
    customer_class: CustomerClass | None = to_one(
        "customer_class", description="The class of customers created without one; null: refused."
    )


maps_to(PlatformDefaults, models.PlatformDefaults)


@strawberry.input(description="A template to create (no id), or what to change of one (id).")
class SaveCustomerTemplateInput:
    """Fields left out stay as they are; an explicit null clears."""

    id: strawberry.ID | None = strawberry.field(
        default=None, description="The template to change; absent to create one."
    )
    expected_version: int | None = strawberry.field(
        default=None, description="Refuse the change if the template is at another version."
    )
    name: str | None = strawberry.field(
        default=strawberry.UNSET, description="1 to 200 characters, unique whatever the case."
    )
    customer_class_id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET, description="An active class for new customers."
    )
    parent_id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET, description="The reseller that new customers buy through."
    )
    dry_run: bool | None = strawberry.field(
        default=False, description="Do everything but keep nothing."
    )


@strawberry.type(description="What saving a template did.")
class SaveCustomerTemplatePayload:
    """A payload."""

    customer_template: CustomerTemplate | None = strawberry.field(
        default=None, description="The template as it is now."
    )
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Why nothing was changed; empty if it was."
    )


@strawberry.input(description="A template to delete.")
class DeleteCustomerTemplateInput:
    """An input."""

    id: strawberry.ID = strawberry.field(description="The template.")
    expected_version: int | None = strawberry.field(
        default=None, description="Refuse if the template is at another version."
    )
    dry_run: bool | None = strawberry.field(
        default=False, description="Do everything but keep nothing."
    )


@strawberry.type(description="What deleting a template did.")
class DeleteCustomerTemplatePayload:
    """A payload."""

    deleted_id: strawberry.ID | None = strawberry.field(
        default=None, description="The id of the template that is gone."
    )
    customer_template: CustomerTemplate | None = strawberry.field(
        default=None, description="The template as it stands, when it could not be deleted."
    )
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Why nothing was changed; empty if it was."
    )


@strawberry.input(description="The platform defaults to set.")
class SavePlatformDefaultsInput:
    """An input."""

    customer_class_id: strawberry.ID | None = strawberry.field(
        description="An active class for customers created without one; null for none."
    )
    expected_version: int | None = strawberry.field(
        default=None, description="Refuse the change if the defaults are at another version."
    )
    dry_run: bool | None = strawberry.field(
        default=False, description="Do everything but keep nothing."
    )


@strawberry.type(description="What saving the platform defaults did.")
class SavePlatformDefaultsPayload:
    """A payload."""

    platform_defaults: PlatformDefaults | None = strawberry.field(
        default=None, description="The defaults as they are now."
    )
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Why nothing was changed; empty if it was."
    )
