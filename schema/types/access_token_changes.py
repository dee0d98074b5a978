"""What changes access tokens: inputs and payloads."""

import strawberry

from schema.base.user_error import UserError
from schema.types.access_token import AccessToken
from schema.types.user import User

DEFAULT_LIFE_DAYS = 90
DEFAULT_OVERLAP_HOURS = 24


@strawberry.input(description="A token to issue.")
class IssueAccessTokenInput:
    """An input."""

    user_id: strawberry.ID | None = strawberry.field(
        default=None, description="Whose it will be; your own user unless told."
    )
    name: str = strawberry.field(description="What it is for, 1 to 200 characters.")
    scopes: list[str] = strawberry.field(
        description="What it may do, as `resource:verb`: nothing that its user, or you, may not."
    )
    reseller_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="The reseller to bind it to, for good; that of its user unless told (R99).",
    )
    lifetime_days: int | None = strawberry.field(
        default=DEFAULT_LIFE_DAYS, description="When it ends by itself: after 1 to 3650 days."
    )
    expected_version: int | None = strawberry.field(
        default=None, description="Refuse if the user is at another version (R101)."
    )
    dry_run: bool | None = strawberry.field(
        default=False, description="Do everything but keep nothing."
    )


@strawberry.type(description="What issuing a token did.")
class IssueAccessTokenPayload:
    """A payload."""

    access_token: AccessToken | None = strawberry.field(
        default=None, description="The token as it is now."
    )
    secret: str | None = strawberry.field(
        default=None,
        description="The token to send as `Authorization: Bearer …`. It is shown this once, and"
        " stored nowhere; null in a dry run.",
    )
    user: User | None = strawberry.field(
        default=None, description="Its user, as it stands after a conflict."
    )
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Why nothing was changed; empty if it was."
    )


@strawberry.input(description="A token to replace by a successor with another secret.")
class RotateAccessTokenInput:
    """An input."""

    id: strawberry.ID = strawberry.field(description="The token to be replaced.")
    overlap_hours: int | None = strawberry.field(
        default=DEFAULT_OVERLAP_HOURS,
        description="How many hours the old token stays valid beside its successor, if it lives as"
        " long: 0 ends it at once, 720 at most. An owner has at most 100 such tokens: a further"
        " rotation revokes the one that would end first.",
    )
    lifetime_days: int | None = strawberry.field(
        default=None,
        description="When the successor ends by itself: after 1 to 3650 days; unless told, after"
        " as long as the old one was issued for.",
    )
    expected_version: int | None = strawberry.field(
        default=None, description="Refuse if the token is at another version (R101)."
    )
    dry_run: bool | None = strawberry.field(
        default=False, description="Do everything but keep nothing."
    )


@strawberry.type(description="What rotating a token did.")
class RotateAccessTokenPayload:
    """A payload."""

    access_token: AccessToken | None = strawberry.field(
        default=None,
        description="The successor: same name, scopes and binding. After a conflict, the token.",
    )
    secret: str | None = strawberry.field(
        default=None,
        description="The token to send as `Authorization: Bearer …`. It is shown this once, and"
        " stored nowhere; null in a dry run.",
    )
    old_access_token: AccessToken | None = strawberry.field(
        default=None, description="The old token, with when it ends."
    )
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Why nothing was changed; empty if it was."
    )


@strawberry.input(description="A token to end.")
class RevokeAccessTokenInput:
    """An input."""

    id: strawberry.ID = strawberry.field(description="The token.")
    reason: str | None = strawberry.field(
        default=None, description="Why, up to 1000 characters; kept in the audit trail."
    )
    expected_version: int | None = strawberry.field(
        default=None, description="Refuse if the token is at another version (R101)."
    )
    dry_run: bool | None = strawberry.field(
        default=False, description="Do everything but keep nothing."
    )


@strawberry.type(description="What revoking a token did; it opens nothing any more.")
class RevokeAccessTokenPayload:
    """A payload."""

    access_token: AccessToken | None = strawberry.field(
        default=None, description="The token as it is now."
    )
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Why nothing was changed; empty if it was."
    )
