"""Issuing, rotating and revoking access tokens."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from models.changes.administration import (
    begin_administration,
    check_held,
    check_reseller,
    locked,
    refuse_lockout,
    refuse_stale,
)
from models.changes.granting import checked_scopes
from models.changes.token_limit import end_excess_overlaps, refuse_too_many_tokens
from models.changes.token_revocation import store_revocation
from models.rules.checks import Checks
from models.rules.errors import RefusalCode, refuse
from models.rules.permission import known, with_implied
from models.storage.dry_run import version_step
from models.tables import audit
from models.tables.access import OPERATOR, AccessToken, Principal, Scope, new_token
from models.tables.audit import ActorContext
from models.tables.customer import REASON_LENGTH
from models.tables.customer_class import NAME_LENGTH
from models.tables.event import Owner
from models.tables.user import User, standing_of

MAX_LIFE_DAYS = 3650
HOUR = timedelta(hours=1)
MAX_OVERLAP = timedelta(days=30)
"""The maximum time for which a rotated token stays valid beside its successor."""


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """The properties of a new token; without a user, the owner is the caller."""

    name: str | None
    scopes: Sequence[Scope]
    lifetime_days: int | None
    user_id: str | None = None
    reseller_id: str | None = None


@dataclass(frozen=True, slots=True)
class Issued:
    """A new token and its secret, which is not stored."""

    token: AccessToken
    secret: str


async def issue(act: ActorContext, wanted: TokenRequest, expected_version: int | None) -> Issued:
    """Issue a token with no more permissions than its owner and the caller have (R93, R99).

    `expected_version` is that of the user who will own the token.
    """
    await begin_administration()
    checks = act.checks()
    name = checks.required_text(wanted.name, NAME_LENGTH, "name")
    scopes = checked_scopes(checks, wanted.scopes, "scopes")
    check_held(checks, act.principal, scopes, "scopes")
    lifetime = _checked_lifetime(checks, wanted.lifetime_days)
    user = await checks.attempt(_owner(act, wanted, expected_version))
    if user is not None and not _is_partners_own(act.principal, user):
        await _check_owner_holds(checks, user, scopes)
    reseller_id = await checks.conclude(_binding(act, user, wanted.reseller_id))
    token, secret = new_token(name, scopes, act.now, lifetime)
    token.user_id = None if user is None else user.id
    token.reseller_id = reseller_id
    await token.save(force_create=True)
    await refuse_too_many_tokens(act, token, "userId")
    owner = Owner(reseller_id=token.reseller_id)
    await audit.record(act, "token.issued", token.id, after=_stored(token), owner=owner)
    return Issued(token, secret)


async def rotate(
    act: ActorContext,
    token_id: str,
    overlap: timedelta,
    lifetime_days: int | None,
    expected_version: int | None,
) -> Issued:
    """Issue a successor of a token, with the same name, scopes, user and reseller.

    The old token stays valid for the overlap, unless it expires earlier. Without `lifetime_days`,
    the successor gets the lifetime that the old token was issued with. Only the successor counts
    towards the owner's limit of tokens.
    """
    await begin_administration()
    checks = act.checks()
    checks.in_range(round(overlap / HOUR), 0, MAX_OVERLAP // HOUR, "overlapHours")
    lifetime = _checked_lifetime(checks, lifetime_days)
    old = await checks.attempt(_locked_own_token(act, token_id))
    if old is None:
        raise checks.refused()
    checks.expect_version(old, expected_version)
    scopes = known(old.scopes)
    check_held(checks, act.principal, scopes, "id")
    await checks.conclude(_refuse_ended(act, old))
    if lifetime is None and old.expires_at is not None:
        lifetime = old.expires_at - old.created_at
    token, secret = new_token(old.name, scopes, act.now, lifetime)
    token.user_id, token.reseller_id, token.rotated_from_id = old.user_id, old.reseller_id, old.id
    await token.save(force_create=True)
    before = _stored(old)
    ends_at = act.now + overlap
    old.expires_at = ends_at if old.expires_at is None else min(old.expires_at, ends_at)
    old.version += version_step()
    await old.save()
    await end_excess_overlaps(act, old)
    owner = Owner(reseller_id=token.reseller_id)
    await audit.record(
        act,
        "token.rotated",
        old.id,
        before=before,
        after={**_stored(old), "successor_id": token.id},
        owner=owner,
    )
    await audit.record(act, "token.issued", token.id, after=_stored(token), owner=owner)
    return Issued(token, secret)


async def revoke(
    act: ActorContext, token_id: str, reason: str | None, expected_version: int | None
) -> AccessToken:
    """Revoke a token at once and for good; revoking it again changes nothing."""
    await begin_administration()
    checks = act.checks()
    why = checks.optional_text(reason, REASON_LENGTH, "reason", has_lines=True)
    token = await checks.conclude(_locked_token(act, token_id, expected_version))
    if token.revoked_at is not None:
        return token
    await store_revocation(act, token, why)
    await refuse_lockout(act)
    return token


async def _owner(
    act: ActorContext, wanted: TokenRequest, expected_version: int | None
) -> User | None:
    """Return the user who owns a new token.

    None if the operator issues the token without naming a user.
    """
    user_id = act.principal.user_id if wanted.user_id is None else wanted.user_id
    if user_id is None:
        if act.principal is OPERATOR:
            return None
        raise refuse(RefusalCode.REQUIRED, "A new token needs a user. Send `userId`.", "userId")
    user = await User.get_or_none(id=user_id)
    if user is None or not _is_within(act.principal, user):
        raise refuse(RefusalCode.NOT_FOUND, "There is no user with this id.", "userId")
    refuse_stale(user, expected_version)
    if user.disabled_at is not None:
        raise refuse(
            RefusalCode.USER_DISABLED,
            f"The user “{user.name}” is disabled, so they cannot have a valid token. Enable the"
            " user first.",
            "userId",
        )
    return user


def _is_within(principal: Principal, user: User) -> bool:
    """Return whether a principal may see a user.

    A partner's credential sees the users of its reseller, and the user who owns the credential.
    """
    bound_to = principal.reseller_id
    return bound_to is None or user.reseller_id == bound_to or user.id == principal.user_id


def _is_partners_own(principal: Principal, user: User) -> bool:
    """Return whether the principal is a partner's credential that the user owns.

    Then the user's permissions need no check: the credential has no more, and cannot read the
    user's groups, which may be out of its tenant scope.
    """
    return principal.reseller_id is not None and user.id == principal.user_id


async def _check_owner_holds(checks: Checks, user: User, scopes: frozenset[Scope]) -> None:
    standing = await standing_of(user.id)
    assert standing is not None  # noqa: S101  # it has just been read
    lacking = with_implied(scopes) - standing.permissions
    if lacking:
        checks.refuse(
            RefusalCode.PERMISSION_NOT_HELD,
            f"The user “{user.name}” does not have {', '.join(sorted(lacking))}, so a token of"
            " theirs cannot have it either.",
            "scopes",
            hint="Grant it to the user, or to one of their groups, first.",
        )


async def _binding(act: ActorContext, user: User | None, reseller_id: str | None) -> str | None:
    """Return the id of the reseller that a new token is bound to; None if it is not bound.

    That is the reseller to which its owner or the caller is bound, or else `reseller_id`. Refuses a
    `reseller_id` that differs from theirs.
    """
    bounds = {act.principal.reseller_id, None if user is None else user.reseller_id} - {None}
    wanted = next(iter(bounds), None) if reseller_id is None else reseller_id
    if wanted is None:
        return None
    if bounds - {wanted}:
        # Partners must not learn whether another reseller exists.
        if act.principal.reseller_id is not None:
            raise refuse(RefusalCode.NOT_FOUND, "There is no customer with this id.", "resellerId")
        raise refuse(
            RefusalCode.INVALID_RESELLER,
            "The token must be bound to the same reseller as its user. Leave `resellerId` out to"
            " bind it to that reseller.",
            "resellerId",
        )
    await check_reseller(wanted, "resellerId")
    return wanted


async def _locked_token(
    act: ActorContext, token_id: str, expected_version: int | None
) -> AccessToken:
    """Lock and return a token; refuses a missing one, or a stale version.

    A partner's credential finds only tokens that are bound to its reseller.
    """
    token = await locked(AccessToken, token_id, None, "access token")
    bound_to = act.principal.reseller_id
    if bound_to is not None and token.reseller_id != bound_to:
        raise _no_token()
    refuse_stale(token, expected_version)
    return token


async def _locked_own_token(act: ActorContext, token_id: str) -> AccessToken:
    """Lock and return a token to rotate; a partner does not find a token of a platform's user.

    The partner would get a secret with which to act as that user. The partner may revoke such a
    token, because the token is bound to its reseller.
    """
    token = await _locked_token(act, token_id, None)
    if act.principal.reseller_id is not None and token.user_id is not None:
        user = await User.get_or_none(id=token.user_id)
        if user is None or not _is_within(act.principal, user):
            raise _no_token()
    return token


def _no_token() -> Exception:
    return refuse(RefusalCode.NOT_FOUND, "There is no access token with this id.", "id")


async def _refuse_ended(act: ActorContext, token: AccessToken) -> None:
    """Refuse to rotate a token that is invalid, has a successor, or whose user is disabled."""
    if not token.is_valid(act.now):
        raise refuse(
            RefusalCode.TOKEN_ENDED,
            "The token was revoked or has expired, so it cannot be rotated. Issue a new token.",
            "id",
        )
    if await AccessToken.filter(rotated_from_id=token.id).exists():
        raise refuse(
            RefusalCode.TOKEN_ENDED,
            "The token has already been replaced by rotation.",
            "id",
            hint="Rotate the token that replaced it.",
        )
    if token.user_id is not None:
        standing = await standing_of(token.user_id)
        if standing is None or not standing.is_active:
            raise refuse(
                RefusalCode.USER_DISABLED,
                "The token's user is disabled, so the token cannot be rotated. Enable the user"
                " first.",
                "id",
            )
    if token.reseller_id is not None:
        await check_reseller(token.reseller_id, "id")


def _checked_lifetime(checks: Checks, days: int | None) -> timedelta | None:
    if days is None:
        return None
    checks.in_range(days, 1, MAX_LIFE_DAYS, "lifetimeDays")
    return None if checks.is_refused("lifetimeDays") else timedelta(days=days)


def _stored(token: AccessToken) -> dict[str, object]:
    """Return the fields of a token that audit entries contain; neither secret nor hash."""
    return {
        "name": token.name,
        "scopes": token.scopes,
        "user_id": token.user_id,
        "reseller_id": token.reseller_id,
        "expires_at": None if token.expires_at is None else token.expires_at.isoformat(),
    }
