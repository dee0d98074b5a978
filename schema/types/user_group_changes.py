"""Inputs and payloads of the mutations on user groups."""

import strawberry

from schema.base.mutation_fields import dry_run, expected_version, user_errors
from schema.base.user_error import UserError
from schema.types.user import UserGroup


@strawberry.input(
    description="A user group to create (without `id`) or to edit (with `id`). Fields left out stay"
    " as they are; an explicit null clears a field."
)
class SaveUserGroupInput:
    id: strawberry.ID | None = strawberry.field(
        default=None, description="The id of the group to edit; leave out to create a group."
    )
    expected_version: int | None = expected_version("group")
    name: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="The group's name, 1 to 200 characters, unique regardless of case; required for"
        " a new group.",
    )
    description: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="The purpose of the group, at most 1000 characters.",
    )
    external_name: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="The name of the group in the groups claim of the identity provider, at most"
        " 255 characters, unique.",
    )
    dry_run: bool | None = dry_run()


@strawberry.type(description="The result of saving a user group.")
class SaveUserGroupPayload:
    user_group: UserGroup | None = strawberry.field(
        default=None,
        description="The group after the change, or after a version conflict the current group;"
        " null after other errors.",
    )
    user_errors: list[UserError] = user_errors()


@strawberry.input(description="Which user group to delete.")
class DeleteUserGroupInput:
    id: strawberry.ID = strawberry.field(description="The id of the group.")
    expected_version: int | None = expected_version("group")
    dry_run: bool | None = dry_run()


@strawberry.type(
    description="The result of deleting a user group. Its members stay users, without the"
    " permissions that they had from this group only."
)
class DeleteUserGroupPayload:
    deleted_id: strawberry.ID | None = strawberry.field(
        default=None, description="The id of the deleted group; null after an error."
    )
    user_group: UserGroup | None = strawberry.field(
        default=None,
        description="The current group, if it exists and could not be deleted; null on success.",
    )
    user_errors: list[UserError] = user_errors()


@strawberry.input(
    description="Which users to add to a user group and which to remove. Adding a member or"
    " removing a user who is not a member changes nothing."
)
class ChangeGroupMembersInput:
    group_id: strawberry.ID = strawberry.field(description="The id of the group.")
    add_user_ids: list[strawberry.ID] = strawberry.field(
        default_factory=list, description="The ids of the users to add, at most 100."
    )
    remove_user_ids: list[strawberry.ID] = strawberry.field(
        default_factory=list, description="The ids of the users to remove, at most 100."
    )
    expected_version: int | None = expected_version("group")
    dry_run: bool | None = dry_run()


@strawberry.type(description="The result of changing the members of a user group.")
class ChangeGroupMembersPayload:
    user_group: UserGroup | None = strawberry.field(
        default=None,
        description="The group after the change, or after a version conflict the current group;"
        " null after other errors.",
    )
    user_errors: list[UserError] = user_errors()
