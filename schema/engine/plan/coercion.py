"""Compiles functions that coerce the values of variables of a given type.

To coerce means to check and convert a value that a client sent. A `Coercer` returns the same as
graphql-core would. It raises an error for a wrong value, and for an unusual one, such as a number
for an `ID`; then graphql-core must coerce the values, or report the error.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from graphql import (
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLFloat,
    GraphQLID,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLInt,
    GraphQLString,
    Undefined,
    is_enum_type,
    is_input_object_type,
    is_list_type,
    is_non_null_type,
    is_required_input_field,
)

from schema.engine.graphql_core_internals import coerce_default_value
from schema.engine.plan.checks import NotPlannable

MAX_INT = 2**31 - 1

MAX_KEPT = 1_000
"""Maximum entries in the cache of coercers, by type and by the input types that contain it."""

Coercer = Callable[[Any], Any]

NEEDS_NO_COERCION: dict[Any, Callable[[Any], bool]] = {
    GraphQLID: lambda value: type(value) is str,
    GraphQLString: lambda value: type(value) is str,
    GraphQLBoolean: lambda value: type(value) is bool,
    GraphQLInt: lambda value: type(value) is int and -MAX_INT - 1 <= value <= MAX_INT,
    GraphQLFloat: lambda value: type(value) is float and value - value == 0.0,
}
"""For each built-in scalar, a function that tells whether a value needs no coercion."""


class EndlessError(Exception):
    """Raised for an input type that contains itself; graphql-core must coerce its values."""


def coercer_of(wanted: GraphQLInputType, within: frozenset[Any] = frozenset()) -> Coercer:
    """Return the coercer of a type; raises EndlessError if the type contains itself.

    `within` are the input object types around the type.
    """
    if not is_non_null_type(wanted):
        coerce = _nullable_coercer(wanted, within)
        return lambda value: None if value is None else coerce(value)
    coerce = _nullable_coercer(wanted.of_type, within)

    def coerce_non_null(value: Any) -> Any:
        if value is None:
            raise NotPlannable(value)
        return coerce(value)

    return coerce_non_null


def _nullable_coercer(wanted: Any, within: frozenset[Any]) -> Coercer:
    if is_list_type(wanted):
        return _list_coercer(coercer_of(wanted.of_type, within))
    return _named_coercer(wanted, within)


@lru_cache(MAX_KEPT)
def _named_coercer(wanted: Any, within: frozenset[Any]) -> Coercer:
    if is_input_object_type(wanted):
        if wanted in within:
            raise EndlessError(wanted.name)
        return _object_coercer(wanted, within | {wanted})
    if is_enum_type(wanted):
        return _enum_coercer(wanted)
    is_final = NEEDS_NO_COERCION.get(wanted)
    if is_final is not None:
        return _unchanged_coercer(is_final)
    return _scalar_coercer(wanted.coerce_input_value)


def _unchanged_coercer(is_final: Callable[[Any], bool]) -> Coercer:
    def coerce(value: Any) -> Any:
        if not is_final(value):
            raise NotPlannable(value)
        return value

    return coerce


def _scalar_coercer(coerce_input: Coercer) -> Coercer:
    def coerce(value: Any) -> Any:
        made = coerce_input(value)
        if made is Undefined:
            raise NotPlannable(value)
        return made

    return coerce


def _list_coercer(coerce: Coercer) -> Coercer:
    def coerce_list(value: Any) -> Any:
        if type(value) is not list:
            raise NotPlannable(value)
        return [coerce(item) for item in value]

    return coerce_list


def _enum_coercer(wanted: GraphQLEnumType) -> Coercer:
    return {name: wanted.coerce_input_value(name) for name in wanted.values}.__getitem__


def _object_coercer(wanted: GraphQLInputObjectType, within: frozenset[Any]) -> Coercer:
    fields = [
        (name, field, field.out_name or name, coercer_of(field.type, within))
        for name, field in wanted.fields.items()
    ]

    def coerce(value: Any) -> Any:
        if type(value) is not dict:
            raise NotPlannable(value)
        made, given = {}, 0
        for name, field, out_name, coerce_field in fields:
            if name in value:
                given += 1
                made[out_name] = coerce_field(value[name])
            elif is_required_input_field(field):
                raise NotPlannable(value)
            elif (default := coerce_default_value(field)) is not Undefined:
                made[out_name] = default
        is_one = given == len(made) == 1 and None not in made.values()
        if given != len(value) or (wanted.is_one_of and not is_one):
            raise NotPlannable(value)
        return wanted.out_type(made)

    return coerce
