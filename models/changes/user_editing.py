"""Adding, editing, disabling and enabling users."""

from collections.abc import Mapping
from typing import Any

from tortoise.exceptions import IntegrityError

from models.changes.administration import (
    begin_platform_wide,
    check_reseller,
    locked,
    refuse_lockout,
    refuse_more_privileged_user,
)
from models.rules.email_address import checked_email
from models.rules.errors import RefusalCode, refuse
from models.rules.text import Checks
from models.tables import audit
from models.tables.audit import ActorContext
from models.tables.customer import REASON_LENGTH
from models.tables.customer_class import NAME_LENGTH, rename, touch
from models.tables.user import IDENTITY_LENGTH, User

USER_FIELDS = ("name", "email", "issuer", "subject")


async def create_user(
    act: ActorContext, values: Mapping[str, Any], reseller_id: str | None
) -> User:
    """Add a user without permissions.

    With `reseller_id`, the user is bound to that reseller, which cannot be changed later (R99).
    """
    await begin_platform_wide(act)
    if reseller_id is not None:
        await check_reseller(reseller_id, "resellerId")
    user = User(reseller_id=reseller_id, created_at=act.now, last_modified_at=act.now)
    await _check_and_set(user, {"name": None, **values})
    try:
        await user.save(force_create=True)
    except IntegrityError as error:
        raise _identity_taken() from error
    after = {**_stored(user), "reseller_id": reseller_id}
    await audit.record(act, "user.created", user.id, after=after)
    return user


async def edit_user(
    act: ActorContext,
    user_id: str,
    values: Mapping[str, Any],
    reseller_id: str | None,
    expected_version: int | None,
) -> User:
    """Change the fields that were sent; the reseller cannot be changed (R99).

    A new identity lets another person sign in, so the principal must have all of the user's
    permissions.
    """
    await begin_platform_wide(act)
    user = await locked_user(user_id, expected_version)
    await refuse_more_privileged_user(act, user)
    if reseller_id is not None and reseller_id != user.reseller_id:
        raise refuse(
            RefusalCode.INVALID_RESELLER,
            "A user cannot move to another reseller.",
            "resellerId",
            hint="Add a new user for that reseller, and disable this one.",
        )
    before = _stored(user)
    await _check_and_set(user, values)
    after = _stored(user)
    if after == before:
        return user
    touch(user, act.now)
    try:
        await user.save()
    except IntegrityError as error:
        raise _identity_taken() from error
    await audit.record(act, "user.edited", user.id, before=before, after=after)
    if before["issuer"] not in {None, user.issuer}:
        await refuse_lockout(act)
    return user


async def disable_user(
    act: ActorContext, user_id: str, reason: str | None, expected_version: int | None
) -> User:
    """Disable a user: none of their credentials can sign in. Doing it twice changes nothing."""
    await begin_platform_wide(act)
    user = await locked_user(user_id, expected_version)
    if user.disabled_at is not None:
        return user
    why = _checked_reason(reason)
    await store_disabling(act, user, why)
    await refuse_lockout(act)
    return user


async def store_disabling(act: ActorContext, user: User, reason: str | None) -> None:
    """Disable a locked user at `act.now`, and record it in the audit trail."""
    user.disabled_at = act.now
    touch(user, act.now)
    await user.save()
    after = {"disabled_at": act.now.isoformat()}
    await audit.record(
        act, "user.disabled", user.id, before={"disabled_at": None}, after=after, reason=reason
    )


async def enable_user(
    act: ActorContext, user_id: str, reason: str | None, expected_version: int | None
) -> User:
    """Enable a disabled user, who gets the permissions back that are stored for them now."""
    await begin_platform_wide(act)
    user = await locked_user(user_id, expected_version)
    if user.disabled_at is None:
        return user
    await refuse_more_privileged_user(act, user)
    if user.reseller_id is not None:
        await check_reseller(user.reseller_id, "id")
    why = _checked_reason(reason)
    before = {"disabled_at": user.disabled_at.isoformat()}
    user.disabled_at = None
    touch(user, act.now)
    await user.save()
    await audit.record(
        act, "user.enabled", user.id, before=before, after={"disabled_at": None}, reason=why
    )
    return user


async def locked_user(user_id: str, expected_version: int | None = None, *path: str) -> User:
    """Lock and return a user; refuses a missing user or a stale version."""
    return await locked(User, user_id, expected_version, "user", *path)


async def _check_and_set(user: User, values: Mapping[str, Any]) -> None:
    checks = Checks()
    if "name" in values:
        rename(user, checks.required_text(values["name"], NAME_LENGTH, "name"))
    if "email" in values:
        user.email = checked_email(checks, values["email"], "email")
    for field in ("issuer", "subject"):
        if field in values:
            setattr(user, field, checks.optional_text(values[field], IDENTITY_LENGTH, field))
    if (user.issuer is None) != (user.subject is None):
        missing = "issuer" if user.issuer is None else "subject"
        checks.refuse(
            RefusalCode.REQUIRED, "Send `issuer` and `subject` together, or neither.", missing
        )
    checks.settle()
    same = User.exclude(id=user.id).filter(issuer=user.issuer, subject=user.subject)
    if user.subject is not None and await same.exists():
        raise _identity_taken()


def _checked_reason(reason: str | None) -> str | None:
    checks = Checks()
    why = checks.optional_text(reason, REASON_LENGTH, "reason", has_lines=True)
    checks.settle()
    return why


def _identity_taken() -> Exception:
    return refuse(
        RefusalCode.ALREADY_EXISTS, "Another user already has this issuer and subject.", "subject"
    )


def _stored(user: User) -> dict[str, Any]:
    return {name: getattr(user, name) for name in USER_FIELDS}
