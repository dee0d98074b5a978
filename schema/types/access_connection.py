"""Pages of users, user groups and access tokens."""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

import strawberry

from schema.base.pagination import PageArguments, PageInfo, encode_cursor, page_info

Item = TypeVar("Item")


@strawberry.type(description="An item of a list, with its cursor.")
class Edge(Generic[Item]):
    cursor: str = strawberry.field(
        description="The cursor of the item; pass it as `after` to read the items behind it."
    )
    node: Item = strawberry.field(description="The item.")


@strawberry.type(description="A page of a list.")
class Connection(Generic[Item]):
    """Pages compute edges, page information and counts only when they are selected."""

    nodes: list[Item] = strawberry.field(description="The items of the page.")
    key_of: strawberry.Private[Callable[[Any], tuple[Any, ...]]]
    arguments: strawberry.Private[PageArguments]
    has_more: strawberry.Private[bool]
    counted: strawberry.Private[int | None]
    """The number of items in the list; None if no field needs it."""

    @strawberry.field(description="The same items, each with its cursor.")
    def edges(self) -> list[Edge[Item]]:
        return [Edge(cursor=self._cursor(node), node=node) for node in self.nodes]

    @strawberry.field(
        description="The position of the page in the list, and its first and last cursor."
    )
    def page_info(self) -> PageInfo:
        ends = [self._cursor(self.nodes[place]) for place in (0, -1)] if self.nodes else []
        return page_info(ends, self.arguments, has_more=self.has_more)

    @strawberry.field(
        description="The number of items in the whole list, after filtering; counted only when"
        " this field is selected."
    )
    def total_count(self) -> int:
        assert self.counted is not None  # noqa: S101  # the field is selected
        return self.counted

    def _cursor(self, node: Any) -> str:
        list_name, *key = self.key_of(node)
        return encode_cursor(list_name, tuple(key))
