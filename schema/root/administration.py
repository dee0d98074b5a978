"""The contents page of administration, of access and of the audit trail: a part of the root's."""

import strawberry

from models.tables.access import Scope
from resolvers import access_token as token_acts
from resolvers import audit as audit_acts
from resolvers import user as user_acts
from resolvers import user_group as group_acts
from schema.base.operation import operation
from schema.base.permissions import SIGNED_IN, Requires
from schema.types.access_connection import Connection
from schema.types.access_token import AccessToken
from schema.types.access_token_changes import (
    IssueAccessTokenPayload,
    RevokeAccessTokenPayload,
    RotateAccessTokenPayload,
)
from schema.types.audit_changes import EraseActorNamesPayload
from schema.types.audit_connection import AuditEntryConnection
from schema.types.permission import Permission
from schema.types.user import READS_ACCESS, User, UserGroup
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

ADMINISTERS_ACCESS = Requires(Scope.ACCESS_ADMINISTER)


@strawberry.type(description="What can be read of access and its use.")
class AdministrationQuery:
    """Queries."""

    permissions: list[Permission] = operation(
        user_acts.permissions, SIGNED_IN, "Every permission that there is, by name (R93, A20)."
    )
    users: Connection[User] | None = operation(
        user_acts.users, READS_ACCESS, "Users by name; a partner's credential sees its own (R99)."
    )
    user_groups: Connection[UserGroup] | None = operation(
        group_acts.user_groups,
        READS_ACCESS,
        "Groups by name; a partner's credential sees those of its users (R99).",
    )
    access_tokens: Connection[AccessToken] | None = operation(
        token_acts.access_tokens,
        READS_ACCESS,
        "Access tokens, newest first; a partner's credential sees those bound alike (R99).",
    )
    audit_trail: AuditEntryConnection | None = operation(
        audit_acts.audit_trail,
        Requires(Scope.AUDIT_READ),
        "What was done, newest first: in the order in which writes were committed, which can differ"
        " slightly from that of `at`.",
    )


@strawberry.type(description="What can be done about access and its trail.")
class AdministrationMutation:
    """Mutations."""

    save_user: SaveUserPayload | None = operation(
        user_acts.save_user,
        ADMINISTERS_ACCESS,
        "Create a user (no id) or change the fields of one that are sent. One who may do more than"
        " you is not yours to change.",
    )
    disable_user: DisableUserPayload | None = operation(
        user_acts.disable_user, ADMINISTERS_ACCESS, "Let nothing of a user's sign in any more."
    )
    enable_user: EnableUserPayload | None = operation(
        user_acts.enable_user, ADMINISTERS_ACCESS, "Let a disabled user sign in again."
    )
    save_user_group: SaveUserGroupPayload | None = operation(
        group_acts.save_user_group,
        ADMINISTERS_ACCESS,
        "Create a group (no id) or change the fields of one that are sent.",
    )
    delete_user_group: DeleteUserGroupPayload | None = operation(
        group_acts.delete_user_group,
        ADMINISTERS_ACCESS,
        "Delete a group; what only it let its members do, they may not do any more.",
    )
    change_group_members: ChangeGroupMembersPayload | None = operation(
        group_acts.change_group_members,
        ADMINISTERS_ACCESS,
        "Put users into a group, and take others out (R93).",
    )
    grant_permissions: GrantPermissionsPayload | None = operation(
        user_acts.grant_permissions,
        ADMINISTERS_ACCESS,
        "Let a user or a group do more: nothing that you may not (R93).",
    )
    revoke_permissions: RevokePermissionsPayload | None = operation(
        user_acts.revoke_permissions,
        ADMINISTERS_ACCESS,
        "Let a user or a group do less, from now on (R93).",
    )
    issue_access_token: IssueAccessTokenPayload | None = operation(
        token_acts.issue_access_token,
        ADMINISTERS_ACCESS,
        "Issue a token for a user. A partner's credential issues them for users of its reseller,"
        " bound to it (R99).",
    )
    rotate_access_token: RotateAccessTokenPayload | None = operation(
        token_acts.rotate_access_token,
        ADMINISTERS_ACCESS,
        "Replace a token by one with another secret; both work for a while.",
    )
    revoke_access_token: RevokeAccessTokenPayload | None = operation(
        token_acts.revoke_access_token, ADMINISTERS_ACCESS, "End a token at once (R95)."
    )
    erase_actor_names: EraseActorNamesPayload | None = operation(
        audit_acts.erase_actor_names,
        Requires(Scope.AUDIT_ERASE),
        "Erase a name from the trail; of a disabled user, all that says who it was (R96).",
    )
