"""Filters and orders of lists of users, user groups and access tokens."""

import strawberry

from models.lists.access_list import GroupOrder, TokenOrder, UserOrder
from schema.base.descriptions import described_enum

UserSort = described_enum(
    UserOrder,
    "UserSort",
    "The order of a list of users. Users with the same name are ordered by id.",
    {
        "NAME_ASC": "By name, A to Z, regardless of case.",
        "NAME_DESC": "By name, Z to A, regardless of case.",
        "CREATED_AT_ASC": "By time of creation, oldest first.",
        "CREATED_AT_DESC": "By time of creation, newest first.",
    },
)
UserGroupSort = described_enum(
    GroupOrder,
    "UserGroupSort",
    "The order of a list of user groups.",
    {
        "NAME_ASC": "By name, A to Z, regardless of case.",
        "NAME_DESC": "By name, Z to A, regardless of case.",
        "CREATED_AT_ASC": "By time of creation, oldest first.",
        "CREATED_AT_DESC": "By time of creation, newest first.",
    },
)
AccessTokenSort = described_enum(
    TokenOrder,
    "AccessTokenSort",
    "The order of a list of access tokens.",
    {
        "CREATED_AT_DESC": "By time of issue, newest first.",
        "CREATED_AT_ASC": "By time of issue, oldest first.",
    },
)


@strawberry.input(
    description="Conditions on the users to list; a user is listed if they meet all conditions that"
    " are set."
)
class UserFilter:
    """Conditions on users; null does not filter."""

    text: str | None = strawberry.field(
        default=None,
        description="Only users whose name or email address contains this text, regardless of"
        " case. White space alone does not filter.",
    )
    group_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only members of the user group with this id."
    )
    reseller_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only users who work for the reseller with this customer id."
    )
    is_active: bool | None = strawberry.field(
        default=None, description="True: only active users. False: only disabled users."
    )


@strawberry.input(
    description="Conditions on the user groups to list; a group is listed if it meets all"
    " conditions that are set."
)
class UserGroupFilter:
    """Conditions on user groups; null does not filter."""

    text: str | None = strawberry.field(
        default=None,
        description="Only groups whose name contains this text, regardless of case. White space"
        " alone does not filter.",
    )
    member_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only groups that the user with this id is a member of."
    )


@strawberry.input(
    description="Conditions on the access tokens to list; a token is listed if it meets all"
    " conditions that are set."
)
class AccessTokenFilter:
    """Conditions on access tokens; null does not filter."""

    user_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only tokens that belong to the user with this id."
    )
    reseller_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="Only tokens that are bound to the reseller with this customer id.",
    )
    is_valid: bool | None = strawberry.field(
        default=None,
        description="True: only tokens that can be used now. False: only tokens that cannot,"
        " because they were revoked, have expired, or belong to a disabled user.",
    )
