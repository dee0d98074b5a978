"""What changes users and what somebody is permitted: inputs and payloads."""

import strawberry

from schema.base.user_error import UserError
from schema.types.user import User, UserGroup


@strawberry.input(description="A user to create (no id), or what to change of one (id).")
class SaveUserInput:
    """Fields left out stay as they are; an explicit null clears."""

    id: strawberry.ID | None = strawberry.field(
        default=None, description="The user to change; absent to create one."
    )
    expected_version: int | None = strawberry.field(
        default=None, description="Refuse if the user is at another version (R101)."
    )
    name: str | None = strawberry.field(
        default=strawberry.UNSET, description="1 to 200 characters."
    )
    email: str | None = strawberry.field(
        default=strawberry.UNSET, description="Its address, checked by its form."
    )
    issuer: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="The identity provider that it signs in at; goes with subject.",
    )
    subject: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="What that provider calls it; unique together with issuer.",
    )
    reseller_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="Makes a new user a reseller's staff, for good: all that signs it in is bound"
        " to that reseller (R99).",
    )
    dry_run: bool | None = strawberry.field(
        default=False, description="Do everything but keep nothing."
    )


@strawberry.type(description="What saving a user did.")
class SaveUserPayload:
    """A payload."""

    user: User | None = strawberry.field(
        default=None, description="The user as it is now, or as it stands after a conflict."
    )
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Why nothing was changed; empty if it was."
    )


@strawberry.input(description="A user to disable.")
class DisableUserInput:
    """An input."""

    id: strawberry.ID = strawberry.field(description="The user.")
    reason: str | None = strawberry.field(
        default=None, description="Why, up to 1000 characters; kept in the audit trail."
    )
    expected_version: int | None = strawberry.field(
        default=None, description="Refuse if the user is at another version (R101)."
    )
    dry_run: bool | None = strawberry.field(
        default=False, description="Do everything but keep nothing."
    )


@strawberry.type(description="What disabling did; nothing of the user's signs in any more.")
class DisableUserPayload:
    """A payload."""

    user: User | None = strawberry.field(
        default=None, description="The user as it is now, or as it stands after a conflict."
    )
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Why nothing was changed; empty if it was."
    )


@strawberry.input(description="A user to enable again.")
class EnableUserInput:
    """An input."""

    id: strawberry.ID = strawberry.field(description="The user.")
    reason: str | None = strawberry.field(
        default=None, description="Why, up to 1000 characters; kept in the audit trail."
    )
    expected_version: int | None = strawberry.field(
        default=None, description="Refuse if the user is at another version (R101)."
    )
    dry_run: bool | None = strawberry.field(
        default=False, description="Do everything but keep nothing."
    )


@strawberry.type(description="What enabling did.")
class EnableUserPayload:
    """A payload."""

    user: User | None = strawberry.field(
        default=None, description="The user as it is now, or as it stands after a conflict."
    )
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Why nothing was changed; empty if it was."
    )


@strawberry.input(description="What to let a user or a group do.")
class GrantPermissionsInput:
    """An input."""

    grantee_id: strawberry.ID = strawberry.field(description="A user or a user group.")
    permissions: list[str] = strawberry.field(
        description="Permissions as `resource:verb`; the query `permissions` lists them."
    )
    reason: str | None = strawberry.field(
        default=None, description="Why, up to 1000 characters; kept in the audit trail."
    )
    expected_version: int | None = strawberry.field(
        default=None, description="Refuse if the user or group is at another version (R101)."
    )
    dry_run: bool | None = strawberry.field(
        default=False, description="Do everything but keep nothing."
    )


@strawberry.type(description="What granting did.")
class GrantPermissionsPayload:
    """A payload."""

    user: User | None = strawberry.field(
        default=None, description="The user as it is now, if it is one."
    )
    user_group: UserGroup | None = strawberry.field(
        default=None, description="The group as it is now, if it is one."
    )
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Why nothing was changed; empty if it was."
    )


@strawberry.input(description="What a user or a group is not to do any more.")
class RevokePermissionsInput:
    """An input."""

    grantee_id: strawberry.ID = strawberry.field(description="A user or a user group.")
    permissions: list[str] = strawberry.field(
        description="Permissions as `resource:verb`; the query `permissions` lists them."
    )
    reason: str | None = strawberry.field(
        default=None, description="Why, up to 1000 characters; kept in the audit trail."
    )
    expected_version: int | None = strawberry.field(
        default=None, description="Refuse if the user or group is at another version (R101)."
    )
    dry_run: bool | None = strawberry.field(
        default=False, description="Do everything but keep nothing."
    )


@strawberry.type(description="What revoking did.")
class RevokePermissionsPayload:
    """A payload."""

    user: User | None = strawberry.field(
        default=None, description="The user as it is now, if it is one."
    )
    user_group: UserGroup | None = strawberry.field(
        default=None, description="The group as it is now, if it is one."
    )
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Why nothing was changed; empty if it was."
    )
