"""Pages of what administers access: users, groups and tokens."""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

import strawberry

from schema.base.pagination import PageArguments, PageInfo, encode_cursor, page_info

Item = TypeVar("Item")


@strawberry.type(description="One of a list, with its cursor.")
class Edge(Generic[Item]):
    """An edge."""

    cursor: str = strawberry.field(description="Its place in the list.")
    node: Item = strawberry.field(description="What is there.")


@strawberry.type(description="A page of a list.")
class Connection(Generic[Item]):
    """A connection; what costs something is made only when it is selected."""

    nodes: list[Item] = strawberry.field(description="What is on the page.")
    key_of: strawberry.Private[Callable[[Any], tuple[Any, ...]]]
    arguments: strawberry.Private[PageArguments]
    has_more: strawberry.Private[bool]
    counted: strawberry.Private[int | None]
    """How many there are; null if nobody asked."""

    @strawberry.field(description="The same with their cursors.")
    def edges(self) -> list[Edge[Item]]:
        """Give each its cursor."""
        return [Edge(cursor=self._cursor(node), node=node) for node in self.nodes]

    @strawberry.field(description="Where the page lies in the list.")
    def page_info(self) -> PageInfo:
        """Give the first and the last cursor."""
        ends = [self._cursor(self.nodes[place]) for place in (0, -1)] if self.nodes else []
        return page_info(ends, self.arguments, has_more=self.has_more)

    @strawberry.field(description="How many are in the whole list; counted only when asked for.")
    def total_count(self) -> int:
        """Give the count."""
        assert self.counted is not None  # noqa: S101  # somebody asks
        return self.counted

    def _cursor(self, node: Any) -> str:
        list_name, *key = self.key_of(node)
        return encode_cursor(list_name, tuple(key))
