"""The queries and mutations of users and of permissions."""

from typing import Annotated

import strawberry

import models
from models.changes import granting, user_editing
from models.lists.access_list import UserFilter as Wanted
from models.lists.access_list import UserOrder, users_within
from models.rules.permission import CATALOGUE
from models.storage.sql import all_of
from models.tables.audit import ActorContext
from resolvers.listing import listed_rows
from resolvers.run_mutation import Input, created, given, run_mutation
from schema.base.connection import CountedConnection
from schema.base.context import Info
from schema.base.pagination import After, Before, First, Last
from schema.types.access_filter import UserFilter, UserSort
from schema.types.filter_values import checked_search
from schema.types.permission import Permission, shown
from schema.types.user import User, UserGroup, bound_reseller_id
from schema.types.user_changes import (
    DisableUserInput,
    DisableUserPayload,
    EnableUserInput,
    EnableUserPayload,
    GrantPermissionsInput,
    GrantPermissionsPayload,
    RevokePermissionsInput,
    RevokePermissionsPayload,
    SaveUserInput,
    SaveUserPayload,
)


async def permissions() -> list[Permission]:
    return shown(CATALOGUE)


async def users(
    info: Info,
    first: First = None,
    after: After = None,
    last: Last = None,
    before: Before = None,
    filter: Annotated[
        UserFilter | None,
        strawberry.argument(
            description="Conditions on the users to list. Null lists all users that you may see."
        ),
    ] = None,
    sort: Annotated[
        UserSort | None,  # type: ignore[valid-type]  # an enum with another name
        strawberry.argument(description="The order of the list; by default by name."),
    ] = UserOrder.NAME_ASC,
) -> CountedConnection[User]:
    given_filter = filter or UserFilter()
    wanted = Wanted(
        checked_search(given_filter.text),
        given_filter.group_id,
        given_filter.reseller_id,
        given_filter.is_active,
    )
    condition = all_of([wanted.condition(), users_within(bound_reseller_id(info))])
    order: UserOrder = sort or UserOrder.NAME_ASC
    return await listed_rows(
        info, User, order, condition, first=first, after=after, last=last, before=before
    )


async def save_user(info: Info, input: Input[SaveUserInput]) -> SaveUserPayload:
    values = given(input, *user_editing.USER_FIELDS)
    user_id = input.id

    async def work(act: ActorContext) -> models.User:
        if user_id is None:
            user = user_editing.create_user(act, values, input.reseller_id)
            return await created(act, input.expected_version, user)
        return await user_editing.edit_user(
            act, user_id, values, input.reseller_id, input.expected_version
        )

    return await run_mutation(info, input, work, SaveUserPayload, shows=User)


async def disable_user(info: Info, input: Input[DisableUserInput]) -> DisableUserPayload:
    async def work(act: ActorContext) -> models.User:
        return await user_editing.disable_user(act, input.id, input.reason, input.expected_version)

    return await run_mutation(info, input, work, DisableUserPayload, shows=User)


async def enable_user(info: Info, input: Input[EnableUserInput]) -> EnableUserPayload:
    async def work(act: ActorContext) -> models.User:
        return await user_editing.enable_user(act, input.id, input.reason, input.expected_version)

    return await run_mutation(info, input, work, EnableUserPayload, shows=User)


async def grant_permissions(
    info: Info, input: Input[GrantPermissionsInput]
) -> GrantPermissionsPayload:
    async def work(act: ActorContext) -> granting.Grantee:
        return await granting.grant_permissions(
            act, input.grantee_id, input.permissions, input.reason, input.expected_version
        )

    return await run_mutation(info, input, work, GrantPermissionsPayload, shows=(User, UserGroup))


async def revoke_permissions(
    info: Info, input: Input[RevokePermissionsInput]
) -> RevokePermissionsPayload:
    async def work(act: ActorContext) -> granting.Grantee:
        return await granting.revoke_permissions(
            act, input.grantee_id, input.permissions, input.reason, input.expected_version
        )

    return await run_mutation(info, input, work, RevokePermissionsPayload, shows=(User, UserGroup))
