"""Pages of customers."""

from collections.abc import Callable
from typing import Any

import strawberry

from models.lists.customer_list import MAX_COUNT
from schema.base.pagination import PageArguments, PageInfo, encode_cursor, page_info
from schema.types.customer import Customer


@strawberry.type(description="One customer in a list, with its cursor.")
class CustomerEdge:
    """An edge."""

    cursor: str = strawberry.field(description="The place of this customer in the list.")
    node: Customer = strawberry.field(description="The customer.")


@strawberry.type(description="A page of customers.")
class CustomerConnection:
    """A connection; what costs something is made only when it is selected."""

    nodes: list[Customer] = strawberry.field(description="The customers of the page.")
    key_of: strawberry.Private[Callable[[Customer], tuple[Any, ...]]]
    arguments: strawberry.Private[PageArguments]
    has_more: strawberry.Private[bool]
    counted: strawberry.Private[int | None]
    """The number of items, up to MAX_COUNT + 1; None if no field needs it."""

    @strawberry.field(description="The same customers with their cursors.")
    def edges(self) -> list[CustomerEdge]:
        """Give each customer its cursor."""
        return [CustomerEdge(cursor=self._cursor(node), node=node) for node in self.nodes]

    @strawberry.field(description="Where the page lies in the list.")
    def page_info(self) -> PageInfo:
        """Give the first and the last cursor."""
        ends = [self._cursor(self.nodes[place]) for place in (0, -1)] if self.nodes else []
        return page_info(ends, self.arguments, has_more=self.has_more)

    @strawberry.field(
        description="Customers in the whole list, 10,000 at most; counted only when asked for."
    )
    def total_count(self) -> int:
        """Give the count."""
        assert self.counted is not None  # noqa: S101  # the field is selected
        return min(self.counted, MAX_COUNT)

    @strawberry.field(description="Whether totalCount is all of them: false above 10,000.")
    def total_count_is_exact(self) -> bool:
        """Tell whether there are no more."""
        assert self.counted is not None  # noqa: S101  # the field is selected
        return self.counted <= MAX_COUNT

    def _cursor(self, node: Customer) -> str:
        list_name, *key = self.key_of(node)
        return encode_cursor(list_name, tuple(key))
