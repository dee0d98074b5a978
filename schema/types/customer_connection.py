"""Pages of customers."""

import strawberry

from schema.base.connection import BoundedConnection
from schema.types.customer import Customer


@strawberry.type(description="One page of a list of customers.")
class CustomerConnection(BoundedConnection[Customer]):
    """Has a module of its own because classes refer to it lazily."""
