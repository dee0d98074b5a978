"""Values of an input that cannot be read, and the order of an input's fields.

A mistake in one value, such as a date that does not exist, must not hide the mistakes in other
fields. So such a value, or one that is missing, is replaced by a stand-in, a valid value of
its type, and the mutation runs to find what else is wrong. Its checks know the fault, and refuse
the mutation before anything is stored.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, NamedTuple

from strawberry.types import get_object_definition
from strawberry.types.base import StrawberryContainer
from strawberry.utils.str_converters import to_camel_case

from models.rules.errors import Bounds, Refusal, RefusalCode
from models.rules.text import subject_of

_FAULTS = "__faults__"
"""The attribute of an input object with the refusals of stand-ins, by the names of fields."""


class MalformedValue(ValueError):
    """Raised by a scalar for a value that it cannot read.

    `stand_in` is any valid value of the scalar. `requirement` ends the sentence "The … must be".
    """

    def __init__(
        self,
        requirement: str,
        stand_in: Any,
        code: RefusalCode = RefusalCode.BAD_FORMAT,
        bounds: Bounds | None = None,
    ) -> None:
        super().__init__(f"The value must be {requirement}.")
        self.requirement = requirement
        self.stand_in = stand_in
        self.code = code
        self.bounds = bounds or Bounds()

    def refusal(self, *path: str) -> Refusal:
        """Return the refusal of the input field at `path`."""
        what = subject_of(path[-1]) if path else "The value"
        message = f"{what} must be {self.requirement}."
        return Refusal(self.code, message, path, bounds=self.bounds)


@dataclass(frozen=True, slots=True)
class StandIn:
    """A valid value in place of one that cannot be read, and the refusal of that one."""

    value: Any
    refusal: Refusal


def note_faults(input_: Any, faults: Mapping[str, Refusal]) -> None:
    """Note on an input object which of its fields have stand-ins."""
    setattr(input_, _FAULTS, faults)


def faults_of(input_: Any) -> Mapping[str, Refusal]:
    """Return the refusals of an input object's own stand-ins, by the names of fields."""
    faults: Mapping[str, Refusal] = getattr(input_, _FAULTS, {})
    return faults


def faults_in(input_: Any, *path: str) -> list[Refusal]:
    """Return the refusals of all stand-ins in an input, at any depth."""
    found = [replace(refusal, path=(*path, name)) for name, refusal in faults_of(input_).items()]
    kind: type = type(input_)
    for name, attribute in _objects_of(kind):
        inner = getattr(input_, attribute)
        if isinstance(inner, list):
            for place, entry in enumerate(inner):
                found += faults_in(entry, *path, name, str(place))
        elif inner:
            found += faults_in(inner, *path, name)
    return found


def in_input_order(input_: Any, refusals: Iterable[Refusal]) -> list[Refusal]:
    """Return refusals in the order of the input's fields."""
    return sorted(refusals, key=lambda one: _place(type(input_), one.path))


class InputField(NamedTuple):
    """A field of an input type."""

    attribute: str
    place: int
    inner: type | None
    """The class of the input objects that are the field's value, or its entries; else None."""


@cache
def fields_of(kind: type) -> dict[str, InputField]:
    """Return the fields of an input type, by their names in the API."""
    definition = get_object_definition(kind)
    found = {}
    for place, field in enumerate(definition.fields if definition else ()):
        inner: Any = field.type
        while isinstance(inner, StrawberryContainer):
            inner = inner.of_type
        name = field.graphql_name or to_camel_case(field.python_name)
        is_object = isinstance(inner, type) and get_object_definition(inner) is not None
        found[name] = InputField(field.python_name, place, inner if is_object else None)
    return found


@cache
def _objects_of(kind: type) -> tuple[tuple[str, str], ...]:
    """Return name and attribute of the fields of an input type that hold input objects."""
    fields = fields_of(kind).items()
    return tuple((name, field.attribute) for name, field in fields if field.inner)


def _place(kind: type | None, path: tuple[str, ...]) -> tuple[int, ...]:
    """Return the places of the fields on a path, each among the fields of its input type."""
    if not path:
        return ()
    name, *rest = path
    if name.isdecimal():
        return (int(name), *_place(kind, tuple(rest)))
    field = fields_of(kind).get(name) if kind else None
    if field is None:
        return ()
    return (field.place, *_place(field.inner, tuple(rest)))
