"""Root fields about customer classes, customer templates and the platform's defaults."""

import strawberry

from models.tables.access import Scope
from resolvers import customer_class as customer_class_resolvers
from resolvers import customer_template as customer_template_resolvers
from schema.base.connection import CountedConnection
from schema.base.operation import operation
from schema.base.permissions import Requires
from schema.types.customer_class import CustomerClass
from schema.types.customer_class_changes import (
    DeleteCustomerClassPayload,
    ReactivateCustomerClassPayload,
    RetireCustomerClassPayload,
    SaveCustomerClassPayload,
)
from schema.types.customer_template import (
    CustomerTemplate,
    DeleteCustomerTemplatePayload,
    PlatformDefaults,
    SaveCustomerTemplatePayload,
    SavePlatformDefaultsPayload,
)


@strawberry.type
class CustomerClassQuery:
    customer_class: CustomerClass | None = operation(
        customer_class_resolvers.customer_class,
        Requires(Scope.CUSTOMER_CLASSES_READ),
        "One customer class by id or code, active or retired; null if there is none.",
    )
    customer_classes: CountedConnection[CustomerClass] | None = operation(
        customer_class_resolvers.customer_classes,
        Requires(Scope.CUSTOMER_CLASSES_READ, Scope.CUSTOMERS_READ),
        "Customer classes by display position, then by name. If you have only `customers:read`, you"
        " see the classes that a customer can be put into.",
    )
    customer_templates: list[CustomerTemplate] | None = operation(
        customer_template_resolvers.customer_templates,
        Requires(Scope.CUSTOMER_CLASSES_READ, Scope.CUSTOMERS_READ),
        "All templates for new customers, by name.",
    )
    platform_defaults: PlatformDefaults | None = operation(
        customer_template_resolvers.platform_defaults,
        Requires(Scope.CUSTOMER_CLASSES_READ, Scope.CUSTOMERS_READ),
        "The platform's defaults for new customers, such as their class.",
    )


@strawberry.type
class CustomerClassMutation:
    save_customer_class: SaveCustomerClassPayload | None = operation(
        customer_class_resolvers.save_customer_class,
        Requires(Scope.CUSTOMER_CLASSES_WRITE),
        "Create a class (without `id`) or change the sent fields of one (with `id`). To change the"
        " name or the flags of a class that came with the platform, send `overrideReason`, which"
        " needs `customer_classes:administer`.",
    )
    retire_customer_class: RetireCustomerClassPayload | None = operation(
        customer_class_resolvers.retire_customer_class,
        Requires(Scope.CUSTOMER_CLASSES_WRITE),
        "Retire a class, so that no customer can be put into it. Its customers move to the"
        " replacement, and so do the templates and the platform default that name it; without a"
        " replacement these name no class any more.",
    )
    reactivate_customer_class: ReactivateCustomerClassPayload | None = operation(
        customer_class_resolvers.reactivate_customer_class,
        Requires(Scope.CUSTOMER_CLASSES_WRITE),
        "Make a retired class active again, so that customers can be put into it.",
    )
    delete_customer_class: DeleteCustomerClassPayload | None = operation(
        customer_class_resolvers.delete_customer_class,
        Requires(Scope.CUSTOMER_CLASSES_ADMINISTER),
        "Delete a class that no customer was ever in. A class that was used can only be retired.",
    )
    save_customer_template: SaveCustomerTemplatePayload | None = operation(
        customer_template_resolvers.save_customer_template,
        Requires(Scope.CUSTOMER_CLASSES_WRITE),
        "Create a template for new customers (without `id`) or change the sent fields of one (with"
        " `id`).",
    )
    delete_customer_template: DeleteCustomerTemplatePayload | None = operation(
        customer_template_resolvers.delete_customer_template,
        Requires(Scope.CUSTOMER_CLASSES_WRITE),
        "Delete a template. Customers that were created from it stay as they are.",
    )
    save_platform_defaults: SavePlatformDefaultsPayload | None = operation(
        customer_template_resolvers.save_platform_defaults,
        Requires(Scope.CUSTOMER_CLASSES_WRITE),
        "Set the class of customers that are created without one. Null removes the default: such"
        " customers are then refused.",
    )
