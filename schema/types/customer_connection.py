"""Pages of customers."""

import strawberry

from schema.base.connection import BoundedConnection
from schema.types.customer import Customer


@strawberry.type(description="A page of customers.")
class CustomerConnection(BoundedConnection[Customer]):
    """A class of its own, because customer classes refer to it lazily."""

    # Projections read the type of batched nodes from the class, which a type variable hides.
    nodes: list[Customer] = strawberry.field(description="The customers of the page.")
