"""Functions that generated code calls for values that it does not expect.

`NotPlannable` hands a value to graphql-core. It is raised for what graphql-core treats specially,
such as null in a non-null place, exceptions, and whatever can be awaited. Other values are
serialised as graphql-core would. Looking at an object closely is slow, so the classes found usual
are remembered.
"""

from collections.abc import Callable
from datetime import date, datetime, time
from decimal import Decimal
from types import CoroutineType, GeneratorType
from typing import Any, cast
from uuid import UUID

from graphql import Undefined

MAX_CLASSES = 64
SIMPLE = frozenset({str, int, float, bool, date, datetime, time, Decimal, UUID})
JSON = frozenset({str, int, float, bool, list, dict})


class NotPlannable(Exception):
    """Raised for a value that generated code cannot complete; graphql-core then does."""

    def __init__(self, value: Any) -> None:
        super().__init__()
        self.value = value


def refuse_unplannable(value: Any) -> None:
    """Raise NotPlannable for what graphql-core treats specially anywhere."""
    if (
        value is None
        or value is Undefined
        or isinstance(value, (Exception, CoroutineType, GeneratorType))
        or hasattr(value, "__await__")
    ):
        raise NotPlannable(value)


def remember_class(known: set[type], value: Any) -> None:
    """Remember that the objects of a class are usual, unless each may have attributes of its own.

    A bound, as classes may be made at run time.
    """
    cls = type(value)
    has_own_attributes = (
        hasattr(cls, "__getattr__")
        or cast("Any", cls).__getattribute__ is not object.__getattribute__
    )
    if not has_own_attributes and len(known) < MAX_CLASSES:
        known.add(cls)


def admit_object(known: set[type], check: Callable[[Any], Any] | None, value: Any) -> None:
    """Raise NotPlannable unless an object is usual and passes the check of its type."""
    refuse_unplannable(value)
    if check is not None and check(value) is not True:
        raise NotPlannable(value)
    remember_class(known, value)


def complete_leaf(
    serialize: Callable[[Any], Any], known: set[type], is_nullable: bool, value: Any
) -> object:
    """Serialise the value of a scalar or an enum."""
    if value is None and is_nullable:
        return None
    if type(value) not in known:
        refuse_unplannable(value)
        remember_class(known, value)
    answer = serialize(value)
    if type(answer) not in JSON:
        refuse_unplannable(answer)
    return answer


def complete_null(is_nullable: bool, value: Any) -> None:
    """Return None for a null list; raises NotPlannable for anything else."""
    if value is not None or not is_nullable:
        raise NotPlannable(value)
