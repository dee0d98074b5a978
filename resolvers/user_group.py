"""The queries and mutations of user groups."""

from typing import Annotated

import strawberry

import models
from models.changes import user_group_editing
from models.lists.access_list import GroupFilter, GroupOrder, wanted_groups
from models.tables.audit import ActorContext
from resolvers.listing import listed_rows
from resolvers.outcome import Outcome, outcome
from resolvers.run_mutation import Input, created, given, run_mutation
from schema.base.connection import CountedConnection
from schema.base.context import Info
from schema.base.pagination import After, Before, First, Last
from schema.types.access_filter import UserGroupFilter, UserGroupSort
from schema.types.filter_values import checked_search
from schema.types.user import UserGroup, bound_reseller_id
from schema.types.user_group_changes import (
    ChangeGroupMembersInput,
    ChangeGroupMembersPayload,
    DeleteUserGroupInput,
    DeleteUserGroupPayload,
    SaveUserGroupInput,
    SaveUserGroupPayload,
)


async def user_groups(
    info: Info,
    first: First = None,
    after: After = None,
    last: Last = None,
    before: Before = None,
    filter: Annotated[
        UserGroupFilter | None,
        strawberry.argument(
            description="Conditions on the groups to list. Null lists all groups that you may see."
        ),
    ] = None,
    sort: Annotated[
        UserGroupSort | None,  # type: ignore[valid-type]  # an enum with another name
        strawberry.argument(description="The order of the list; by default by name."),
    ] = GroupOrder.NAME_ASC,
) -> CountedConnection[UserGroup]:
    given_filter = filter or UserGroupFilter()
    wanted = GroupFilter(checked_search(given_filter.text), given_filter.member_id)
    condition = wanted_groups(wanted.condition(), bound_reseller_id(info))
    order: GroupOrder = sort or GroupOrder.NAME_ASC
    return await listed_rows(
        info, UserGroup, order, condition, first=first, after=after, last=last, before=before
    )


async def save_user_group(info: Info, input: Input[SaveUserGroupInput]) -> SaveUserGroupPayload:
    values = given(input, *user_group_editing.GROUP_FIELDS)
    group_id = input.id

    async def work(act: ActorContext) -> models.UserGroup:
        if group_id is None:
            group = user_group_editing.create_group(act, values)
            return await created(act, input.expected_version, group)
        return await user_group_editing.edit_group(act, group_id, values, input.expected_version)

    return await run_mutation(info, input, work, SaveUserGroupPayload, shows=UserGroup)


async def delete_user_group(
    info: Info, input: Input[DeleteUserGroupInput]
) -> DeleteUserGroupPayload:
    async def work(act: ActorContext) -> Outcome:
        row = await user_group_editing.delete_group(act, input.id, input.expected_version)
        return outcome(deleted_id=row.id)

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
