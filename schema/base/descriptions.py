"""Descriptions that many inputs and payloads share, and those of the domain's enums."""

from enum import Enum
from typing import TypeVar

import strawberry

DRY_RUN = "Validate and return the result, but do not save."
USER_ERRORS = "Errors that the user can fix; empty on success."

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


def expected_version(name: str) -> str:
    """Describe the argument that guards an edit of an object with this name."""
    return (
        f"The version that the {name} must have; with another version, the change is refused"
        " (VERSION_CONFLICT). By default any version is accepted."
    )
