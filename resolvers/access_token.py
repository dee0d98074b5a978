"""The queries and mutations of access tokens."""

from datetime import timedelta
from typing import Annotated

import strawberry

import models
from models.changes import token_issuing
from models.changes.token_issuing import TokenRequest
from models.lists.access_list import TokenFilter, TokenOrder, tokens_within
from models.storage.sql import all_of
from models.tables.audit import ActorContext
from resolvers.listing import listed_rows
from resolvers.outcome import Outcome, outcome
from resolvers.run_mutation import Input, run_mutation
from schema.base.connection import CountedConnection
from schema.base.context import Info
from schema.base.pagination import After, Before, First, Last
from schema.types.access_filter import AccessTokenFilter, AccessTokenSort
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
from schema.types.user import User, bound_reseller_id


async def access_tokens(
    info: Info,
    first: First = None,
    after: After = None,
    last: Last = None,
    before: Before = None,
    filter: Annotated[
        AccessTokenFilter | None,
        strawberry.argument(
            description="Conditions on the tokens to list. Null lists all tokens that you may see."
        ),
    ] = None,
    sort: Annotated[
        AccessTokenSort | None,  # type: ignore[valid-type]  # an enum with another name
        strawberry.argument(description="The order of the list; by default newest first."),
    ] = TokenOrder.CREATED_AT_DESC,
) -> CountedConnection[AccessToken]:
    wanted = TokenFilter()
    if filter is not None:
        wanted = TokenFilter(filter.user_id, filter.reseller_id, filter.is_valid)
    condition = all_of(
        [wanted.condition(info.context.clock()), tokens_within(bound_reseller_id(info))]
    )
    order: TokenOrder = sort or TokenOrder.CREATED_AT_DESC
    return await listed_rows(
        info, AccessToken, order, condition, first=first, after=after, last=last, before=before
    )


async def issue_access_token(
    info: Info, input: Input[IssueAccessTokenInput]
) -> IssueAccessTokenPayload:
    days = DEFAULT_LIFE_DAYS if input.lifetime_days is None else input.lifetime_days
    wanted = TokenRequest(input.name, input.scopes, days, input.user_id, input.reseller_id)

    async def work(act: ActorContext) -> Outcome:
        issued = await token_issuing.issue(act, wanted, input.expected_version)
        return outcome(
            access_token=issued.token,
            user=issued.token.user_id,
            shown_once={"secret": issued.secret},
        )

    return await run_mutation(info, input, work, IssueAccessTokenPayload, shows=User)


async def rotate_access_token(
    info: Info, input: Input[RotateAccessTokenInput]
) -> RotateAccessTokenPayload:
    hours = DEFAULT_OVERLAP_HOURS if input.overlap_hours is None else input.overlap_hours

    async def work(act: ActorContext) -> Outcome:
        issued = await token_issuing.rotate(
            act,
            input.id,
            timedelta(hours=hours),
            input.lifetime_days,
            input.expected_version,
        )
        return outcome(
            access_token=issued.token,
            old_access_token=str(input.id),
            shown_once={"secret": issued.secret},
        )

    return await run_mutation(info, input, work, RotateAccessTokenPayload, shows=AccessToken)


async def revoke_access_token(
    info: Info, input: Input[RevokeAccessTokenInput]
) -> RevokeAccessTokenPayload:
    async def work(act: ActorContext) -> models.AccessToken:
        return await token_issuing.revoke(act, input.id, input.reason, input.expected_version)

    return await run_mutation(info, input, work, RevokeAccessTokenPayload, shows=AccessToken)
