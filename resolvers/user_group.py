"""The queries and mutations of user groups."""

import strawberry

import models
from models.changes import user_group_editing
from models.lists.access_list import GROUPS, groups_within
from models.tables.audit import ActorContext
from resolvers.listing import listed_in_order
from resolvers.run_mutation import Input, given, refuse_version_of_nothing, run_mutation
from schema.base.connection import CountedConnection
from schema.base.context import Info
from schema.base.pagination import DEFAULT_PAGE, After, First
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
) -> CountedConnection[UserGroup]:
    condition = groups_within(reach_of(info))
    return await listed_in_order(info, UserGroup, "user-groups", GROUPS, condition, first, after)


async def save_user_group(info: Info, input: Input[SaveUserGroupInput]) -> SaveUserGroupPayload:
    values = given(input, *user_group_editing.GROUP_FIELDS)
    group_id = input.id

    async def work(act: ActorContext) -> models.UserGroup:
        if group_id is None:
            refuse_version_of_nothing(input.expected_version)
            return await user_group_editing.create_group(act, values)
        return await user_group_editing.edit_group(act, group_id, values, input.expected_version)

    return await run_mutation(info, input, work, SaveUserGroupPayload, shows=UserGroup)


async def delete_user_group(
    info: Info, input: Input[DeleteUserGroupInput]
) -> DeleteUserGroupPayload:
    async def work(act: ActorContext) -> DeleteUserGroupPayload:
        row = await user_group_editing.delete_group(act, input.id, input.expected_version)
        return DeleteUserGroupPayload(deleted_id=strawberry.ID(row.id))

    return await run_mutation(info, input, work, DeleteUserGroupPayload, shows=UserGroup)


async def change_group_members(
    info: Info, input: Input[ChangeGroupMembersInput]
) -> ChangeGroupMembersPayload:
    async def work(act: ActorContext) -> models.UserGroup:
        return await user_group_editing.change_members(
            act,
            input.group_id,
            input.add_user_ids,
            input.remove_user_ids,
            input.expected_version,
        )

    return await run_mutation(info, input, work, ChangeGroupMembersPayload, shows=UserGroup)
