"""Granting permissions to a user or a group, and revoking them (R93)."""

from collections.abc import Sequence

from models.changes.administration import (
    begin_administration,
    check_held,
    locked,
    refuse_beyond_reseller,
    refuse_lockout,
)
from models.changes.partner_staff import locked_user
from models.rules.checks import Checks
from models.rules.errors import RefusalCode, refuse
from models.rules.permission import Scope, known, with_implied
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
    wanted: Sequence[Scope],
    reason: str | None,
    expected_version: int | None,
) -> Grantee:
    """Grant permissions to a user or group; refuses permissions that the principal lacks."""
    await begin_administration()
    checks = act.checks()
    scopes, why = _checked(checks, wanted, reason)
    check_held(checks, act.principal, scopes, PERMISSIONS)
    grantee = await checks.conclude(_locked_grantee(act, grantee_id, expected_version))
    before = known(grantee.permissions)
    await _store(act, grantee, before | scopes, "permissions.granted", why)
    return grantee


async def revoke_permissions(
    act: ActorContext,
    grantee_id: str,
    wanted: Sequence[Scope],
    reason: str | None,
    expected_version: int | None,
) -> Grantee:
    """Revoke permissions of a user or group; refuses one that a remaining permission implies."""
    await begin_administration()
    checks = act.checks()
    scopes, why = _checked(checks, wanted, reason)
    grantee = await checks.conclude(_locked_grantee(act, grantee_id, expected_version))
    left = known(grantee.permissions) - scopes
    implied = scopes & with_implied(left)
    if implied:
        raise refuse(
            RefusalCode.PERMISSION_IMPLIED,
            f"{', '.join(sorted(implied))} cannot be revoked alone, because a permission that would"
            f" stay includes it. These would stay: {', '.join(sorted(left))}.",
            PERMISSIONS,
            hint="Revoke the permission that includes it too.",
        )
    await _store(act, grantee, left, "permissions.revoked", why)
    await refuse_lockout(act)
    return grantee


def checked_scopes(checks: Checks, scopes: Sequence[Scope], path: str) -> frozenset[Scope]:
    """Return the permissions; a list that is empty or too long is refused."""
    checks.list_length(scopes, len(Scope), path, minimum=1)
    return frozenset(scopes)


async def _locked_grantee(
    act: ActorContext, grantee_id: str, expected_version: int | None
) -> Grantee:
    if prefix_of(grantee_id) == "grp":
        refuse_beyond_reseller(act, "granteeId")
        return await locked(UserGroup, grantee_id, expected_version, "group", "granteeId")
    return await locked_user(act, grantee_id, expected_version, "granteeId")


def _checked(
    checks: Checks, wanted: Sequence[Scope], reason: str | None
) -> tuple[frozenset[Scope], str | None]:
    scopes = checked_scopes(checks, wanted, PERMISSIONS)
    why = checks.optional_text(reason, REASON_LENGTH, "reason", has_lines=True)
    return scopes, why


async def _store(
    act: ActorContext,
    grantee: Grantee,
    scopes: frozenset[Scope],
    operation: str,
    reason: str | None,
) -> None:
    """Store `scopes` as the grantee's permissions and audit the change; does nothing if equal."""
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
