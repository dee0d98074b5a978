"""Root fields about customers."""

import strawberry

from models.tables.access import Scope
from resolvers import customer as customer_resolvers
from schema.base.operation import operation
from schema.base.permissions import Requires
from schema.types.bulk_changes import SaveCustomersPayload
from schema.types.customer import Customer
from schema.types.customer_changes import (
    ChangeCustomerClassPayload,
    DeleteCustomerPayload,
    SaveCustomerPayload,
)
from schema.types.customer_connection import CustomerConnection


@strawberry.type
class CustomerQuery:
    customer: Customer | None = operation(
        customer_resolvers.customer,
        Requires(Scope.CUSTOMERS_READ),
        "One customer by id, account number or external reference; null if there is none, or if it"
        " was deleted.",
    )
    customers: CustomerConnection | None = operation(
        customer_resolvers.customers,
        Requires(Scope.CUSTOMERS_READ),
        "Customers, filtered and sorted; deleted ones are left out. A cursor is valid only with the"
        " `sort` that it was read with.",
    )


@strawberry.type
class CustomerMutation:
    save_customer: SaveCustomerPayload | None = operation(
        customer_resolvers.save_customer,
        Requires(Scope.CUSTOMERS_WRITE),
        "Create a customer (without `id`) or change the sent fields of one (with `id`). If its"
        " class is checked at Companies House, this also starts a lookup in the background.",
    )
    save_customers: SaveCustomersPayload | None = operation(
        customer_resolvers.save_many_customers,
        Requires(Scope.CUSTOMERS_WRITE),
        "Create or change up to 200 customers, each with contacts, in one transaction. Lookups come"
        " after those of single saves.",
    )
    change_customer_class: ChangeCustomerClassPayload | None = operation(
        customer_resolvers.change_customer_class,
        Requires(Scope.CUSTOMERS_WRITE),
        "Move a customer to another active class, with a reason. `advisories` in the result lists"
        " matters that staff should review afterwards, such as the customer's consent.",
    )
    delete_customer: DeleteCustomerPayload | None = operation(
        customer_resolvers.delete_customer,
        Requires(Scope.CUSTOMERS_WRITE),
        "Delete a customer. Personal data of the customer and of its contacts is erased for good,"
        " including the reasons given for changes; what was done, when and by whom stays on"
        " record.",
    )
