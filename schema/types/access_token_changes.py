"""Inputs and payloads of the mutations on access tokens."""

import strawberry

from schema.base.mutation_fields import MutationPayload, dry_run, expected_version
from schema.base.scope import ScopeEnum
from schema.types.access_token import AccessToken
from schema.types.user import User

DEFAULT_LIFE_DAYS = 90
DEFAULT_OVERLAP_HOURS = 24


@strawberry.input(
    description="The access token to issue: its name, its permissions and the user that it belongs"
    " to."
)
class IssueAccessTokenInput:
    user_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="The id of the user that the token will belong to; by default your own user.",
    )
    name: str = strawberry.field(description="The purpose of the token, 1 to 200 characters.")
    scopes: list[ScopeEnum] = strawberry.field(  # type: ignore[valid-type]  # an enum with another name
        description="The permissions of the token. You can only pass on permissions that you and"
        " the token's user both have."
    )
    reseller_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="The id of the reseller to bind the token to, which can't be changed later:"
        " with the token, only this reseller and its customers can be used. By default the reseller"
        " that you or the token's user are bound to, if any.",
    )
    lifetime_days: int | None = strawberry.field(
        default=DEFAULT_LIFE_DAYS,
        description="The number of days after which the token expires, 1 to 3650; 90 by default.",
    )
    expected_version: int | None = expected_version("user")
    dry_run: bool | None = dry_run()


@strawberry.type(description="The result of issuing an access token.")
class IssueAccessTokenPayload(MutationPayload):
    access_token: AccessToken | None = strawberry.field(
        default=None, description="The issued token; null after an error."
    )
    secret: str | None = strawberry.field(
        default=None,
        description="The token's secret, to send as `Authorization: Bearer …`. It is returned only"
        " here and cannot be read again; null in a dry run, after an error, and in a repeat with"
        " the same idempotency key: if you did not get it, revoke the token and issue another.",
    )
    user: User | None = strawberry.field(
        default=None,
        description="The user that the token belongs to. After the error VERSION_CONFLICT, the user"
        " as stored; null after other errors.",
    )


@strawberry.input(
    description="The access token to replace by a new one with the same name, scopes, user and"
    " reseller."
)
class RotateAccessTokenInput:
    id: strawberry.ID = strawberry.field(description="The id of the token to replace.")
    overlap_hours: int | None = strawberry.field(
        default=DEFAULT_OVERLAP_HOURS,
        description="The number of hours that the old token stays valid, 0 to 720; 24 by default."
        " With 0, the old token ends at once; it never stays valid beyond its own expiry. A user"
        " can have 100 replaced tokens that are still valid: a further rotation revokes the one"
        " that would expire first.",
    )
    lifetime_days: int | None = strawberry.field(
        default=None,
        description="The number of days after which the new token expires, 1 to 3650; by default"
        " the lifetime that the old token was issued with.",
    )
    expected_version: int | None = expected_version("token")
    dry_run: bool | None = dry_run()


@strawberry.type(description="The result of rotating an access token.")
class RotateAccessTokenPayload(MutationPayload):
    access_token: AccessToken | None = strawberry.field(
        default=None,
        description="The new token. After the error VERSION_CONFLICT, the token that was to be"
        " replaced, as stored; null after other errors.",
    )
    secret: str | None = strawberry.field(
        default=None,
        description="The secret of the new token, to send as `Authorization: Bearer …`. It is"
        " returned only here and cannot be read again; null in a dry run, after an error, and in a"
        " repeat with the same idempotency key: if you did not get it, rotate the new token.",
    )
    old_access_token: AccessToken | None = strawberry.field(
        default=None, description="The replaced token, with its new expiry; null after an error."
    )


@strawberry.input(description="The access token to revoke. Revoking a token again changes nothing.")
class RevokeAccessTokenInput:
    id: strawberry.ID = strawberry.field(description="The id of the token to revoke.")
    reason: str | None = strawberry.field(
        default=None,
        description="Why the token is revoked, up to 1000 characters; kept in the audit trail.",
    )
    expected_version: int | None = expected_version("token")
    dry_run: bool | None = dry_run()


@strawberry.type(description="The result of revoking an access token, which takes effect at once.")
class RevokeAccessTokenPayload(MutationPayload):
    access_token: AccessToken | None = strawberry.field(
        default=None,
        description="The revoked token. After the error VERSION_CONFLICT, the token as stored; null"
        " after other errors.",
    )
