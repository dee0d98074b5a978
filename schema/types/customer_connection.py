"""Pages of customers."""

from collections.abc import Callable
from typing import Any

import strawberry

from models.lists.customer_list import MAX_COUNT
from schema.base.pagination import PageArguments, PageInfo, encode_cursor, page_info
from schema.types.customer import Customer


@strawberry.type(description="A customer of a list, with its cursor.")
class CustomerEdge:
    cursor: str = strawberry.field(
        description="The cursor of the customer; pass it as `after` or `before` to read the"
        " customers next to it."
    )
    node: Customer = strawberry.field(description="The customer.")


@strawberry.type(description="A page of customers.")
class CustomerConnection:
    """Pages compute edges, page information and counts only when they are selected."""

    nodes: list[Customer] = strawberry.field(description="The customers of the page.")
    key_of: strawberry.Private[Callable[[Customer], tuple[Any, ...]]]
    arguments: strawberry.Private[PageArguments]
    has_more: strawberry.Private[bool]
    counted: strawberry.Private[int | None]
    """The number of items, up to MAX_COUNT + 1; None if no field needs it."""

    @strawberry.field(description="The same customers, each with its cursor.")
    def edges(self) -> list[CustomerEdge]:
        return [CustomerEdge(cursor=self._cursor(node), node=node) for node in self.nodes]

    @strawberry.field(
        description="The position of the page in the list, and its first and last cursor."
    )
    def page_info(self) -> PageInfo:
        ends = [self._cursor(self.nodes[place]) for place in (0, -1)] if self.nodes else []
        return page_info(ends, self.arguments, has_more=self.has_more)

    @strawberry.field(
        description="The number of customers in the whole list, at most 10,000; counted only when"
        " this field is selected."
    )
    def total_count(self) -> int:
        assert self.counted is not None  # noqa: S101  # the field is selected
        return min(self.counted, MAX_COUNT)

    @strawberry.field(
        description="Whether `totalCount` is the exact number; false if there are more than 10,000"
        " customers."
    )
    def total_count_is_exact(self) -> bool:
        assert self.counted is not None  # noqa: S101  # the field is selected
        return self.counted <= MAX_COUNT

    def _cursor(self, node: Customer) -> str:
        list_name, *key = self.key_of(node)
        return encode_cursor(list_name, tuple(key))
