"""Templates for new customers, and the platform's defaults."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

import models
from models.tables.customer_template import DEFAULTS_SUBJECT
from schema.base.field_mapping import computed, maps_to, to_one
from schema.base.mutation_fields import MutationPayload, dry_run, expected_version
from schema.base.node import Node
from schema.types.customer_class import CustomerClass

if TYPE_CHECKING:
    from schema.types.customer import Customer


@strawberry.type(
    description="A template for new customers, which get their class and their parent (the reseller"
    " that they buy through) from it."
)
class CustomerTemplate(Node):
    name: str = strawberry.field(description="The name of the template, unique regardless of case.")
    created_at: datetime = strawberry.field(description="When the template was created, in UTC.")
    last_modified_at: datetime = strawberry.field(
        description="When the template last changed, in UTC."
    )
    version: int = strawberry.field(
        description="The version of the template. It increases with each change; send it as"
        " `expectedVersion` with the next change."
    )
    customer_class: CustomerClass | None = to_one(
        "customer_class",
        description="The class of customers created from the template; null if these customers get"
        " the platform's default class.",
    )
    parent: Annotated["Customer", strawberry.lazy("schema.types.customer")] | None = to_one(
        "parent",
        description="The reseller that customers created from the template buy through; null if"
        " there is none, or you may not see it.",
    )

    name_key: strawberry.Private[str]


maps_to(CustomerTemplate, models.CustomerTemplate)


@strawberry.type(description="The platform's defaults for new customers.")
class PlatformDefaults:
    """The platform's defaults, of which the database has one row."""

    id: strawberry.ID = computed(
        lambda: strawberry.ID(DEFAULTS_SUBJECT),
        description="The id of this object, always the same, for client caches; and the"
        " `subjectId` of its audit entries.",
    )
    last_modified_at: datetime = strawberry.field(
        description="When the defaults last changed, in UTC."
    )
    version: int = strawberry.field(
        description="The version of the defaults. It increases with each change; send it as"
        " `expectedVersion` with the next change."
    )
    customer_class: CustomerClass | None = to_one(
        "customer_class",
        description="The platform's default class: the class of new customers for which neither the"
        " input nor a template names a class. If null, such customers are refused"
        " (CLASS_REQUIRED).",
    )


maps_to(PlatformDefaults, models.PlatformDefaults)


@strawberry.input(
    description="The template to create (without `id`) or to change (with `id`). A field left out"
    " keeps its value; an explicit null clears it."
)
class SaveCustomerTemplateInput:
    id: strawberry.ID | None = strawberry.field(
        default=None,
        description="The id of the template to change; leave it out to create a template.",
    )
    expected_version: int | None = expected_version(
        "template", " Leave it out to create a template."
    )
    name: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="The name of the template, 1 to 200 characters, unique regardless of case;"
        " required to create a template.",
    )
    customer_class_id: strawberry.ID | None = strawberry.field(
        name="classId",
        default=strawberry.UNSET,
        description="The id of an active class for customers created from the template; null for"
        " the platform's default class.",
    )
    parent_id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET,
        description="The id of the reseller that customers created from the template buy through;"
        " null for no reseller.",
    )
    dry_run: bool | None = dry_run()


@strawberry.type(description="The result of saving a template.")
class SaveCustomerTemplatePayload(MutationPayload):
    customer_template: CustomerTemplate | None = strawberry.field(
        default=None,
        description="The saved template. After the error VERSION_CONFLICT, the template as stored;"
        " null after other errors.",
    )


@strawberry.input(description="The template to delete. Customers created from it stay as they are.")
class DeleteCustomerTemplateInput:
    id: strawberry.ID = strawberry.field(description="The id of the template to delete.")
    expected_version: int | None = expected_version("template")
    dry_run: bool | None = dry_run()


@strawberry.type(description="The result of deleting a template.")
class DeleteCustomerTemplatePayload(MutationPayload):
    deleted_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="The id of the deleted template; null in a dry run and after an error.",
    )
    customer_template: CustomerTemplate | None = strawberry.field(
        default=None,
        description="After the error VERSION_CONFLICT, the template as stored; otherwise null.",
    )


@strawberry.input(description="The platform's default class to set for new customers.")
class SavePlatformDefaultsInput:
    customer_class_id: strawberry.ID | None = strawberry.field(
        name="classId",
        description="The id of an active class for customers that are created without a class; null"
        " for no default, so that such customers are refused.",
    )
    expected_version: int | None = expected_version("defaults")
    dry_run: bool | None = dry_run()


@strawberry.type(description="The result of saving the platform's defaults.")
class SavePlatformDefaultsPayload(MutationPayload):
    platform_defaults: PlatformDefaults | None = strawberry.field(
        default=None,
        description="The saved defaults. After the error VERSION_CONFLICT, the defaults as stored;"
        " null after other errors.",
    )
