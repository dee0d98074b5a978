"""Generic Relay connections and edges, which the lists of all types share."""

from collections.abc import Callable, Iterable
from typing import Any, Generic, TypeVar

import strawberry

from models.lists.customer_list import MAX_COUNT
from schema.base.pagination import PageArguments, PageInfo, encode_cursor, page_info

Item = TypeVar("Item")


class PagesPerKey:
    """Distributes the rows of a batched connection to the pages of its parents, by parent id.

    The rows come in reading order, at most one more for each parent than its page has room for.
    """

    def __init__(
        self, keys: Iterable[str], key_of: Callable[[Any], str], arguments: PageArguments
    ) -> None:
        self._pages: dict[str, list[Any]] = {key: [] for key in keys}
        self._key_of, self._arguments = key_of, arguments
        self.with_more: set[str] = set()
        """The keys of parents whose lists have more rows beyond the page."""

    def keep(self, found: Iterable[Any]) -> list[Any]:
        """Add rows to their pages, and return those that are on a page."""
        kept = []
        for row in found:
            key = self._key_of(row)
            if len(self._pages[key]) < self._arguments.size:
                self._pages[key].append(row)
                kept.append(row)
            else:
                self.with_more.add(key)
        return kept

    def of(self, key: str) -> list[Any]:
        """Return the page of a parent, in list order."""
        page = self._pages[key]
        return page[::-1] if self._arguments.is_backward else page


@strawberry.type(description="An item of a list, with its cursor.")
class Edge(Generic[Item]):
    """An item of a page, with its cursor; Strawberry names the type `CustomerEdge`, for example."""

    cursor: str = strawberry.field(
        description="The cursor of the item; pass it as `after` to list the items that follow, or"
        " as `before` to list those that precede."
    )
    node: Item = strawberry.field(description="The object that the cursor belongs to.")


@strawberry.type(
    name="Connection", description="A page of a list, in the form of a Relay connection."
)
class Page(Generic[Item]):
    """A page of a list, without the list's count; edges are created only if they are selected."""

    nodes: list[Item] = strawberry.field(description="The items of the page, in list order.")
    key_of: strawberry.Private[Callable[[Any], tuple[Any, ...]]]
    """Returns the sort key of an item, from which the item's cursor is made."""
    arguments: strawberry.Private[PageArguments]
    has_more: strawberry.Private[bool]
    """Whether the list has more items beyond the page, in the direction of reading."""

    @strawberry.field(description="The items of the page, each with its cursor.")
    def edges(self) -> list[Edge[Item]]:
        return [Edge(cursor=self._cursor(node), node=node) for node in self.nodes]

    @strawberry.field(
        description="The position of the page in the list, and the cursors of its first and last"
        " item."
    )
    def page_info(self) -> PageInfo:
        ends = [self._cursor(self.nodes[place]) for place in (0, -1)] if self.nodes else []
        return page_info(ends, self.arguments, has_more=self.has_more)

    def _cursor(self, node: Item) -> str:
        return encode_cursor(self.arguments.list_name, self.key_of(node))


@strawberry.type(
    name="Connection", description="A page of a list, in the form of a Relay connection."
)
class CountedConnection(Page[Item]):
    """A page of a list that is short enough to be counted in full."""

    counted: strawberry.Private[int | None]
    """The number of items in the list; None if no count is selected."""

    @strawberry.field(
        description="The number of items in the whole list, after filtering; counted only when this"
        " field is selected."
    )
    def total_count(self) -> int:
        return self._count()

    def _count(self) -> int:
        assert self.counted is not None  # noqa: S101  # the document selects a count
        return self.counted


@strawberry.type(
    name="Connection", description="A page of a list, in the form of a Relay connection."
)
class BoundedConnection(CountedConnection[Item]):
    """A page of a list that is counted up to a limit: `counted` is at most MAX_COUNT + 1."""

    @strawberry.field(
        description="The number of items in the whole list, after filtering. If there are more than"
        " 10,000, this is 10,000 and `isTotalCountExact` is false. Counted only when this field is"
        " selected."
    )
    def total_count(self) -> int:
        return min(self._count(), MAX_COUNT)

    @strawberry.field(
        description="Whether `totalCount` is the exact number; false if there are more than 10,000"
        " items."
    )
    def is_total_count_exact(self) -> bool:
        return self._count() <= MAX_COUNT
