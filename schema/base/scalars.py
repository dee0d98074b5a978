"""Descriptions of the schema's scalars, and its own `Decimal`."""

from decimal import Decimal

import strawberry
from strawberry.exceptions import StrawberryInputCoercionError
from strawberry.types.scalar import ScalarDefinition

from models.rules.amount import parse_decimal, plain

DESCRIPTIONS = {
    "Date": "A calendar date in ISO 8601, such as 2026-03-31.",
    "DateTime": "A date and time in ISO 8601 with its offset from UTC, such as"
    " 2026-03-31T09:30:00Z; results are always in UTC.",
    "Decimal": 'An exact decimal number, written as a string, such as "-17540.50".',
    "JSON": "Any JSON value.",
}


def _decimal(value: object) -> Decimal:
    try:
        return parse_decimal(value)
    except ValueError:
        raise StrawberryInputCoercionError(
            'The value is not a decimal number. Write one like "1234.50".'
        ) from None


SCALARS: dict[object, ScalarDefinition] = {
    Decimal: strawberry.scalar(
        name="Decimal",
        description=DESCRIPTIONS["Decimal"],
        serialize=plain,
        parse_value=_decimal,
    )
}
"""Scalars that replace Strawberry's.

Strawberry's Decimal writes exponents, and accepts values that are not plain numbers, such as NaN.
"""
