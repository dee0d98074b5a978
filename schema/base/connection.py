"""Generic Relay connections and edges, which the lists of all types share."""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

import strawberry

from models.lists.customer_list import MAX_COUNT
from schema.base.pagination import PageArguments, PageInfo, encode_cursor, page_info

Item = TypeVar("Item")


@strawberry.type(description="An item of a list, with its cursor.")
class Edge(Generic[Item]):
    """Strawberry names this type after its item: `CustomerEdge` for a `Customer`."""

    cursor: str = strawberry.field(
        description="The cursor of the item; pass it as `after` or `before` to read the items next"
        " to it."
    )
    node: Item = strawberry.field(description="The item.")


@strawberry.type(name="Connection", description="A page of a list.")
class Page(Generic[Item]):
    """A page without the count of the whole list; edges are created only if selected."""

    nodes: list[Item] = strawberry.field(description="The items of the page, in list order.")
    key_of: strawberry.Private[Callable[[Any], tuple[Any, ...]]]
    """Returns the sort key of an item, from which its cursor is made."""
    arguments: strawberry.Private[PageArguments]
    has_more: strawberry.Private[bool]
    """Whether the list has more items beyond the page, in the direction of reading."""

    @strawberry.field(description="The same items, each with its cursor.")
    def edges(self) -> list[Edge[Item]]:
        return [Edge(cursor=self._cursor(node), node=node) for node in self.nodes]

    @strawberry.field(
        description="The position of the page in the list, and its first and last cursor."
    )
    def page_info(self) -> PageInfo:
        ends = [self._cursor(self.nodes[place]) for place in (0, -1)] if self.nodes else []
        return page_info(ends, self.arguments, has_more=self.has_more)

    def _cursor(self, node: Item) -> str:
        return encode_cursor(self.arguments.list_name, self.key_of(node))


@strawberry.type(name="Connection", description="A page of a list.")
class CountedConnection(Page[Item]):
    """A page of a list that is short enough to be counted in full."""

    counted: strawberry.Private[int | None]
    """The number of items in the list; None if the document does not select a count."""

    @strawberry.field(
        description="The number of items in the whole list, after filtering; counted only when this"
        " field is selected."
    )
    def total_count(self) -> int:
        return self._count()

    def _count(self) -> int:
        assert self.counted is not None  # noqa: S101  # the document selects a count
        return self.counted


@strawberry.type(name="Connection", description="A page of a list.")
class BoundedConnection(CountedConnection[Item]):
    """A page of a list that is counted up to a limit: `counted` is at most MAX_COUNT + 1."""

    @strawberry.field(
        description="The number of items in the whole list, after filtering, at most 10,000;"
        " counted only when this field is selected."
    )
    def total_count(self) -> int:
        return min(self._count(), MAX_COUNT)

    @strawberry.field(
        description="Whether `totalCount` is the exact number; false if there are more than 10,000"
        " items."
    )
    def total_count_is_exact(self) -> bool:
        return self._count() <= MAX_COUNT
