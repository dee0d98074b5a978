"""The queries and mutations of access tokens."""

from datetime import timedelta
from typing import Annotated

import strawberry

import models
from models.changes import token_issuing
from models.changes.token_issuing import TokenRequest
from models.lists.access_list import TOKENS_NEWEST_FIRST, TokenFilter, tokens_within
from models.storage.sql import all_of
from models.tables.audit import ActorContext
from resolvers.listing import listed_in_order
from resolvers.run_mutation import Input, run_mutation
from schema.base.connection import CountedConnection
from schema.base.context import Info
from schema.base.pagination import DEFAULT_PAGE, After, First
from schema.base.projections import read_by_id
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
        strawberry.ID | None, strawberry.argument(description="Return tokens of this user.")
    ] = None,
    reseller_id: Annotated[
        strawberry.ID | None,
        strawberry.argument(
            description="Return tokens that are bound to this reseller, by its customer id."
        ),
    ] = None,
    is_valid: Annotated[
        bool | None,
        strawberry.argument(
            description="True returns tokens that can be used now; false returns those that cannot,"
            " because they were revoked, have expired, or belong to a disabled user."
        ),
    ] = None,
) -> CountedConnection[AccessToken]:
    wanted = TokenFilter(user_id, reseller_id, is_valid).condition(info.context.clock())
    condition = all_of([wanted, tokens_within(reach_of(info))])
    order = TOKENS_NEWEST_FIRST
    return await listed_in_order(info, AccessToken, "access-tokens", order, condition, first, after)


async def issue_access_token(
    info: Info, input: Input[IssueAccessTokenInput]
) -> IssueAccessTokenPayload:
    days = DEFAULT_LIFE_DAYS if input.lifetime_days is None else input.lifetime_days
    wanted = TokenRequest(input.name, input.scopes, days, input.user_id, input.reseller_id)

    async def work(act: ActorContext) -> IssueAccessTokenPayload:
        issued = await token_issuing.issue(act, wanted, input.expected_version)
        user_id = issued.token.user_id
        return IssueAccessTokenPayload(
            access_token=await read_by_id(info, AccessToken, issued.token.id, "accessToken"),
            secret=None if input.dry_run else issued.secret,
            user=None if user_id is None else await read_by_id(info, User, user_id, "user"),
        )

    return await run_mutation(info, input, work, IssueAccessTokenPayload, shows=User)


async def rotate_access_token(
    info: Info, input: Input[RotateAccessTokenInput]
) -> RotateAccessTokenPayload:
    hours = DEFAULT_OVERLAP_HOURS if input.overlap_hours is None else input.overlap_hours

    async def work(act: ActorContext) -> RotateAccessTokenPayload:
        issued = await token_issuing.rotate(
            act,
            input.id,
            timedelta(hours=hours),
            input.lifetime_days,
            input.expected_version,
        )
        return RotateAccessTokenPayload(
            access_token=await read_by_id(info, AccessToken, issued.token.id, "accessToken"),
            secret=None if input.dry_run else issued.secret,
            old_access_token=await read_by_id(info, AccessToken, input.id, "oldAccessToken"),
        )

    return await run_mutation(info, input, work, RotateAccessTokenPayload, shows=AccessToken)


async def revoke_access_token(
    info: Info, input: Input[RevokeAccessTokenInput]
) -> RevokeAccessTokenPayload:
    async def work(act: ActorContext) -> models.AccessToken:
        return await token_issuing.revoke(act, input.id, input.reason, input.expected_version)

    return await run_mutation(info, input, work, RevokeAccessTokenPayload, shows=AccessToken)
