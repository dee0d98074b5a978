"""The scalars of the schema: how each is written, and those that are read in a way of our own."""

from decimal import Decimal

import strawberry
from strawberry.exceptions import StrawberryInputCoercionError
from strawberry.types.scalar import ScalarDefinition

from models.rules.amount import parse_decimal, plain

DESCRIPTIONS = {
    "Date": "A calendar date in ISO 8601, such as 2026-03-31.",
    "DateTime": "An instant in ISO 8601 with its offset from UTC; answers are always in UTC.",
    "Decimal": 'An exact decimal number, written as a string, such as "-17540.50".',
    "JSON": "Any JSON value.",
}


def _decimal(value: object) -> Decimal:
    try:
        return parse_decimal(value)
    except ValueError:
        raise StrawberryInputCoercionError(
            'Value cannot represent a Decimal: write a number such as "1234.50".'
        ) from None


SCALARS: dict[object, ScalarDefinition] = {
    Decimal: strawberry.scalar(
        name="Decimal",
        description=DESCRIPTIONS["Decimal"],
        serialize=plain,
        parse_value=_decimal,
    )
}
"""Strawberry's own Decimal is written with an exponent, and reads more than plain numbers."""
