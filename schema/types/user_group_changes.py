"""Inputs and payloads of the mutations on user groups."""

import strawberry

from schema.base.mutation_fields import MutationPayload, dry_run, expected_version
from schema.types.user import UserGroup


@strawberry.input(
    description="The user group to create (without `id`) or to edit (with `id`). A field left out"
    " keeps its value; an explicit null clears it."
)
class SaveUserGroupInput:
    id: strawberry.ID | None = strawberry.field(
        default=None,
        description="The id of the user group to edit; leave it out to create a group.",
    )
    expected_version: int | None = expected_version("group")
    name: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="The group's name, 1 to 200 characters, unique regardless of case; required to"
        " create a group.",
    )
    description: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="The purpose of the group, at most 1000 characters.",
    )
    external_name: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="The name of the group in the groups claim of the identity provider's tokens,"
        " at most 255 characters, unique.",
    )
    dry_run: bool | None = dry_run()


@strawberry.type(description="The result of saving a user group.")
class SaveUserGroupPayload(MutationPayload):
    user_group: UserGroup | None = strawberry.field(
        default=None,
        description="The user group after the change. After the error VERSION_CONFLICT, the group"
        " as stored; null after other errors.",
    )


@strawberry.input(
    description="The user group to delete. Its members stay users, without the permissions that"
    " they had from this group only."
)
class DeleteUserGroupInput:
    id: strawberry.ID = strawberry.field(description="The id of the user group to delete.")
    expected_version: int | None = expected_version("group")
    dry_run: bool | None = dry_run()


@strawberry.type(
    description="The result of deleting a user group. Its members stay users, without the"
    " permissions that they had from this group only."
)
class DeleteUserGroupPayload(MutationPayload):
    deleted_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="The id of the deleted user group; null in a dry run and after an error.",
    )
    user_group: UserGroup | None = strawberry.field(
        default=None,
        description="The user group as stored, if it exists and was not deleted because of an"
        " error; otherwise null.",
    )


@strawberry.input(
    description="The users to add to a user group, and those to remove. Adding a user who is"
    " already a member, or removing one who is not, changes nothing; an id of no user is refused."
)
class ChangeGroupMembersInput:
    group_id: strawberry.ID = strawberry.field(
        description="The id of the user group whose members to change."
    )
    add_user_ids: list[strawberry.ID] = strawberry.field(
        default_factory=list, description="The ids of the users to add, at most 100."
    )
    remove_user_ids: list[strawberry.ID] = strawberry.field(
        default_factory=list, description="The ids of the users to remove, at most 100."
    )
    expected_version: int | None = expected_version("group")
    dry_run: bool | None = dry_run()


@strawberry.type(description="The result of changing the members of a user group.")
class ChangeGroupMembersPayload(MutationPayload):
    user_group: UserGroup | None = strawberry.field(
        default=None,
        description="The user group after the change. After the error VERSION_CONFLICT, the group"
        " as stored; null after other errors.",
    )
