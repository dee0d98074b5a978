"""Arguments, cursors and page information of Relay connections."""

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
"""The paths from a connection to its objects."""

ROWS = {"nodes", "edges", "pageInfo"}
"""The fields of a connection that need the rows of the page."""

CURSORS = {"edges", "pageInfo"}
"""The fields of a connection that need the cursors of its rows."""

COUNTS = {"totalCount", "totalCountIsExact"}
"""The fields of a connection that need the length of the list."""

NO_CURSOR = "This is not a cursor of this service. Use the `endCursor` or `startCursor` of a page."

First = Annotated[
    int | None,
    strawberry.argument(
        description="The number of objects to return, counted from the start of the list or from"
        " `after`: 0 to 500, 50 by default."
    ),
]
After = Annotated[
    str | None,
    strawberry.argument(
        description="Return the objects after this cursor, such as the `endCursor` of the page"
        " before. Null begins at the start of the list."
    ),
]
Last = Annotated[
    int | None,
    strawberry.argument(
        description="The number of objects to return, counted back from the end of the list or from"
        " `before`: 0 to 500. Use either `first` or `last`."
    ),
]
Before = Annotated[
    str | None,
    strawberry.argument(
        description="With `last`: return the objects before this cursor, such as the `startCursor`"
        " of the page after. Null begins at the end of the list."
    ),
]


@strawberry.type(description="The place of a page in its list.")
class PageInfo:
    """Relay's page information."""

    has_next_page: bool = strawberry.field(description="Whether the list goes on after this page.")
    has_previous_page: bool = strawberry.field(
        description="Whether the list has objects before this page."
    )
    start_cursor: str | None = strawberry.field(
        description="The cursor of the first object on the page; null if the page is empty."
    )
    end_cursor: str | None = strawberry.field(
        description="The cursor of the last object on the page; null if the page is empty."
    )


@dataclass(frozen=True, slots=True)
class PageArguments:
    """A checked request for a page of a list.

    `beyond` is the key at which the page begins, itself left out; None begins at the list's end.
    """

    list_name: str
    size: int
    is_backward: bool
    beyond: tuple[Any, ...] | None


def page_info(cursors: list[str], arguments: PageArguments, *, has_more: bool) -> PageInfo:
    """Return the page information that Relay's specification asks for.

    `has_more` says whether more follow in the direction read. On the other side there is more if
    the page began at a cursor.
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
    first: int | None = None,
    after: str | None = None,
    last: int | None = None,
    before: str | None = None,
) -> PageArguments:
    """Check the arguments of a list; raises RequestRefused if they contradict each other.

    A cursor must be of the list with this name, and its key of these types. `parse` turns the key
    into the values of columns, and raises ValueError for a forged one.
    """
    if first is not None and last is not None:
        raise _bad("Use either `first` or `last`, not both.")
    if after is not None and before is not None:
        raise _bad("Use either `after` or `before`, not both.")
    is_backward = last is not None
    if (before if not is_backward else after) is not None:
        raise _bad("Use `after` with `first`, and `before` with `last`.")
    size = last if last is not None else first
    size = DEFAULT_PAGE if size is None else size
    if not 0 <= size <= MAX_PAGE:
        name = "last" if is_backward else "first"
        raise _bad(f"`{name}` must be a number from 0 to {MAX_PAGE}.")
    cursor = before if is_backward else after
    beyond = None if cursor is None else _decode(list_name, key_types, cursor)
    if beyond is not None and parse is not None:
        try:
            beyond = parse(beyond)
        except ValueError:
            raise _bad(NO_CURSOR) from None
    return PageArguments(list_name, size, is_backward, beyond)


def encode_cursor(list_name: str, key: tuple[Any, ...]) -> str:
    """Return the cursor of a row from the name of the list and the row's key in it."""
    return base64.urlsafe_b64encode(orjson.dumps([list_name, *key])).decode().rstrip("=")


def _decode(list_name: str, key_types: tuple[type, ...], cursor: str) -> tuple[Any, ...]:
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        name, *key = orjson.loads(base64.urlsafe_b64decode(padded))
    except (ValueError, TypeError, binascii.Error):
        raise _bad(NO_CURSOR) from None
    has_types = len(key) == len(key_types) and all(
        type(part) is wanted and _is_storable(part)
        for part, wanted in zip(key, key_types, strict=True)
    )
    if name != list_name or not has_types:
        raise _bad("This cursor belongs to another list, or to another sort order of this list.")
    return tuple(key)


def _is_storable(part: Any) -> bool:
    """Return whether a row could have this part of a key; a forged one must not reach SQL."""
    if isinstance(part, int):
        return -(2**31) <= part < 2**31
    return "\x00" not in part


def _bad(message: str) -> RequestRefused:
    return RequestRefused(ErrorCode.BAD_USER_INPUT, message)
