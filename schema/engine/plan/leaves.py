"""Writes those expressions in plans that complete scalars and enums (the leaves of the answer)."""

from collections.abc import Callable
from enum import Enum
from functools import partial
from typing import Any, cast

from graphql import (
    GraphQLBoolean,
    GraphQLFloat,
    GraphQLID,
    GraphQLInt,
    GraphQLLeafType,
    GraphQLString,
)
from strawberry.types.enum import StrawberryEnumDefinition

from schema.engine.plan.checks import SIMPLE, complete_leaf
from schema.engine.strawberry_internals import definition_of, isoformat

EXPECTED: dict[Callable[..., Any], str] = {
    GraphQLString.coerce_output_value: "type(v := {read}) is str",
    GraphQLID.coerce_output_value: "type(v := {read}) is str",
    GraphQLBoolean.coerce_output_value: "type(v := {read}) is bool",
    GraphQLInt.coerce_output_value: "type(v := {read}) is int and -2147483648 <= v <= 2147483647",
    GraphQLFloat.coerce_output_value: "type(v := {read}) is float and v - v == 0.0",
}
"""By built-in serialiser, source that tests whether a value is one that it returns unchanged."""


class Names:
    """The objects to which the code of a plan refers, by the names that it uses for them."""

    def __init__(self) -> None:
        self.meant: dict[str, Any] = {}

    def name(self, kind: str, meant: Any) -> str:
        """Add the object `meant`, and return the new name for it, which begins with `kind`."""
        name = f"{kind}_{len(self.meant)}"
        self.meant[name] = meant
        return name


class Leaves:
    """Writes the expressions for the scalars and enums of one plan."""

    def __init__(self, names: Names) -> None:
        self._name = names.name
        self._others: dict[tuple[Callable[[Any], Any], bool], str] = {}
        self._classes = set(SIMPLE)

    def expression(self, wanted: GraphQLLeafType, read: str, *, is_nullable: bool) -> str:
        """Return the expression that completes the value of the expression `read`."""
        serialize = wanted.coerce_output_value
        other = self._other(serialize, is_nullable=is_nullable)
        if test := EXPECTED.get(serialize):
            or_null = " or v is None" if is_nullable else ""
            return f"(v if {test.format(read=read)}{or_null} else {other}(v))"
        definition = definition_of(wanted)
        if isinstance(definition, StrawberryEnumDefinition):
            enum = cast("type[Enum]", definition.wrapped_cls)
            names = self._name("names", {member.name: serialize(member) for member in enum})
            expected = self._name("enum", enum)
            # The enum member is looked up by its name, as hashing the member itself is slow.
            return f"({names}[v._name_] if type(v := {read}) is {expected} else {other}(v))"
        if serialize is isoformat:
            # orjson writes a datetime in UTC as the same text that isoformat() returns.
            is_usual = f"type(v := {read}) is datetime and v.tzinfo is UTC"
            return f"(v if {is_usual} else {other}(v))"
        name = self._name("serialize", serialize)
        return (
            f"(a if type(v := {read}) in SIMPLE and type(a := {name}(v)) in JSON else {other}(v))"
        )

    def _other(self, serialize: Callable[[Any], Any], *, is_nullable: bool) -> str:
        key = (serialize, is_nullable)
        if key not in self._others:
            function = partial(complete_leaf, serialize, self._classes, is_nullable)
            self._others[key] = self._name("leaf", function)
        return self._others[key]
