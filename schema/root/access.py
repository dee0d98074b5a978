"""Root fields about users, groups, permissions and access tokens."""

import strawberry

from models.tables.access import Scope
from resolvers import access_token as access_token_resolvers
from resolvers import deprecated_use as deprecated_use_resolvers
from resolvers import node as node_resolvers
from resolvers import usage as usage_resolvers
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
from schema.types.deprecated_use import DeprecatedUse
from schema.types.permission import Permission
from schema.types.usage import UsageConnection
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
    permissions: list[Permission] | None = operation(
        user_resolvers.permissions,
        SIGNED_IN,
        "All permissions that exist, by name.",
    )
    user: User | None = operation(
        node_resolvers.user,
        Requires(Scope.ACCESS_READ),
        "One user by their id; null if there is none that you may see.",
    )
    users: CountedConnection[User] | None = operation(
        user_resolvers.users,
        Requires(Scope.ACCESS_READ),
        "Users by name. A partner (a caller bound to a reseller) sees the users of its own"
        " reseller.",
    )
    user_group: UserGroup | None = operation(
        node_resolvers.user_group,
        Requires(Scope.ACCESS_READ),
        "One group of users by its id; null if there is none that you may see.",
    )
    user_groups: CountedConnection[UserGroup] | None = operation(
        user_group_resolvers.user_groups,
        Requires(Scope.ACCESS_READ),
        "User groups by name. A partner (a caller bound to a reseller) sees the groups of the users"
        " of its own reseller.",
    )
    access_token: AccessToken | None = operation(
        node_resolvers.access_token,
        Requires(Scope.ACCESS_READ),
        "One access token by its id; null if there is none that you may see.",
    )
    access_tokens: CountedConnection[AccessToken] | None = operation(
        access_token_resolvers.access_tokens,
        Requires(Scope.ACCESS_READ),
        "Access tokens, newest first. A partner (a caller bound to a reseller) sees the tokens that"
        " are bound to its own reseller.",
    )
    deprecated_uses: CountedConnection[DeprecatedUse] | None = operation(
        deprecated_use_resolvers.deprecated_uses,
        Requires(Scope.ACCESS_READ),
        "Which credentials have used deprecated parts of this schema, by day, newest first; to find"
        " out who must still change a client. A partner (a caller bound to a reseller) sees the"
        " uses of its own credentials.",
    )
    usage: UsageConnection | None = operation(
        usage_resolvers.usage,
        Requires(Scope.ACCESS_READ),
        "Calls of the API, counted by day, credential and operation. Calls are counted within ten"
        " seconds of their end. A partner (a caller bound to a reseller) sees the calls by"
        " credentials that are bound to its own reseller.",
    )


@strawberry.type
class AccessMutation:
    save_user: SaveUserPayload | None = operation(
        user_resolvers.save_user,
        Requires(Scope.ACCESS_ADMINISTER),
        "Create a user (without `id`) or change the sent fields of one (with `id`). You cannot"
        " change a user who has a permission that you do not have. A partner (a caller bound to a"
        " reseller) creates and changes users of its own reseller, at most 100 active ones, and"
        " cannot set `issuer` and `subject`.",
    )
    disable_user: DisableUserPayload | None = operation(
        user_resolvers.disable_user,
        Requires(Scope.ACCESS_ADMINISTER),
        "Disable a user: none of their credentials can sign in. A partner (a caller bound to a"
        " reseller) disables users of its own reseller.",
    )
    enable_user: EnableUserPayload | None = operation(
        user_resolvers.enable_user,
        Requires(Scope.ACCESS_ADMINISTER),
        "Enable a disabled user: their credentials can sign in again. A partner (a caller bound to"
        " a reseller) enables users of its own reseller, unless the platform's staff disabled"
        " them.",
    )
    save_user_group: SaveUserGroupPayload | None = operation(
        user_group_resolvers.save_user_group,
        Requires(Scope.ACCESS_ADMINISTER),
        "Create a user group (without `id`) or change the sent fields of one (with `id`). Not for"
        " partners (callers bound to a reseller), as for all changes of groups.",
    )
    delete_user_group: DeleteUserGroupPayload | None = operation(
        user_group_resolvers.delete_user_group,
        Requires(Scope.ACCESS_ADMINISTER),
        "Delete a user group. Its members lose the permissions that they had only through the"
        " group.",
    )
    change_group_members: ChangeGroupMembersPayload | None = operation(
        user_group_resolvers.change_group_members,
        Requires(Scope.ACCESS_ADMINISTER),
        "Add users to a user group, and remove others from it.",
    )
    grant_permissions: GrantPermissionsPayload | None = operation(
        user_resolvers.grant_permissions,
        Requires(Scope.ACCESS_ADMINISTER),
        "Grant permissions to a user or a user group. You cannot grant a permission that you do not"
        " have. A partner (a caller bound to a reseller) grants permissions to users of its own"
        " reseller, but not to groups.",
    )
    revoke_permissions: RevokePermissionsPayload | None = operation(
        user_resolvers.revoke_permissions,
        Requires(Scope.ACCESS_ADMINISTER),
        "Revoke permissions from a user or a user group, with immediate effect. A permission that"
        " another permission includes can be revoked only together with that one. A partner (a"
        " caller bound to a reseller) revokes permissions from users of its own reseller, but not"
        " from groups.",
    )
    issue_access_token: IssueAccessTokenPayload | None = operation(
        access_token_resolvers.issue_access_token,
        Requires(Scope.ACCESS_ADMINISTER),
        "Issue an access token for a user. The token's secret is returned only here. A partner (a"
        " caller bound to a reseller) issues tokens for users of its own reseller, and these tokens"
        " are bound to that reseller.",
    )
    rotate_access_token: RotateAccessTokenPayload | None = operation(
        access_token_resolvers.rotate_access_token,
        Requires(Scope.ACCESS_ADMINISTER),
        "Replace an access token with a new one that has another secret. Both tokens can be used"
        " for some hours, so that clients have time to change over.",
    )
    revoke_access_token: RevokeAccessTokenPayload | None = operation(
        access_token_resolvers.revoke_access_token,
        Requires(Scope.ACCESS_ADMINISTER),
        "Revoke an access token, with immediate effect.",
    )
