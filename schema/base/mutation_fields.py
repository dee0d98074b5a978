"""Fields that the inputs and payloads of many mutations have in common."""

from typing import Any

import strawberry


def expected_version(name: str, more: str = "") -> Any:
    """Declare the input field `expectedVersion`.

    `name` is what the description calls the changed object; `more` is added to the description.
    """
    return strawberry.field(
        default=None,
        description=f"The version that the {name} must have; with another version, the change is"
        f" refused (VERSION_CONFLICT). By default any version is accepted.{more}",
    )


def dry_run(more: str = "") -> Any:
    """Declare the input field `dryRun`; `more` is what a dry run leaves out besides saving."""
    return strawberry.field(
        default=False, description=f"Validate and return the result, but do not save{more}."
    )


def user_errors() -> Any:
    return strawberry.field(
        default_factory=list, description="Errors that the user can fix; empty on success."
    )
