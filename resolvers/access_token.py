"""What the root fields on access tokens do."""

from datetime import timedelta
from typing import Annotated

import strawberry

import models
from models.changes import token_issuing
from models.changes.token_issuing import Issued, TokenRequest
from models.lists.access_list import TOKENS_NEWEST_FIRST, TokenFilter, tokens_within
from models.storage.sql import all_of
from resolvers.listing import After, First, listed
from resolvers.run_mutation import run_mutation
from schema.base.context import Info
from schema.base.pagination import DEFAULT_PAGE
from schema.base.projections import read_by_id
from schema.base.user_error import UserError
from schema.types.access_connection import Connection
from schema.types.access_token import AccessToken
from schema.types.access_token_changes import (
    DEFAULT_LIFE_DAYS,
    DEFAULT_OVERLAP_HOURS,
    IssueAccessTokenInput,
    IssueAccessTokenPayload,
    RevokeAccessTokenInput,
    RevokeAccessTokenPayload,
    RotateAccessTokenInput,
    RotateAccessTokenPayload,
)
from schema.types.user import User, reach_of


async def access_tokens(
    info: Info,
    first: First = DEFAULT_PAGE,
    after: After = None,
    user_id: Annotated[
        strawberry.ID | None, strawberry.argument(description="Only those of a user.")
    ] = None,
    reseller_id: Annotated[
        strawberry.ID | None, strawberry.argument(description="Only those bound to a reseller.")
    ] = None,
    is_valid: Annotated[
        bool | None,
        strawberry.argument(description="Only those that open something now, or nothing."),
    ] = None,
) -> Connection[AccessToken]:
    """List tokens, newest first, as far as they are within reach (R99)."""
    wanted = TokenFilter(user_id, reseller_id, is_valid).condition(info.context.clock())
    condition = all_of([wanted, tokens_within(reach_of(info))])
    order = TOKENS_NEWEST_FIRST
    return await listed(info, AccessToken, "access-tokens", order, condition, first, after)


async def issue_access_token(
    info: Info,
    input: Annotated[IssueAccessTokenInput, strawberry.argument(description="What to issue.")],  # noqa: A002  # the contract's name
) -> IssueAccessTokenPayload:
    """Issue a token, and show its secret this once."""
    days = DEFAULT_LIFE_DAYS if input.lifetime_days is None else input.lifetime_days
    wanted = TokenRequest(input.name, input.scopes, days, input.user_id, input.reseller_id)

    async def succeed(issued: Issued) -> IssueAccessTokenPayload:
        return IssueAccessTokenPayload(
            access_token=await _shown(info, issued.token),
            secret=None if input.dry_run else issued.secret,
            user=await _shown_user(info, issued.token.user_id),
        )

    async def refuse(
        user_errors: list[UserError], current: models.User | None
    ) -> IssueAccessTokenPayload:
        return IssueAccessTokenPayload(
            user=await _shown_user(info, None if current is None else current.id),
            user_errors=user_errors,
        )

    return await run_mutation(
        info,
        input,
        lambda act: token_issuing.issue(act, wanted, input.expected_version),
        succeed,
        refuse,
    )


async def rotate_access_token(
    info: Info,
    input: Annotated[RotateAccessTokenInput, strawberry.argument(description="What to rotate.")],  # noqa: A002  # the contract's name
) -> RotateAccessTokenPayload:
    """Issue a successor, and let the old token go on for a while."""
    hours = DEFAULT_OVERLAP_HOURS if input.overlap_hours is None else input.overlap_hours

    async def succeed(issued: Issued) -> RotateAccessTokenPayload:
        return RotateAccessTokenPayload(
            access_token=await _shown(info, issued.token),
            secret=None if input.dry_run else issued.secret,
            old_access_token=await read_by_id(info, AccessToken, input.id, "oldAccessToken"),
        )

    async def refuse(
        user_errors: list[UserError], current: models.AccessToken | None
    ) -> RotateAccessTokenPayload:
        return RotateAccessTokenPayload(
            access_token=await _shown(info, current), user_errors=user_errors
        )

    return await run_mutation(
        info,
        input,
        lambda act: token_issuing.rotate(
            act,
            input.id,
            timedelta(hours=hours),
            input.lifetime_days,
            input.expected_version,
        ),
        succeed,
        refuse,
    )


async def revoke_access_token(
    info: Info,
    input: Annotated[RevokeAccessTokenInput, strawberry.argument(description="What to revoke.")],  # noqa: A002  # the contract's name
) -> RevokeAccessTokenPayload:
    """End a token at once."""

    async def succeed(row: models.AccessToken) -> RevokeAccessTokenPayload:
        return RevokeAccessTokenPayload(access_token=await _shown(info, row))

    async def refuse(
        user_errors: list[UserError], current: models.AccessToken | None
    ) -> RevokeAccessTokenPayload:
        return RevokeAccessTokenPayload(
            access_token=await _shown(info, current), user_errors=user_errors
        )

    return await run_mutation(
        info,
        input,
        lambda act: token_issuing.revoke(act, input.id, input.reason, input.expected_version),
        succeed,
        refuse,
    )


async def _shown(info: Info, row: models.AccessToken | None) -> AccessToken | None:
    return None if row is None else await read_by_id(info, AccessToken, row.id, "accessToken")


async def _shown_user(info: Info, user_id: str | None) -> User | None:
    return None if user_id is None else await read_by_id(info, User, user_id, "user")
