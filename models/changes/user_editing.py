"""Adding, editing, disabling and enabling users."""

from collections.abc import Mapping
from typing import Any

from tortoise.exceptions import IntegrityError

from models.changes.administration import (
    begin_administration,
    check_no_more_privileged,
    check_reseller,
    refuse_lockout,
)
from models.changes.partner_staff import (
    check_identity_unchanged,
    locked_user,
    refuse_platforms_disabling,
    refuse_too_many_users,
    reseller_of_new_user,
)
from models.rules.checks import Checks
from models.rules.email_address import checked_email
from models.rules.errors import RefusalCode, Refused, refuse
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

    With `reseller_id`, the user is bound to that reseller, which cannot be changed later (R99). A
    partner's users are bound to its own reseller.
    """
    await begin_administration()
    checks = act.checks()
    reseller_id = reseller_of_new_user(checks, act.principal, reseller_id)
    user = User(reseller_id=reseller_id, created_at=act.now, last_modified_at=act.now)
    changed = _checked(checks, {"name": None, **values})
    check_identity_unchanged(checks, act.principal, changed, user)
    _set(user, changed)
    await _check_identity(checks, user)
    if reseller_id is not None:
        await checks.attempt(check_reseller(reseller_id, "resellerId"))
        await checks.attempt(refuse_too_many_users(act, user))
    checks.raise_refusals()
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
    """Change the fields in `values`; refuses another reseller, which a user can never get (R99).

    A new identity at the provider lets another person sign in as the user, so the principal must
    have all of the user's permissions.
    """
    await begin_administration()
    checks = act.checks()
    changed = _checked(checks, values)
    user = await checks.attempt(locked_user(act, user_id, expected_version))
    if user is None:
        raise checks.refused()
    await check_no_more_privileged(checks, act, user)
    check_identity_unchanged(checks, act.principal, changed, user)
    if reseller_id is not None and reseller_id != user.reseller_id:
        checks.refuse(
            RefusalCode.INVALID_RESELLER,
            "A user cannot be moved to another reseller.",
            "resellerId",
            hint="Create a new user for the other reseller, and disable this one.",
        )
    before = _stored(user)
    _set(user, changed)
    await _check_identity(checks, user)
    checks.raise_refusals()
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
    """Disable a user: none of their credentials can sign in. Does nothing if they are disabled."""
    await begin_administration()
    checks = act.checks()
    why = checks.optional_text(reason, REASON_LENGTH, "reason", has_lines=True)
    user = await checks.conclude(locked_user(act, user_id, expected_version))
    if user.disabled_at is not None:
        return user
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
    await begin_administration()
    checks = act.checks()
    why = checks.optional_text(reason, REASON_LENGTH, "reason", has_lines=True)
    user = await checks.conclude(locked_user(act, user_id, expected_version))
    if user.disabled_at is None:
        return user
    await check_no_more_privileged(checks, act, user)
    if user.reseller_id is not None:
        await checks.attempt(check_reseller(user.reseller_id, "id"))
        await checks.attempt(refuse_platforms_disabling(act, user))
        await checks.attempt(refuse_too_many_users(act, user))
    checks.raise_refusals()
    before = {"disabled_at": user.disabled_at.isoformat()}
    user.disabled_at = None
    touch(user, act.now)
    await user.save()
    await audit.record(
        act, "user.enabled", user.id, before=before, after={"disabled_at": None}, reason=why
    )
    return user


def _checked(checks: Checks, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values to store."""
    changed = dict(values)
    if "name" in values:
        changed["name"] = checks.required_text(values["name"], NAME_LENGTH, "name")
    if "email" in values:
        changed["email"] = checked_email(checks, values["email"], "email")
    for field in ("issuer", "subject"):
        if field in values:
            changed[field] = checks.optional_text(values[field], IDENTITY_LENGTH, field)
    return changed


def _set(user: User, changed: Mapping[str, Any]) -> None:
    """Set the fields of a user to values that were checked."""
    for name, value in changed.items():
        if name == "name":
            rename(user, value)
        else:
            setattr(user, name, value)


async def _check_identity(checks: Checks, user: User) -> None:
    """Refuse half an identity, and one that another user has."""
    if (user.issuer is None) != (user.subject is None):
        missing = "issuer" if user.issuer is None else "subject"
        checks.refuse(
            RefusalCode.REQUIRED, "Send `issuer` and `subject` together, or neither.", missing
        )
    if user.subject is None or checks.is_refused("issuer") or checks.is_refused("subject"):
        return
    same = User.exclude(id=user.id).filter(issuer=user.issuer, subject=user.subject)
    if await same.exists():
        checks.add(*_identity_taken().refusals)


def _identity_taken() -> Refused:
    return refuse(
        RefusalCode.ALREADY_EXISTS,
        "Another user already has this issuer and subject. Choose other ones, or edit that user.",
        "subject",
    )


def _stored(user: User) -> dict[str, Any]:
    return {name: getattr(user, name) for name in USER_FIELDS}
