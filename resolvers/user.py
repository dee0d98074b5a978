"""The queries and mutations of users and of permissions."""

from typing import Annotated

import strawberry

import models
from models.changes import granting, user_editing
from models.lists.access_list import USERS, UserFilter, users_within
from models.rules.permission import CATALOGUE
from models.storage.sql import all_of
from models.tables.audit import ActorContext
from resolvers.listing import listed_in_order
from resolvers.run_mutation import Input, given, refuse_version_of_nothing, run_mutation
from schema.base.connection import CountedConnection
from schema.base.context import Info
from schema.base.pagination import DEFAULT_PAGE, After, First
from schema.types.permission import Permission, shown
from schema.types.user import User, UserGroup, reach_of
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
    first: First = DEFAULT_PAGE,
    after: After = None,
    text: Annotated[
        str | None,
        strawberry.argument(
            description="Return users whose name or email address contains this text, in upper or"
            " lower case."
        ),
    ] = None,
    group_id: Annotated[
        strawberry.ID | None, strawberry.argument(description="Return members of this group.")
    ] = None,
    reseller_id: Annotated[
        strawberry.ID | None,
        strawberry.argument(description="Return staff of this reseller, by its customer id."),
    ] = None,
    is_active: Annotated[
        bool | None,
        strawberry.argument(description="True returns active users, false disabled ones."),
    ] = None,
) -> CountedConnection[User]:
    wanted = UserFilter(text, group_id, reseller_id, is_active).condition()
    condition = all_of([wanted, users_within(reach_of(info))])
    return await listed_in_order(info, User, "users", USERS, condition, first, after)


async def save_user(info: Info, input: Input[SaveUserInput]) -> SaveUserPayload:
    values = given(input, *user_editing.USER_FIELDS)
    user_id = input.id

    async def work(act: ActorContext) -> models.User:
        if user_id is None:
            refuse_version_of_nothing(input.expected_version)
            return await user_editing.create_user(act, values, input.reseller_id)
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
