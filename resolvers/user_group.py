"""What the root fields on user groups do."""

from typing import Annotated

import strawberry

import models
from models.changes import user_group_editing
from models.lists.access_list import GROUPS, groups_within
from models.tables.audit import ActorContext
from resolvers.listing import After, First, listed
from resolvers.run_mutation import given, refuse_version_of_nothing, run_mutation
from schema.base.context import Info
from schema.base.pagination import DEFAULT_PAGE
from schema.base.projections import read_by_id
from schema.base.user_error import UserError
from schema.types.access_connection import Connection
from schema.types.user import UserGroup, reach_of
from schema.types.user_group_changes import (
    ChangeGroupMembersInput,
    ChangeGroupMembersPayload,
    DeleteUserGroupInput,
    DeleteUserGroupPayload,
    SaveUserGroupInput,
    SaveUserGroupPayload,
)


async def user_groups(
    info: Info, first: First = DEFAULT_PAGE, after: After = None
) -> Connection[UserGroup]:
    """List groups by name, as far as they are within reach (R99)."""
    condition = groups_within(reach_of(info))
    return await listed(info, UserGroup, "user-groups", GROUPS, condition, first, after)


async def save_user_group(
    info: Info,
    input: Annotated[SaveUserGroupInput, strawberry.argument(description="What to save.")],  # noqa: A002  # the contract's name
) -> SaveUserGroupPayload:
    """Create or edit a group."""
    values = given(input, *user_group_editing.GROUP_FIELDS)
    group_id = input.id

    async def work(act: ActorContext) -> models.UserGroup:
        if group_id is None:
            refuse_version_of_nothing(input.expected_version)
            return await user_group_editing.create_group(act, values)
        return await user_group_editing.edit_group(act, group_id, values, input.expected_version)

    async def succeed(row: models.UserGroup) -> SaveUserGroupPayload:
        return SaveUserGroupPayload(user_group=await _shown(info, row))

    async def refuse(
        user_errors: list[UserError], current: models.UserGroup | None
    ) -> SaveUserGroupPayload:
        return SaveUserGroupPayload(user_group=await _shown(info, current), user_errors=user_errors)

    return await run_mutation(info, input, work, succeed, refuse)


async def delete_user_group(
    info: Info,
    input: Annotated[DeleteUserGroupInput, strawberry.argument(description="What to delete.")],  # noqa: A002  # the contract's name
) -> DeleteUserGroupPayload:
    """Delete a group."""

    async def succeed(row: models.UserGroup) -> DeleteUserGroupPayload:
        return DeleteUserGroupPayload(deleted_id=strawberry.ID(row.id))

    async def refuse(
        user_errors: list[UserError], current: models.UserGroup | None
    ) -> DeleteUserGroupPayload:
        return DeleteUserGroupPayload(
            user_group=await _shown(info, current), user_errors=user_errors
        )

    return await run_mutation(
        info,
        input,
        lambda act: user_group_editing.delete_group(act, input.id, input.expected_version),
        succeed,
        refuse,
    )


async def change_group_members(
    info: Info,
    input: Annotated[  # noqa: A002  # the contract's name
        ChangeGroupMembersInput, strawberry.argument(description="Who joins, and who leaves.")
    ],
) -> ChangeGroupMembersPayload:
    """Put users into a group, and take others out."""

    async def succeed(row: models.UserGroup) -> ChangeGroupMembersPayload:
        return ChangeGroupMembersPayload(user_group=await _shown(info, row))

    async def refuse(
        user_errors: list[UserError], current: models.UserGroup | None
    ) -> ChangeGroupMembersPayload:
        return ChangeGroupMembersPayload(
            user_group=await _shown(info, current), user_errors=user_errors
        )

    return await run_mutation(
        info,
        input,
        lambda act: user_group_editing.change_members(
            act,
            input.group_id,
            input.add_user_ids,
            input.remove_user_ids,
            input.expected_version,
        ),
        succeed,
        refuse,
    )


async def _shown(info: Info, row: models.UserGroup | None) -> UserGroup | None:
    return None if row is None else await read_by_id(info, UserGroup, row.id, "userGroup")
