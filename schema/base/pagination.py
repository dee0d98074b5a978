"""Pages of lists, as Relay defines them: cursors, page sizes, and page information."""

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import orjson
import strawberry

from schema.base.errors import ErrorCode, RequestRefused

DEFAULT_PAGE = 50
MAX_PAGE = 500
CONNECTION = (("nodes",), ("edges", "node"))
"""The two paths of field names from a connection to its nodes."""

ROWS = {"nodes", "edges", "pageInfo"}
"""If one of these fields of a connection is selected, the rows of the page must be read."""

CURSORS = {"edges", "pageInfo"}
"""If one of these fields of a connection is selected, the columns for cursors must be read."""

COUNTS = {"totalCount", "isTotalCountExact"}
"""If one of these fields of a connection is selected, the list must be counted."""

INVALID_CURSOR = "The cursor is not valid. Use a cursor from a page of this list."

First = Annotated[
    int | None,
    strawberry.argument(
        description="The maximum number of items to list, from the start of the list or after the"
        " cursor `after`: 0 to 500, by default 50."
    ),
]
After = Annotated[
    str | None,
    strawberry.argument(
        description="The cursor after which the page starts: the `endCursor` of the previous page,"
        " or null for the first page."
    ),
]
Last = Annotated[
    int | None,
    strawberry.argument(
        description="To read the list backwards: the maximum number of items to list, before the"
        " end of the list or before the cursor `before`, 0 to 500. Not together with `first`."
    ),
]
Before = Annotated[
    str | None,
    strawberry.argument(
        description="With `last`: the cursor before which the page ends, which is the `startCursor`"
        " of the following page, or null for the last page."
    ),
]
"""`first`, `after`, `last` and `before`: the arguments of lists that can be read backwards too."""


@strawberry.type(description="The position of a page in its list.")
class PageInfo:
    has_next_page: bool = strawberry.field(
        description="Whether the list has items after this page."
    )
    has_previous_page: bool = strawberry.field(
        description="Whether the list has items before this page."
    )
    start_cursor: str | None = strawberry.field(
        description="The cursor of the first item of the page; null if the page is empty."
    )
    end_cursor: str | None = strawberry.field(
        description="The cursor of the last item of the page; null if the page is empty."
    )


@dataclass(frozen=True, slots=True)
class PageArguments:
    """The arguments of a page after they were checked.

    `beyond` is the sort key of a row, taken from a cursor: the page starts after that row, or ends
    before it if `is_backward`. None means that the page starts at the start of the list, or ends at
    its end if `is_backward`. `size` is the maximum number of rows.
    """

    list_name: str
    size: int
    is_backward: bool
    beyond: tuple[Any, ...] | None


def page_info(cursors: list[str], arguments: PageArguments, *, has_more: bool) -> PageInfo:
    """Return Relay's `PageInfo` for a page whose rows have these cursors.

    `has_more` says whether there are more rows beyond the page, in the direction of reading. In the
    opposite direction there are more rows if, and only if, the page began at a cursor.
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
    parse: Callable[[Any], tuple[Any, ...]] | None = None,
    read: Callable[[str], tuple[Any, ...]] | None = None,
    first: int | None = None,
    after: str | None = None,
    last: int | None = None,
    before: str | None = None,
) -> PageArguments:
    """Check the arguments of a page (`first`, `after`, `last`, `before`), and decode the cursor.

    A cursor contains the sort key of a row in the list called `list_name`; `key_types` are the
    types of the key's values. `parse` converts these to values of the columns, and raises
    ValueError if the cursor is forged. `read` reads cursors of another form. Raises RequestRefused
    if the arguments contradict each other, the size is out of range, or the cursor is not valid for
    this list.
    """
    if first is not None and last is not None:
        raise _bad("Use `first` or `last`, not both.")
    if after is not None and before is not None:
        raise _bad("Use `after` or `before`, not both.")
    is_backward = last is not None
    if (before if not is_backward else after) is not None:
        raise _bad("Use `after` with `first`, and `before` with `last`.")
    size = last if last is not None else first
    size = DEFAULT_PAGE if size is None else size
    if not 0 <= size <= MAX_PAGE:
        raise _bad(f"`{'last' if is_backward else 'first'}` must be between 0 and {MAX_PAGE}.")
    cursor = before if is_backward else after
    beyond = None
    if cursor is not None:
        beyond = read(cursor) if read is not None else _decode(list_name, key_types, cursor)
    if beyond is not None and parse is not None:
        try:
            beyond = parse(beyond)
        except ValueError:
            raise _bad(INVALID_CURSOR) from None
    return PageArguments(list_name, size, is_backward, beyond)


def encode_cursor(list_name: str, key: tuple[Any, ...]) -> str:
    """Return the cursor of the row with the sort key `key` in the list called `list_name`."""
    return base64.urlsafe_b64encode(orjson.dumps([list_name, *key])).decode().rstrip("=")


def _decode(list_name: str, key_types: tuple[type, ...], cursor: str) -> tuple[Any, ...]:
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        name, *key = orjson.loads(base64.urlsafe_b64decode(padded))
    except (ValueError, TypeError, binascii.Error):
        raise _bad(INVALID_CURSOR) from None
    has_types = len(key) == len(key_types) and all(
        type(part) is wanted and _is_storable(part)
        for part, wanted in zip(key, key_types, strict=True)
    )
    if name != list_name or not has_types:
        raise _bad("The cursor belongs to another list, or to the same list in another order.")
    return tuple(key)


def _is_storable(part: Any) -> bool:
    """Return whether a value from a cursor fits a column, as forged ones must not get into SQL."""
    if isinstance(part, int):
        return -(2**31) <= part < 2**31
    return "\x00" not in part


def _bad(message: str) -> RequestRefused:
    return RequestRefused(ErrorCode.BAD_USER_INPUT, message)
