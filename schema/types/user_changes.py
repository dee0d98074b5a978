"""Inputs and payloads of the mutations on users and permissions."""

import strawberry

from schema.base.mutation_fields import MutationPayload, dry_run, expected_version
from schema.base.scope import ScopeEnum
from schema.types.user import User, UserGroup

REASON = "The reason for the change, at most 1000 characters; kept in the audit trail."
PERMISSIONS = "The permissions; the query `permissions` says what each allows."


@strawberry.input(
    description="The user to create (without `id`) or to edit (with `id`). A field left out keeps"
    " its value; an explicit null clears it."
)
class SaveUserInput:
    id: strawberry.ID | None = strawberry.field(
        default=None, description="The id of the user to edit; leave it out to create a user."
    )
    expected_version: int | None = expected_version("user")
    name: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="The user's name, 1 to 200 characters; required to create a user.",
    )
    email: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="The user's email address, at most 254 characters; only its format is checked.",
    )
    issuer: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="The issuer URL of the identity provider that the user signs in at, at most 255"
        " characters. Send `subject` too.",
    )
    subject: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="The user's id at the identity provider (its claim `sub`), at most 255"
        " characters. Send `issuer` too; no other user may have the same issuer and subject.",
    )
    reseller_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="The id of the reseller that a new user works for, which never changes: with"
        " the user's credentials, only this reseller and its customers can be used. Leave it out"
        " for a user of the platform itself. A partner's users always work for its own reseller.",
    )
    dry_run: bool | None = dry_run()


@strawberry.type(description="The result of saving a user.")
class SaveUserPayload(MutationPayload):
    user: User | None = strawberry.field(
        default=None,
        description="The user after the change. After the error VERSION_CONFLICT, the user as"
        " stored; null after other errors.",
    )


@strawberry.input(description="The user to disable. Disabling a disabled user changes nothing.")
class DisableUserInput:
    id: strawberry.ID = strawberry.field(description="The id of the user.")
    reason: str | None = strawberry.field(default=None, description=REASON)
    expected_version: int | None = expected_version("user")
    dry_run: bool | None = dry_run()


@strawberry.type(
    description="The result of disabling a user: none of their credentials can sign in."
)
class DisableUserPayload(MutationPayload):
    user: User | None = strawberry.field(
        default=None,
        description="The user after the change. After the error VERSION_CONFLICT, the user as"
        " stored; null after other errors.",
    )


@strawberry.input(
    description="The disabled user to enable again. Enabling an active user changes nothing."
)
class EnableUserInput:
    id: strawberry.ID = strawberry.field(description="The id of the user.")
    reason: str | None = strawberry.field(default=None, description=REASON)
    expected_version: int | None = expected_version("user")
    dry_run: bool | None = dry_run()


@strawberry.type(description="The result of enabling a user: their credentials can sign in again.")
class EnableUserPayload(MutationPayload):
    user: User | None = strawberry.field(
        default=None,
        description="The user after the change. After the error VERSION_CONFLICT, the user as"
        " stored; null after other errors.",
    )


@strawberry.input(
    description="The permissions to grant, and the user or user group to grant them to. Permissions"
    " granted before stay."
)
class GrantPermissionsInput:
    grantee_id: strawberry.ID = strawberry.field(
        description="The id of the user or user group whose permissions to change."
    )
    permissions: list[ScopeEnum] = strawberry.field(description=PERMISSIONS)  # type: ignore[valid-type]  # an enum with another name
    reason: str | None = strawberry.field(default=None, description=REASON)
    expected_version: int | None = expected_version("user or group")
    dry_run: bool | None = dry_run()


@strawberry.type(description="The result of granting permissions.")
class GrantPermissionsPayload(MutationPayload):
    user: User | None = strawberry.field(
        default=None,
        description="The user after the change. After the error VERSION_CONFLICT, the user as"
        " stored. Null after other errors, and if `granteeId` is a user group.",
    )
    user_group: UserGroup | None = strawberry.field(
        default=None,
        description="The user group after the change. After the error VERSION_CONFLICT, the group"
        " as stored. Null after other errors, and if `granteeId` is a user.",
    )


@strawberry.input(
    description="The permissions to revoke, and the user or user group to revoke them from. Other"
    " permissions stay."
)
class RevokePermissionsInput:
    grantee_id: strawberry.ID = strawberry.field(
        description="The id of the user or user group whose permissions to change."
    )
    permissions: list[ScopeEnum] = strawberry.field(description=PERMISSIONS)  # type: ignore[valid-type]  # an enum with another name
    reason: str | None = strawberry.field(default=None, description=REASON)
    expected_version: int | None = expected_version("user or group")
    dry_run: bool | None = dry_run()


@strawberry.type(description="The result of revoking permissions.")
class RevokePermissionsPayload(MutationPayload):
    user: User | None = strawberry.field(
        default=None,
        description="The user after the change. After the error VERSION_CONFLICT, the user as"
        " stored. Null after other errors, and if `granteeId` is a user group.",
    )
    user_group: UserGroup | None = strawberry.field(
        default=None,
        description="The user group after the change. After the error VERSION_CONFLICT, the group"
        " as stored. Null after other errors, and if `granteeId` is a user.",
    )
