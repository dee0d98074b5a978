"""Root fields about users, groups, permissions and access tokens."""

import strawberry

from models.tables.access import Scope
from resolvers import access_token as access_token_resolvers
from resolvers import user as user_resolvers
from resolvers import user_group as user_group_resolvers
from schema.base.connection import CountedConnection
from schema.base.operation import operation
from schema.base.permissions import SIGNED_IN, Requires
from schema.types.access_token import AccessToken
from schema.types.access_token_changes import (
    IssueAccessTokenPayload,
    RevokeAccessTokenPayload,
    RotateAccessTokenPayload,
)
from schema.types.permission import Permission
from schema.types.user import User, UserGroup
from schema.types.user_changes import (
    DisableUserPayload,
    EnableUserPayload,
    GrantPermissionsPayload,
    RevokePermissionsPayload,
    SaveUserPayload,
)
from schema.types.user_group_changes import (
    ChangeGroupMembersPayload,
    DeleteUserGroupPayload,
    SaveUserGroupPayload,
)


@strawberry.type
class AccessQuery:
    permissions: list[Permission] = operation(
        user_resolvers.permissions,
        SIGNED_IN,
        "All permissions that exist, by name.",
    )
    users: CountedConnection[User] | None = operation(
        user_resolvers.users,
        Requires(Scope.ACCESS_READ),
        "Users by name. A partner sees the users of its own reseller.",
    )
    user_groups: CountedConnection[UserGroup] | None = operation(
        user_group_resolvers.user_groups,
        Requires(Scope.ACCESS_READ),
        "Groups of users by name. A partner sees the groups of its own users.",
    )
    access_tokens: CountedConnection[AccessToken] | None = operation(
        access_token_resolvers.access_tokens,
        Requires(Scope.ACCESS_READ),
        "Access tokens, newest first. A partner sees the tokens that are bound to its own"
        " reseller.",
    )


@strawberry.type
class AccessMutation:
    save_user: SaveUserPayload | None = operation(
        user_resolvers.save_user,
        Requires(Scope.ACCESS_ADMINISTER),
        "Create a user (without `id`) or change the sent fields of one (with `id`). You cannot"
        " change a user who has a permission that you do not have.",
    )
    disable_user: DisableUserPayload | None = operation(
        user_resolvers.disable_user,
        Requires(Scope.ACCESS_ADMINISTER),
        "Disable a user: none of their credentials can sign in.",
    )
    enable_user: EnableUserPayload | None = operation(
        user_resolvers.enable_user,
        Requires(Scope.ACCESS_ADMINISTER),
        "Enable a disabled user: their credentials can sign in again.",
    )
    save_user_group: SaveUserGroupPayload | None = operation(
        user_group_resolvers.save_user_group,
        Requires(Scope.ACCESS_ADMINISTER),
        "Create a group of users (without `id`) or change the sent fields of one (with `id`).",
    )
    delete_user_group: DeleteUserGroupPayload | None = operation(
        user_group_resolvers.delete_user_group,
        Requires(Scope.ACCESS_ADMINISTER),
        "Delete a group. Its members lose the permissions that they had only through the group.",
    )
    change_group_members: ChangeGroupMembersPayload | None = operation(
        user_group_resolvers.change_group_members,
        Requires(Scope.ACCESS_ADMINISTER),
        "Add users to a group, and remove others from it.",
    )
    grant_permissions: GrantPermissionsPayload | None = operation(
        user_resolvers.grant_permissions,
        Requires(Scope.ACCESS_ADMINISTER),
        "Give permissions to a user or a group. You cannot grant a permission that you do not"
        " have.",
    )
    revoke_permissions: RevokePermissionsPayload | None = operation(
        user_resolvers.revoke_permissions,
        Requires(Scope.ACCESS_ADMINISTER),
        "Take permissions from a user or a group, with immediate effect. A permission that comes"
        " with another one is revoked together with that one.",
    )
    issue_access_token: IssueAccessTokenPayload | None = operation(
        access_token_resolvers.issue_access_token,
        Requires(Scope.ACCESS_ADMINISTER),
        "Issue an access token for a user. The secret is shown only in this answer. A partner"
        " issues tokens for users of its own reseller, and these tokens are bound to it.",
    )
    rotate_access_token: RotateAccessTokenPayload | None = operation(
        access_token_resolvers.rotate_access_token,
        Requires(Scope.ACCESS_ADMINISTER),
        "Replace an access token with one that has another secret. Both can be used for some hours,"
        " so that clients have time to change over.",
    )
    revoke_access_token: RevokeAccessTokenPayload | None = operation(
        access_token_resolvers.revoke_access_token,
        Requires(Scope.ACCESS_ADMINISTER),
        "Revoke an access token, with immediate effect.",
    )
