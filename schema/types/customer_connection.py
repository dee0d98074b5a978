"""The GraphQL type of pages of customers."""

import strawberry

from schema.base.connection import BoundedConnection
from schema.types.customer import Customer


@strawberry.type(description="A page of customers, in the form of a Relay connection.")
class CustomerConnection(BoundedConnection[Customer]):
    """A named class, because customer classes refer to it with `strawberry.lazy`."""

    # Repeated from the base class: projections need the concrete type, not a type variable.
    nodes: list[Customer] = strawberry.field(description="The customers of the page.")
