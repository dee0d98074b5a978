"""Relay pages: cursors, bounds, and page information."""

import base64
import binascii
from dataclasses import dataclass
from typing import Annotated, Any

import orjson
import strawberry

from schema.base.errors import ErrorCode, RequestRefused

DEFAULT_PAGE = 50
MAX_PAGE = 500
CONNECTION = (("nodes",), ("edges", "node"))
"""The paths that lead from a connection to what it holds."""

ROWS = {"nodes", "edges", "pageInfo"}
"""The fields of a connection that want the rows of the page."""

CURSORS = {"edges", "pageInfo"}
"""The fields of a connection that want to know where in the list its rows are."""

COUNTS = {"totalCount", "totalCountIsExact"}
"""The fields of a connection that want a count."""

First = Annotated[
    int | None, strawberry.argument(description="How many at most: 50, or up to 500.")
]
After = Annotated[str | None, strawberry.argument(description="With first: the endCursor before.")]
Last = Annotated[
    int | None, strawberry.argument(description="How many at most, read from the end.")
]
Before = Annotated[str | None, strawberry.argument(description="With last: the startCursor after.")]
"""The arguments of lists that are read in both directions."""


@strawberry.type(description="Where a page lies in its list.")
class PageInfo:
    """Relay's page information."""

    has_next_page: bool = strawberry.field(description="Whether more follows this page.")
    has_previous_page: bool = strawberry.field(description="Whether something precedes this page.")
    start_cursor: str | None = strawberry.field(description="The cursor of the first edge.")
    end_cursor: str | None = strawberry.field(description="The cursor of the last edge.")


@dataclass(frozen=True, slots=True)
class PageArguments:
    """A checked request for a page: its size, its direction, and the key it starts beyond."""

    size: int
    is_backward: bool
    beyond: tuple[Any, ...] | None


def page_info(cursors: list[str], arguments: PageArguments, *, has_more: bool) -> PageInfo:
    """Give the page information that Relay's specification asks for.

    `has_more` is about the direction read; that something lies on the other side is known when
    the page began beyond a cursor.
    """
    is_inside = arguments.beyond is not None
    backward = arguments.is_backward
    return PageInfo(
        has_next_page=is_inside if backward else has_more,
        has_previous_page=has_more if backward else is_inside,
        start_cursor=cursors[0] if cursors else None,
        end_cursor=cursors[-1] if cursors else None,
    )


def page_arguments(
    list_name: str,
    key_types: tuple[type, ...],
    *,
    first: int | None = None,
    after: str | None = None,
    last: int | None = None,
    before: str | None = None,
) -> PageArguments:
    """Check Relay's arguments; refuse what contradicts itself or is out of bounds."""
    if first is not None and last is not None:
        raise _bad("Give first or last, not both.")
    if after is not None and before is not None:
        raise _bad("Give after or before, not both.")
    is_backward = last is not None
    if (before if not is_backward else after) is not None:
        raise _bad("after goes with first, before goes with last.")
    size = last if last is not None else first
    size = DEFAULT_PAGE if size is None else size
    if not 0 <= size <= MAX_PAGE:
        raise _bad(f"A page has 0 to {MAX_PAGE} entries.")
    cursor = before if is_backward else after
    beyond = None if cursor is None else _decode(list_name, key_types, cursor)
    return PageArguments(size, is_backward, beyond)


def encode_cursor(list_name: str, key: tuple[Any, ...]) -> str:
    """Make the cursor of a row from the list's name and the row's place in it."""
    return base64.urlsafe_b64encode(orjson.dumps([list_name, *key])).decode().rstrip("=")


def _decode(list_name: str, key_types: tuple[type, ...], cursor: str) -> tuple[Any, ...]:
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        name, *key = orjson.loads(base64.urlsafe_b64decode(padded))
    except (ValueError, TypeError, binascii.Error):
        raise _bad("That cursor is not one of ours.") from None
    has_types = len(key) == len(key_types) and all(
        type(part) is wanted and _is_storable(part)
        for part, wanted in zip(key, key_types, strict=True)
    )
    if name != list_name or not has_types:
        raise _bad("That cursor belongs to another list, or to another order.")
    return tuple(key)


def _is_storable(part: Any) -> bool:
    """Tell whether a part of a key could come from a row: a forged one must not reach SQL."""
    if isinstance(part, int):
        return -(2**31) <= part < 2**31
    return "\x00" not in part


def _bad(message: str) -> RequestRefused:
    return RequestRefused(ErrorCode.BAD_USER_INPUT, message)
