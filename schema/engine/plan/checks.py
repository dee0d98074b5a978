"""Functions that plans call for values that do not have the expected type.

They serialise values as graphql-core would. For values that graphql-core treats specially, such as
awaitables, exceptions, and null where it is not allowed, they raise `NotPlannable`; then
graphql-core completes the value. Checking whether an object needs special treatment is slow, so the
classes of objects that need none are remembered.
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
    """Raised for a value that a plan cannot complete, so that graphql-core must complete it."""

    def __init__(self, value: Any) -> None:
        super().__init__()
        self.value = value


def refuse_unplannable(value: Any) -> None:
    """Raise NotPlannable for a value that graphql-core treats specially whatever its type."""
    if (
        value is None
        or value is Undefined
        or isinstance(value, (Exception, CoroutineType, GeneratorType))
        or hasattr(value, "__await__")
    ):
        raise NotPlannable(value)


def remember_class(known: set[type], value: Any) -> None:
    """Add the class of `value` to `known`: its objects need no further checks.

    The class is not added if it computes attributes, because its objects could differ in having
    `__await__`. At most MAX_CLASSES are added, as classes may be created at run time.
    """
    cls = type(value)
    has_own_attributes = (
        hasattr(cls, "__getattr__")
        or cast("Any", cls).__getattribute__ is not object.__getattribute__
    )
    if not has_own_attributes and len(known) < MAX_CLASSES:
        known.add(cls)


def admit_object(known: set[type], check: Callable[[Any], Any] | None, value: Any) -> None:
    """Raise NotPlannable unless a plan can complete the object `value`; add its class to `known`.

    `check` is the `is_type_of` function of the GraphQL type; None if it has none.
    """
    refuse_unplannable(value)
    if check is not None and check(value) is not True:
        raise NotPlannable(value)
    remember_class(known, value)


def complete_leaf(
    serialize: Callable[[Any], Any], known: set[type], is_nullable: bool, value: Any
) -> object:
    """Return the serialised value of a scalar or an enum; raises NotPlannable if a plan cannot."""
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
    """Return None for a null that is allowed; raises NotPlannable for all other values."""
    if value is not None or not is_nullable:
        raise NotPlannable(value)
