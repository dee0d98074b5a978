"""Publishes enums of `models` in the GraphQL schema, with a name and descriptions."""

from enum import Enum
from typing import TypeVar

import strawberry

AnyEnum = TypeVar("AnyEnum", bound=type[Enum])


def described_enum(
    enumeration: AnyEnum, name: str, description: str, values: dict[str, str]
) -> AnyEnum:
    """Return the enumeration, published as the GraphQL enum `name`.

    `values` maps the name of each member to its description; raises KeyError if one is missing.
    """
    published = strawberry.enum(enumeration, name=name, description=description)
    for value in published.__strawberry_definition__.values:  # type: ignore[attr-defined]  # set by strawberry.enum
        value.description = values[value.name]
    return published
