"""Finds plain fields: those resolved by reading an attribute or calling a method of the object."""

from collections.abc import Callable
from inspect import isfunction
from keyword import iskeyword
from typing import Any, cast

from graphql import GraphQLField
from strawberry.extensions import FieldExtension
from strawberry.types.field import StrawberryField

from schema.engine.strawberry_internals import is_default_resolver

PREPARED, HONOURED = "prepared", "honoured"
"""Keys of a field's metadata, which the docstring of `schema.engine.plan` explains."""


def foreign_extensions(definition: StrawberryField) -> list[FieldExtension]:
    """Return the extensions of a field that would not run in plans.

    These are all extensions whose class is not listed in the metadata `HONOURED`. A subclass of a
    listed class is returned too, because what it adds would not run.
    """
    honoured = definition.metadata.get(HONOURED, ())
    return [one for one in definition.extensions if type(one) not in honoured]


def plain_attribute(field: GraphQLField, definition: StrawberryField) -> str | None:
    """Return the attribute that Strawberry reads to resolve a field; None if it does more."""
    is_plain = (
        _is_standard(field, definition)
        and definition.is_basic_field
        and is_default_resolver(field.resolve)
        and cast("Any", definition).default_resolver is getattr
    )
    name = definition.python_name
    return name if is_plain and name.isidentifier() and not iskeyword(name) else None


def plain_method(field: GraphQLField, definition: StrawberryField) -> Callable[[Any], Any] | None:
    """Return the method that resolves a field; None if it is async or takes arguments."""
    resolver = definition.base_resolver
    if resolver is None or not _is_standard(field, definition) or definition.is_async:
        return None
    takes_self = resolver.self_parameter is not None and len(resolver.signature.parameters) == 1
    method: Any = resolver.wrapped_func
    return method if takes_self and isfunction(method) else None


def _is_standard(field: GraphQLField, definition: StrawberryField) -> bool:
    """Return whether a field has no arguments, no extensions and no `get_result` of its own."""
    return not (
        field.args
        or definition.extensions
        or "get_result" in vars(definition)
        or type(definition).get_result is not StrawberryField.get_result
    )
