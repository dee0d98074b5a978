"""The schema's own `Date`, `DateTime` and `Decimal`, and what its scalars are specified by."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TypeVar, cast

from graphql import GraphQLError, GraphQLScalarType, GraphQLSchema
from strawberry.types.scalar import ScalarDefinition

from models.rules.amount import parse_decimal, plain
from schema.base.input_faults import MalformedValue
from schema.engine.strawberry_internals import DateDefinition, DateTimeDefinition, DecimalDefinition

Value = TypeVar("Value")

DESCRIPTIONS = {
    "Date": "A calendar date in ISO 8601, such as 2026-03-31.",
    "DateTime": "A date and time in ISO 8601 with its offset from UTC, such as"
    " 2026-03-31T09:30:00Z; results are in UTC, to the microsecond, such as"
    " 2026-03-31T09:30:00.123456+00:00.",
    "Decimal": 'An exact decimal number, written as a string, such as "-17540.50".',
    "JSON": "Any JSON value.",
}

SPECIFICATIONS = {
    "Date": "https://www.rfc-editor.org/rfc/rfc3339#section-5.6",
    "DateTime": "https://www.rfc-editor.org/rfc/rfc3339#section-5.6",
    "Decimal": "https://www.w3.org/TR/xmlschema11-2/#decimal",
    "JSON": "https://www.rfc-editor.org/rfc/rfc8259",
}
"""Where the written form of each scalar is specified, for `@specifiedBy`."""

_STRAWBERRYS_INSTANT = cast("Callable[[object], datetime]", DateTimeDefinition.parse_value)
NO_DATE = date(2000, 1, 1)
"""The stand-in for a date that cannot be read."""
_DATE = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _date(value: object) -> date:
    if not isinstance(value, str) or not _DATE.fullmatch(value):
        raise ValueError("not a date")
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise MalformedValue("a date that the calendar has", NO_DATE) from None


def _instant(value: object) -> datetime:
    instant: datetime = _STRAWBERRYS_INSTANT(value)
    if instant.tzinfo is None:
        raise ValueError("no offset")
    return instant


def _reader(
    parse: Callable[[object], Value], requirement: str, stand_in: Value
) -> Callable[[object], Value]:
    """Return the function that reads a scalar's values; it raises MalformedValue."""

    def read(value: object) -> Value:
        try:
            return parse(value)
        except MalformedValue:
            raise
        except (ValueError, GraphQLError):
            raise MalformedValue(requirement, stand_in) from None

    return read


SCALARS: dict[object, ScalarDefinition] = {
    date: replace(
        DateDefinition,
        parse_value=_reader(_date, "a date, such as 2026-03-31", NO_DATE),
    ),
    datetime: replace(
        DateTimeDefinition,
        parse_value=_reader(
            _instant,
            "a date and time with an offset from UTC, such as 2026-03-31T09:30:00Z",
            datetime(2000, 1, 1, tzinfo=UTC),
        ),
    ),
    Decimal: replace(
        DecimalDefinition,
        serialize=plain,
        parse_value=_reader(parse_decimal, 'a decimal number, such as "1234.50"', Decimal()),
    ),
}
"""Scalars that replace Strawberry's.

Strawberry's messages name the functions of Python that failed. Its Decimal writes exponents, and
accepts values that are not plain numbers, such as NaN.
"""


def describe_scalars(schema: GraphQLSchema) -> None:
    """Set the descriptions and specifications of the schema's scalars."""
    for name, description in DESCRIPTIONS.items():
        scalar = schema.type_map[name]
        assert isinstance(scalar, GraphQLScalarType)  # noqa: S101  # narrows the type
        scalar.description, scalar.specified_by_url = description, SPECIFICATIONS[name]
