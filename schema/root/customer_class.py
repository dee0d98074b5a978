"""Root fields about customer classes, customer templates and the platform's defaults."""

import strawberry

from models.tables.access import Scope
from resolvers import customer_class as customer_class_resolvers
from resolvers import customer_template as customer_template_resolvers
from resolvers import node as node_resolvers
from schema.base.connection import CountedConnection
from schema.base.operation import operation
from schema.base.permissions import Requires
from schema.types.customer_class import PICKS_CLASSES, CustomerClass
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
        PICKS_CLASSES,
        "Customer classes by display position, then by name. If you have `customers:read` without"
        " `customer_classes:read`, you see only the classes that a customer can be put into.",
    )
    customer_templates: CountedConnection[CustomerTemplate] | None = operation(
        customer_template_resolvers.customer_templates,
        PICKS_CLASSES,
        "Templates for new customers.",
    )
    customer_template: CustomerTemplate | None = operation(
        node_resolvers.customer_template,
        PICKS_CLASSES,
        "One template for new customers by its id; null if there is none that you may see.",
    )
    platform_defaults: PlatformDefaults | None = operation(
        customer_template_resolvers.platform_defaults,
        PICKS_CLASSES,
        "The platform's defaults for new customers, such as their class.",
    )


@strawberry.type
class CustomerClassMutation:
    save_customer_class: SaveCustomerClassPayload | None = operation(
        customer_class_resolvers.save_customer_class,
        Requires(Scope.CUSTOMER_CLASSES_WRITE),
        "Create a customer class (without `id`) or change the sent fields of one (with `id`). To"
        " change the name or the flags of a class that came with the platform, send"
        " `overrideReason`, which needs `customer_classes:administer`.",
    )
    retire_customer_class: RetireCustomerClassPayload | None = operation(
        customer_class_resolvers.retire_customer_class,
        Requires(Scope.CUSTOMER_CLASSES_WRITE),
        "Retire a customer class, so that no customer can be put into it. Its customers move to the"
        " replacement. Templates and the platform's default that name the class then name the"
        " replacement, or no class if there is none.",
    )
    reactivate_customer_class: ReactivateCustomerClassPayload | None = operation(
        customer_class_resolvers.reactivate_customer_class,
        Requires(Scope.CUSTOMER_CLASSES_WRITE),
        "Make a retired customer class active again, so that customers can be put into it.",
    )
    delete_customer_class: DeleteCustomerClassPayload | None = operation(
        customer_class_resolvers.delete_customer_class,
        Requires(Scope.CUSTOMER_CLASSES_ADMINISTER),
        "Delete a customer class that no customer was ever in. A class that was used can only be"
        " retired.",
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
        "Set the platform's default class: the class of customers that are created without one."
        " Null removes the default: such customers are then refused.",
    )
