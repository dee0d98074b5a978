"""What changes user groups: inputs and payloads."""

import strawberry

from schema.base.user_error import UserError
from schema.types.user import UserGroup


@strawberry.input(description="A group to create (no id), or what to change of one (id).")
class SaveUserGroupInput:
    """Fields left out stay as they are; an explicit null clears."""

    id: strawberry.ID | None = strawberry.field(
        default=None, description="The group to change; absent to create one."
    )
    expected_version: int | None = strawberry.field(
        default=None, description="Refuse if the group is at another version (R101)."
    )
    name: str | None = strawberry.field(
        default=strawberry.UNSET, description="1 to 200 characters, unique whatever the case."
    )
    description: str | None = strawberry.field(
        default=strawberry.UNSET, description="What it is for, up to 1000 characters."
    )
    external_name: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="What the identity provider calls it in its groups claim; unique.",
    )
    dry_run: bool | None = strawberry.field(
        default=False, description="Do everything but keep nothing."
    )


@strawberry.type(description="What saving a group did.")
class SaveUserGroupPayload:
    """A payload."""

    user_group: UserGroup | None = strawberry.field(
        default=None, description="The group as it is now, or as it stands after a conflict."
    )
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Why nothing was changed; empty if it was."
    )


@strawberry.input(description="A group to delete.")
class DeleteUserGroupInput:
    """An input."""

    id: strawberry.ID = strawberry.field(description="The group.")
    expected_version: int | None = strawberry.field(
        default=None, description="Refuse if the group is at another version (R101)."
    )
    dry_run: bool | None = strawberry.field(
        default=False, description="Do everything but keep nothing."
    )


@strawberry.type(description="What deleting a group did; its members are users as before.")
class DeleteUserGroupPayload:
    """A payload."""

    deleted_id: strawberry.ID | None = strawberry.field(
        default=None, description="The id of the group that is gone."
    )
    user_group: UserGroup | None = strawberry.field(
        default=None, description="The group as it stands, when it could not be deleted."
    )
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Why nothing was changed; empty if it was."
    )


@strawberry.input(description="Who is to join a group, and who is to leave it.")
class ChangeGroupMembersInput:
    """An input; who is in or out already stays so."""

    group_id: strawberry.ID = strawberry.field(description="The group.")
    add_user_ids: list[strawberry.ID] = strawberry.field(
        default_factory=list, description="Users to put in, 100 at most."
    )
    remove_user_ids: list[strawberry.ID] = strawberry.field(
        default_factory=list, description="Users to take out, 100 at most."
    )
    expected_version: int | None = strawberry.field(
        default=None, description="Refuse if the group is at another version (R101)."
    )
    dry_run: bool | None = strawberry.field(
        default=False, description="Do everything but keep nothing."
    )


@strawberry.type(description="What changing the members did.")
class ChangeGroupMembersPayload:
    """A payload."""

    user_group: UserGroup | None = strawberry.field(
        default=None, description="The group as it is now, or as it stands after a conflict."
    )
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Why nothing was changed; empty if it was."
    )
