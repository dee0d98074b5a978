"""Issuing, rotating and revoking access tokens."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from models.changes.administration import (
    begin_administration,
    check_reseller,
    locked,
    refuse_lockout,
    refuse_more_than_held,
    refuse_stale,
)
from models.changes.granting import checked_scopes
from models.changes.token_limit import end_excess_overlaps, refuse_too_many_tokens
from models.changes.token_revocation import store_revocation
from models.rules.errors import RefusalCode, refuse
from models.rules.permission import known, with_implied
from models.rules.text import Checks
from models.tables import audit
from models.tables.access import OPERATOR, AccessToken, Principal, Scope, new_token
from models.tables.audit import ActorContext
from models.tables.customer import REASON_LENGTH
from models.tables.customer_class import NAME_LENGTH
from models.tables.user import User, standing_of

MAX_LIFE_DAYS = 3650
MAX_OVERLAP = timedelta(days=30)
"""The longest time for which a token stays valid beside its successor."""


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """The properties of a new token; without a user, the owner is the caller."""

    name: str | None
    scopes: Sequence[str]
    lifetime_days: int | None
    user_id: str | None = None
    reseller_id: str | None = None


@dataclass(frozen=True, slots=True)
class Issued:
    """A new token and its secret, which is not stored."""

    token: AccessToken
    secret: str


async def issue(act: ActorContext, wanted: TokenRequest, expected_version: int | None) -> Issued:
    """Issue a token with no more permissions than its user and its issuer have (R93, R99).

    `expected_version` is the version of the user.
    """
    await begin_administration()
    checks = Checks()
    name = checks.required_text(wanted.name, NAME_LENGTH, "name")
    scopes = checked_scopes(checks, wanted.scopes, "scopes")
    lifetime = _checked_lifetime(checks, wanted.lifetime_days)
    checks.settle()
    refuse_more_than_held(act.principal, scopes, "scopes")
    user = await _owner(act, wanted, expected_version)
    if user is not None and not _is_partners_own(act.principal, user):
        await _refuse_more_than_owner(user, scopes)
    token, secret = new_token(name, scopes, act.now, lifetime)
    token.user_id = None if user is None else user.id
    token.reseller_id = await _binding(act, user, wanted.reseller_id)
    await token.save(force_create=True)
    await refuse_too_many_tokens(act, token, "userId")
    await audit.record(act, "token.issued", token.id, after=_stored(token))
    return Issued(token, secret)


async def rotate(
    act: ActorContext,
    token_id: str,
    overlap: timedelta,
    lifetime_days: int | None,
    expected_version: int | None,
) -> Issued:
    """Issue a successor with the same name, scopes, user and reseller.

    The old token stays valid for the overlap, unless it expires earlier. Without `lifetime_days`,
    the successor gets the lifetime that the old token was issued with. Only the successor counts
    towards the owner's limit of tokens.
    """
    await begin_administration()
    old = await _locked_token(act, token_id, None)
    await _refuse_platform_users(act, old)
    refuse_stale(old, expected_version)
    scopes = known(old.scopes)
    refuse_more_than_held(act.principal, scopes, "id")
    checks = Checks()
    if not timedelta() <= overlap <= MAX_OVERLAP:
        checks.refuse(
            RefusalCode.INVALID,
            f"The overlap may be at most {MAX_OVERLAP.days} days.",
            "overlapHours",
        )
    lifetime = _checked_lifetime(checks, lifetime_days)
    checks.settle()
    await _refuse_ended(act, old)
    if lifetime is None and old.expires_at is not None:
        lifetime = old.expires_at - old.created_at
    token, secret = new_token(old.name, scopes, act.now, lifetime)
    token.user_id, token.reseller_id, token.rotated_from_id = old.user_id, old.reseller_id, old.id
    await token.save(force_create=True)
    before = _stored(old)
    ends_at = act.now + overlap
    old.expires_at = ends_at if old.expires_at is None else min(old.expires_at, ends_at)
    old.version += 1
    await old.save()
    await end_excess_overlaps(act, old)
    await audit.record(
        act,
        "token.rotated",
        old.id,
        before=before,
        after={**_stored(old), "successor_id": token.id},
    )
    await audit.record(act, "token.issued", token.id, after=_stored(token))
    return Issued(token, secret)


async def revoke(
    act: ActorContext, token_id: str, reason: str | None, expected_version: int | None
) -> AccessToken:
    """Revoke a token at once and for good; revoking it again changes nothing."""
    await begin_administration()
    token = await _locked_token(act, token_id, expected_version)
    if token.revoked_at is not None:
        return token
    checks = Checks()
    why = checks.optional_text(reason, REASON_LENGTH, "reason", has_lines=True)
    checks.settle()
    await store_revocation(act, token, why)
    await refuse_lockout(act)
    return token


async def _owner(
    act: ActorContext, wanted: TokenRequest, expected_version: int | None
) -> User | None:
    """Return the user who owns a new token.

    None if the operator issues the token without naming a user.
    """
    user_id = wanted.user_id or act.principal.user_id
    if user_id is None:
        if act.principal is OPERATOR:
            return None
        raise refuse(RefusalCode.REQUIRED, "A new token needs a user; send `userId`.", "userId")
    user = await User.get_or_none(id=user_id)
    if user is None or not _is_within(act.principal, user):
        raise refuse(RefusalCode.NOT_FOUND, "There is no such user.", "userId")
    refuse_stale(user, expected_version)
    if user.disabled_at is not None:
        raise refuse(RefusalCode.USER_DISABLED, f"{user.name} is disabled.", "userId")
    return user


def _is_within(principal: Principal, user: User) -> bool:
    """Return whether a principal may see a user.

    A partner's credential sees the users of its reseller, and its own user.
    """
    bound_to = principal.reseller_id
    return bound_to is None or user.reseller_id == bound_to or user.id == principal.user_id


def _is_partners_own(principal: Principal, user: User) -> bool:
    """Return whether the principal is a partner's credential that belongs to the user.

    Then the user's own permissions need no check: the credential has no more, and cannot see
    groups.
    """
    return principal.reseller_id is not None and user.id == principal.user_id


async def _refuse_more_than_owner(user: User, scopes: frozenset[Scope]) -> None:
    standing = await standing_of(user.id)
    assert standing is not None  # noqa: S101  # it has just been read
    lacking = with_implied(scopes) - standing.permissions
    if lacking:
        raise refuse(
            RefusalCode.PERMISSION_NOT_HELD,
            f"{user.name} does not hold {', '.join(sorted(lacking))}.",
            "scopes",
            hint="Grant it to the user, or to one of their groups, first.",
        )


async def _binding(act: ActorContext, user: User | None, reseller_id: str | None) -> str | None:
    """Return the id of the reseller that a new token is bound to; None if it is not bound.

    That is the reseller of its user or of its issuer, or else `reseller_id`. Refuses a
    `reseller_id` that differs from theirs.
    """
    bounds = {act.principal.reseller_id, None if user is None else user.reseller_id} - {None}
    wanted = reseller_id or next(iter(bounds), None)
    if wanted is None:
        return None
    if bounds - {wanted}:
        # Partners must not learn whether another reseller exists.
        if act.principal.reseller_id is not None:
            raise refuse(RefusalCode.NOT_FOUND, "There is no such customer.", "resellerId")
        raise refuse(
            RefusalCode.INVALID_RESELLER,
            "A token must be bound to the same reseller as its user.",
            "resellerId",
        )
    await check_reseller(wanted, "resellerId")
    return wanted


async def _locked_token(
    act: ActorContext, token_id: str, expected_version: int | None
) -> AccessToken:
    """Lock and return a token; a partner's credential finds only the tokens of its reseller."""
    token = await locked(AccessToken, token_id, None, "access token")
    bound_to = act.principal.reseller_id
    if bound_to is not None and token.reseller_id != bound_to:
        raise _no_token()
    refuse_stale(token, expected_version)
    return token


