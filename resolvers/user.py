"""What the root fields on users do, and on what users and groups are permitted."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypeVar

import strawberry

import models
from models.changes import granting, user_editing
from models.lists.access_list import USERS, UserFilter, users_within
from models.rules.permission import CATALOGUE
from models.storage.sql import all_of
from models.tables.audit import ActorContext
from resolvers.listing import After, First, listed
from resolvers.run_mutation import Input, given, refuse_version_of_nothing, run_mutation
from schema.base.context import Info
from schema.base.pagination import DEFAULT_PAGE
from schema.base.projections import read_by_id
from schema.base.user_error import UserError
from schema.types.access_connection import Connection
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

Payload = TypeVar("Payload")


async def permissions() -> list[Permission]:
    """List the catalogue."""
    return shown(CATALOGUE)


async def users(
    info: Info,
    first: First = DEFAULT_PAGE,
    after: After = None,
    text: Annotated[
        str | None, strawberry.argument(description="What the name or the address holds.")
    ] = None,
    group_id: Annotated[
        strawberry.ID | None, strawberry.argument(description="Only the members of a group.")
    ] = None,
    reseller_id: Annotated[
        strawberry.ID | None, strawberry.argument(description="Only the staff of a reseller.")
    ] = None,
    is_active: Annotated[
        bool | None, strawberry.argument(description="Only active ones, or disabled ones.")
    ] = None,
) -> Connection[User]:
    """List users by name, as far as they are within reach (R99)."""
    wanted = UserFilter(text, group_id, reseller_id, is_active).condition()
    condition = all_of([wanted, users_within(reach_of(info))])
    return await listed(info, User, "users", USERS, condition, first, after)


async def save_user(
    info: Info,
    input: Annotated[SaveUserInput, strawberry.argument(description="What to save.")],  # noqa: A002  # the contract's name
) -> SaveUserPayload:
    """Create or edit a user."""
    values = given(input, *user_editing.USER_FIELDS)
    user_id = input.id

    async def work(act: ActorContext) -> models.User:
        if user_id is None:
            refuse_version_of_nothing(input.expected_version)
            return await user_editing.create_user(act, values, input.reseller_id)
        return await user_editing.edit_user(
            act, user_id, values, input.reseller_id, input.expected_version
        )

    return await _perform(info, input, work, SaveUserPayload)


async def disable_user(
    info: Info,
    input: Annotated[DisableUserInput, strawberry.argument(description="Whom to disable.")],  # noqa: A002  # the contract's name
) -> DisableUserPayload:
    """Disable a user."""
    return await _perform(
        info,
        input,
        lambda act: user_editing.disable_user(act, input.id, input.reason, input.expected_version),
        DisableUserPayload,
    )


async def enable_user(
    info: Info,
    input: Annotated[EnableUserInput, strawberry.argument(description="Whom to enable.")],  # noqa: A002  # the contract's name
) -> EnableUserPayload:
    """Enable a user again."""
    return await _perform(
        info,
        input,
        lambda act: user_editing.enable_user(act, input.id, input.reason, input.expected_version),
        EnableUserPayload,
    )


async def grant_permissions(
    info: Info,
    input: Annotated[  # noqa: A002  # the contract's name
        GrantPermissionsInput, strawberry.argument(description="What to grant to whom.")
    ],
) -> GrantPermissionsPayload:
    """Let a user or a group do more."""
    return await _perform_for_grantee(
        info,
        input,
        lambda act: granting.grant_permissions(
            act, input.grantee_id, input.permissions, input.reason, input.expected_version
        ),
        GrantPermissionsPayload,
    )


async def revoke_permissions(
    info: Info,
    input: Annotated[  # noqa: A002  # the contract's name
        RevokePermissionsInput, strawberry.argument(description="What to take from whom.")
    ],
) -> RevokePermissionsPayload:
    """Let a user or a group do less."""
    return await _perform_for_grantee(
        info,
        input,
        lambda act: granting.revoke_permissions(
            act, input.grantee_id, input.permissions, input.reason, input.expected_version
        ),
        RevokePermissionsPayload,
    )


async def _perform(
    info: Info,
    input_: Input,
    work: Callable[[ActorContext], Awaitable[models.User]],
    payload: Callable[..., Payload],
) -> Payload:
    """Do the work and give a payload that shows the user."""

    async def succeed(row: models.User) -> Payload:
        return payload(user=await read_by_id(info, User, row.id, "user"))

    async def refuse(user_errors: list[UserError], current: models.User | None) -> Payload:
        found = None if current is None else await read_by_id(info, User, current.id, "user")
        return payload(user=found, user_errors=user_errors)

    return await run_mutation(info, input_, work, succeed, refuse)


async def _perform_for_grantee(
    info: Info,
    input_: Input,
    work: Callable[[ActorContext], Awaitable[granting.Grantee]],
    payload: Callable[..., Payload],
) -> Payload:
    """Do the work and give a payload that shows the user or the group."""

    async def shown_row(row: granting.Grantee | None) -> dict[str, Any]:
        if isinstance(row, models.User):
            return {"user": await read_by_id(info, User, row.id, "user")}
        if row is None:
            return {}
        return {"user_group": await read_by_id(info, UserGroup, row.id, "userGroup")}

    async def succeed(row: granting.Grantee) -> Payload:
        return payload(**await shown_row(row))

    async def refuse(user_errors: list[UserError], current: granting.Grantee | None) -> Payload:
        return payload(**await shown_row(current), user_errors=user_errors)

    return await run_mutation(info, input_, work, succeed, refuse)
