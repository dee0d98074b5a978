"""Relay connections, written once for the lists of all types."""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

import strawberry

from models.lists.customer_list import MAX_COUNT
from schema.base.pagination import PageArguments, PageInfo, encode_cursor, page_info

Item = TypeVar("Item")


@strawberry.type(description="One object of a list, with its cursor.")
class Edge(Generic[Item]):
    """Named `CustomerEdge` in a list of customers."""

    cursor: str = strawberry.field(
        description="The object's place in the list, for `after` or `before`."
    )
    node: Item = strawberry.field(description="The object.")


@strawberry.type(name="Connection", description="One page of a list.")
class Page(Generic[Item]):
    """The page itself, without a count of the list; its edges are made only when selected."""

    nodes: list[Item] = strawberry.field(description="The objects on the page, in list order.")
    key_of: strawberry.Private[Callable[[Any], tuple[Any, ...]]]
    """Returns the place of an object in its list."""
    arguments: strawberry.Private[PageArguments]
    has_more: strawberry.Private[bool]
    """Whether more follow in the direction read."""

    @strawberry.field(description="The objects on the page, each with its cursor.")
    def edges(self) -> list[Edge[Item]]:
        return [Edge(cursor=self._cursor(node), node=node) for node in self.nodes]

    @strawberry.field(description="The page's place in the list, for reading on from it.")
    def page_info(self) -> PageInfo:
        ends = [self._cursor(self.nodes[place]) for place in (0, -1)] if self.nodes else []
        return page_info(ends, self.arguments, has_more=self.has_more)

    def _cursor(self, node: Item) -> str:
        return encode_cursor(self.arguments.list_name, self.key_of(node))


@strawberry.type(name="Connection", description="One page of a list.")
class CountedConnection(Page[Item]):
    """A page of a list that can be counted in full."""

    counted: strawberry.Private[int | None]
    """The length of the list; None if the document does not select it."""

    @strawberry.field(
        description="The number of objects in the whole list, not only on this page. It costs a"
        " query of its own, so select it only where you need it."
    )
    def total_count(self) -> int:
        return self._count()

    def _count(self) -> int:
        assert self.counted is not None  # noqa: S101  # the document selects a count
        return self.counted


@strawberry.type(name="Connection", description="One page of a list.")
class BoundedConnection(CountedConnection[Item]):
    """A page of a long list: `counted` is at most MAX_COUNT + 1."""

    @strawberry.field(
        description="The number of objects in the whole list, not only on this page; 10,000 if"
        " there are more (see `totalCountIsExact`). It costs a query of its own, so select it only"
        " where you need it."
    )
    def total_count(self) -> int:
        return min(self._count(), MAX_COUNT)

    @strawberry.field(
        description="Whether `totalCount` is the exact number; false if the list has more than"
        " 10,000 objects."
    )
    def total_count_is_exact(self) -> bool:
        return self._count() <= MAX_COUNT