async def _refuse_platform_users(act: ActorContext, token: AccessToken) -> None:
    """Refuse a partner's rotation of a token that belongs to a user of the platform.

    The partner would get a secret of that user. It may revoke such a token, because the token is
    bound to its reseller.
    """
    if act.principal.reseller_id is None or token.user_id is None:
        return
    user = await User.get_or_none(id=token.user_id)
    if user is None or not _is_within(act.principal, user):
        raise _no_token()


def _no_token() -> Exception:
    return refuse(RefusalCode.NOT_FOUND, "There is no such access token.", "id")


async def _refuse_ended(act: ActorContext, token: AccessToken) -> None:
    """Refuse to rotate a token that is invalid, has a successor, or whose user is disabled."""
    if not token.is_valid(act.now):
        raise refuse(RefusalCode.TOKEN_ENDED, "The token was revoked or has expired.", "id")
    if await AccessToken.filter(rotated_from_id=token.id).exists():
        raise refuse(
            RefusalCode.TOKEN_ENDED,
            "The token has already been rotated.",
            "id",
            hint="Rotate its successor.",
        )
    if token.user_id is not None:
        standing = await standing_of(token.user_id)
        if standing is None or not standing.is_active:
            raise refuse(RefusalCode.USER_DISABLED, "The token's user is disabled.", "id")
    if token.reseller_id is not None:
        await check_reseller(token.reseller_id, "id")


def _checked_lifetime(checks: Checks, days: int | None) -> timedelta | None:
    if days is None:
        return None
    if not 1 <= days <= MAX_LIFE_DAYS:
        checks.refuse(
            RefusalCode.INVALID, f"The lifetime must be 1 to {MAX_LIFE_DAYS} days.", "lifetimeDays"
        )
        return None
    return timedelta(days=days)


def _stored(token: AccessToken) -> dict[str, object]:
    """Return the fields of a token that audit entries contain; neither secret nor hash."""
    return {
        "name": token.name,
        "scopes": token.scopes,
        "user_id": token.user_id,
        "reseller_id": token.reseller_id,
        "expires_at": None if token.expires_at is None else token.expires_at.isoformat(),
    }
