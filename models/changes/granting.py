"""Granting permissions to a user or a group, and revoking them (R93)."""

from collections.abc import Sequence

from models.changes.administration import (
    begin_platform_wide,
    locked,
    refuse_lockout,
    refuse_more_than_held,
)
from models.rules.errors import RefusalCode, refuse
from models.rules.permission import Scope, known, with_implied
from models.rules.text import Checks
from models.storage.identifiers import prefix_of
from models.tables import audit
from models.tables.audit import ActorContext
from models.tables.customer import REASON_LENGTH
from models.tables.customer_class import touch
from models.tables.user import User, UserGroup

Grantee = User | UserGroup

PERMISSIONS = "permissions"


async def grant_permissions(
    act: ActorContext,
    grantee_id: str,
    codes: Sequence[str],
    reason: str | None,
    expected_version: int | None,
) -> Grantee:
    """Grant permissions to a user or group; refuses permissions that the principal lacks."""
    await begin_platform_wide(act)
    grantee = await _locked_grantee(grantee_id, expected_version)
    scopes, why = _checked(codes, reason)
    refuse_more_than_held(act.principal, scopes, PERMISSIONS)
    before = known(grantee.permissions)
    await _store(act, grantee, before | scopes, "permissions.granted", why)
    return grantee


async def revoke_permissions(
    act: ActorContext,
    grantee_id: str,
    codes: Sequence[str],
    reason: str | None,
    expected_version: int | None,
) -> Grantee:
    """Revoke permissions of a user or group; refuses those implied by a permission that stays."""
    await begin_platform_wide(act)
    grantee = await _locked_grantee(grantee_id, expected_version)
    scopes, why = _checked(codes, reason)
    left = known(grantee.permissions) - scopes
    implied = scopes & with_implied(left)
    if implied:
        raise refuse(
            RefusalCode.PERMISSION_IMPLIED,
            f"{', '.join(sorted(implied))} is implied by a permission that would stay:"
            f" {', '.join(sorted(left))}.",
            PERMISSIONS,
            hint="Revoke the permission that implies it too.",
        )
    await _store(act, grantee, left, "permissions.revoked", why)
    await refuse_lockout(act)
    return grantee


def checked_scopes(checks: Checks, codes: Sequence[str], path: str) -> frozenset[Scope]:
    """Return the named permissions.

    Adds refusals of an empty list and unknown codes to `checks`.
    """
    unknown = [code for code in codes if code not in set(Scope)]
    if not codes:
        checks.refuse(RefusalCode.REQUIRED, f"Name at least one permission in `{path}`.", path)
    if unknown:
        checks.refuse(
            RefusalCode.INVALID,
            f"At least one code in `{path}` is not a permission.",
            path,
            hint="The query `permissions` lists them all.",
        )
    return known(codes)


async def _locked_grantee(grantee_id: str, expected_version: int | None) -> Grantee:
    if prefix_of(grantee_id) == "grp":
        return await locked(UserGroup, grantee_id, expected_version, "group", "granteeId")
    return await locked(User, grantee_id, expected_version, "user", "granteeId")


def _checked(codes: Sequence[str], reason: str | None) -> tuple[frozenset[Scope], str | None]:
    checks = Checks()
    scopes = checked_scopes(checks, codes, PERMISSIONS)
    why = checks.optional_text(reason, REASON_LENGTH, "reason", has_lines=True)
    checks.settle()
    return scopes, why


async def _store(
    act: ActorContext,
    grantee: Grantee,
    scopes: frozenset[Scope],
    operation: str,
    reason: str | None,
) -> None:
    """Store the permissions and record the change; does nothing if they are the same."""
    before, after = sorted(grantee.permissions), sorted(scopes)
    if after == before:
        return
    grantee.permissions = [str(scope) for scope in after]
    touch(grantee, act.now)
    await grantee.save()
    await audit.record(
        act,
        operation,
        grantee.id,
        before={PERMISSIONS: before},
        after={PERMISSIONS: grantee.permissions},
        reason=reason,
    )
