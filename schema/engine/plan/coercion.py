"""Prepares what turns the values of variables of a type into what is meant.

A `Coercer` gives what graphql-core would, and raises an error for what is wrong or unusual,
such as a number for an `ID`: then graphql-core is to coerce the values, or to say what is wrong.
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
"""Types, in all places where one contains another, of this schema and of those before it."""

Coercer = Callable[[Any], Any]

STAYS: dict[Any, Callable[[Any], bool]] = {
    GraphQLID: lambda value: type(value) is str,
    GraphQLString: lambda value: type(value) is str,
    GraphQLBoolean: lambda value: type(value) is bool,
    GraphQLInt: lambda value: type(value) is int and -MAX_INT - 1 <= value <= MAX_INT,
    GraphQLFloat: lambda value: type(value) is float and value - value == 0.0,
}
"""Tells of a value of a built-in scalar whether it stays as it is."""


class EndlessError(Exception):
    """A type contains itself: how deep its values may be is graphql-core's affair."""


def coercer_of(wanted: GraphQLInputType, within: frozenset[Any] = frozenset()) -> Coercer:
    """Prepare what takes the values of a type; raises EndlessError if it contains itself."""
    if not is_non_null_type(wanted):
        take = _take_of(wanted, within)
        return lambda value: None if value is None else take(value)
    take = _take_of(wanted.of_type, within)

    def take_some(value: Any) -> Any:
        if value is None:
            raise NotPlannable(value)
        return take(value)

    return take_some


def _take_of(wanted: Any, within: frozenset[Any]) -> Coercer:
    if is_list_type(wanted):
        return _take_of_list(coercer_of(wanted.of_type, within))
    return _take_of_named(wanted, within)


@lru_cache(MAX_KEPT)
def _take_of_named(wanted: Any, within: frozenset[Any]) -> Coercer:
    if is_input_object_type(wanted):
        if wanted in within:
            raise EndlessError(wanted.name)
        return _take_of_object(wanted, within | {wanted})
    if is_enum_type(wanted):
        return _take_of_enum(wanted)
    stays = STAYS.get(wanted)
    return _take_of_scalar(wanted.coerce_input_value) if stays is None else _take_what(stays)


def _take_what(stays: Callable[[Any], bool]) -> Coercer:
    def take(value: Any) -> Any:
        if not stays(value):
            raise NotPlannable(value)
        return value

    return take


def _take_of_scalar(coerce: Coercer) -> Coercer:
    def take(value: Any) -> Any:
        made = coerce(value)
        if made is Undefined:
            raise NotPlannable(value)
        return made

    return take


def _take_of_list(take: Coercer) -> Coercer:
    def take_list(value: Any) -> Any:
        if type(value) is not list:
            raise NotPlannable(value)
        return [take(item) for item in value]

    return take_list


def _take_of_enum(wanted: GraphQLEnumType) -> Coercer:
    return {name: wanted.coerce_input_value(name) for name in wanted.values}.__getitem__


def _take_of_object(wanted: GraphQLInputObjectType, within: frozenset[Any]) -> Coercer:
    fields = [
        (name, field, field.out_name or name, coercer_of(field.type, within))
        for name, field in wanted.fields.items()
    ]

    def take(value: Any) -> Any:
        if type(value) is not dict:
            raise NotPlannable(value)
        made, given = {}, 0
        for name, field, out_name, take_field in fields:
            if name in value:
                given += 1
                made[out_name] = take_field(value[name])
            elif is_required_input_field(field):
                raise NotPlannable(value)
            elif (default := coerce_default_value(field)) is not Undefined:
                made[out_name] = default
        is_one = given == len(made) == 1 and None not in made.values()
        if given != len(value) or (wanted.is_one_of and not is_one):
            raise NotPlannable(value)
        return wanted.out_type(made)

    return take
