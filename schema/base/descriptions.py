"""Gives the domain's enums a name and descriptions in the schema."""

from enum import Enum
from typing import TypeVar

import strawberry

AnyEnum = TypeVar("AnyEnum", bound=type[Enum])


def described_enum(
    enumeration: AnyEnum, name: str, description: str, values: dict[str, str]
) -> AnyEnum:
    """Publish an enum of the domain under `name`.

    Raises KeyError for a value without a description.
    """
    published = strawberry.enum(enumeration, name=name, description=description)
    for value in published.__strawberry_definition__.values:  # type: ignore[attr-defined]  # set by strawberry.enum
        value.description = values[value.name]
    return published
