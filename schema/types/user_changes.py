"""Inputs and payloads of the mutations on users and permissions."""

import strawberry

from schema.base.mutation_fields import dry_run, expected_version, user_errors
from schema.base.user_error import UserError
from schema.types.user import User, UserGroup

REASON = "The reason, at most 1000 characters; kept in the audit trail."
PERMISSION_CODES = "Permissions as `resource:verb`; the query `permissions` lists them."


@strawberry.input(
    description="A user to create (without `id`) or to edit (with `id`). Fields left out stay as"
    " they are; an explicit null clears a field."
)
class SaveUserInput:
    id: strawberry.ID | None = strawberry.field(
        default=None, description="The id of the user to edit; leave out to create a user."
    )
    expected_version: int | None = expected_version("user")
    name: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="The user's name, 1 to 200 characters; required for a new user.",
    )
    email: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="The user's email address, at most 254 characters. Only its form is checked.",
    )
    issuer: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="The issuer URL of the identity provider that the user signs in at, at most 255"
        " characters; goes with `subject`.",
    )
    subject: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="The user's id at the identity provider (its claim `sub`), at most 255"
        " characters; goes with `issuer`, and no other user may have the same pair.",
    )
    reseller_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="The id of the reseller that a new user works for, which never changes. All"
        " credentials of the user are bound to that reseller. Leave out for a user of the platform"
        " itself.",
    )
    dry_run: bool | None = dry_run()


@strawberry.type(description="The result of saving a user.")
class SaveUserPayload:
    user: User | None = strawberry.field(
        default=None,
        description="The user after the change, or after a version conflict the current user; null"
        " after other errors.",
    )
    user_errors: list[UserError] = user_errors()


@strawberry.input(description="Which user to disable.")
class DisableUserInput:
    id: strawberry.ID = strawberry.field(description="The id of the user.")
    reason: str | None = strawberry.field(default=None, description=REASON)
    expected_version: int | None = expected_version("user")
    dry_run: bool | None = dry_run()


@strawberry.type(
    description="The result of disabling a user: none of their credentials can sign in."
)
class DisableUserPayload:
    user: User | None = strawberry.field(
        default=None,
        description="The user after the change, or after a version conflict the current user; null"
        " after other errors.",
    )
    user_errors: list[UserError] = user_errors()


@strawberry.input(description="Which disabled user to enable again.")
class EnableUserInput:
    id: strawberry.ID = strawberry.field(description="The id of the user.")
    reason: str | None = strawberry.field(default=None, description=REASON)
    expected_version: int | None = expected_version("user")
    dry_run: bool | None = dry_run()


@strawberry.type(description="The result of enabling a user.")
class EnableUserPayload:
    user: User | None = strawberry.field(
        default=None,
        description="The user after the change, or after a version conflict the current user; null"
        " after other errors.",
    )
    user_errors: list[UserError] = user_errors()


@strawberry.input(description="Which permissions to grant to a user or a user group.")
class GrantPermissionsInput:
    grantee_id: strawberry.ID = strawberry.field(
        description="The id of the user or the user group."
    )
    permissions: list[str] = strawberry.field(description=PERMISSION_CODES)
    reason: str | None = strawberry.field(default=None, description=REASON)
    expected_version: int | None = expected_version("user or group")
    dry_run: bool | None = dry_run()


@strawberry.type(description="The result of granting permissions.")
class GrantPermissionsPayload:
    user: User | None = strawberry.field(
        default=None, description="The user after the change; null if the input names a group."
    )
    user_group: UserGroup | None = strawberry.field(
        default=None, description="The group after the change; null if the input names a user."
    )
    user_errors: list[UserError] = user_errors()


@strawberry.input(description="Which permissions to revoke from a user or a user group.")
class RevokePermissionsInput:
    grantee_id: strawberry.ID = strawberry.field(
        description="The id of the user or the user group."
    )
    permissions: list[str] = strawberry.field(description=PERMISSION_CODES)
    reason: str | None = strawberry.field(default=None, description=REASON)
    expected_version: int | None = expected_version("user or group")
    dry_run: bool | None = dry_run()


@strawberry.type(description="The result of revoking permissions.")
class RevokePermissionsPayload:
    user: User | None = strawberry.field(
        default=None, description="The user after the change; null if the input names a group."
    )
    user_group: UserGroup | None = strawberry.field(
        default=None, description="The group after the change; null if the input names a user."
    )
    user_errors: list[UserError] = user_errors()
