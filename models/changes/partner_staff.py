"""The rules for a partner that administers the users of its own reseller (R99).

Users of others are not found. A partner neither links a user with an identity at the provider,
which may be somebody else's, nor enables a user whom the platform disabled.
"""

from collections.abc import Mapping
from typing import Any

from models.changes.administration import locked, refuse_stale
from models.rules.checks import Checks
from models.rules.errors import RefusalCode, refuse
from models.tables.access import Principal
from models.tables.audit import ActorContext, AuditEntry
from models.tables.user import User

MAX_USERS = 100
"""The active users that a partner may have before it can add no more.

Each user has a budget of points, so that users without end would be points without end.
"""

IDENTITY = ("issuer", "subject")


async def locked_user(
    act: ActorContext, user_id: str, expected_version: int | None = None, *path: str
) -> User:
    """Lock and return a user; refuses a missing user or a stale version.

    A partner's credential finds only users of its reseller, not those of the platform who have
    tokens that are bound to it.
    """
    user = await locked(User, user_id, None, "user", *path)
    bound_to = act.principal.reseller_id
    if bound_to is not None and user.reseller_id != bound_to:
        raise refuse(RefusalCode.NOT_FOUND, "There is no user with this id.", *(path or ("id",)))
    refuse_stale(user, expected_version)
    return user


def reseller_of_new_user(checks: Checks, principal: Principal, wanted: str | None) -> str | None:
    """Return the reseller that a new user is bound to; a partner's users are bound to its own.

    A partner must not learn whether another reseller exists.
    """
    bound_to = principal.reseller_id
    if bound_to is None:
        return wanted
    if wanted not in {None, bound_to}:
        message = "There is no customer with this id."
        checks.refuse(RefusalCode.NOT_FOUND, message, "resellerId")
    return bound_to


def check_identity_unchanged(
    checks: Checks, principal: Principal, changed: Mapping[str, Any], user: User
) -> None:
    """Refuse a partner's change of a user's identity at the provider.

    The identity may be that of a person of the platform or of another partner, who would be signed
    in as the partner's user; and a refusal of one that is taken would tell that it is known.
    """
    if principal.reseller_id is None:
        return
    for name in IDENTITY:
        if changed.get(name, getattr(user, name)) != getattr(user, name):
            checks.refuse(
                RefusalCode.NOT_FOR_PARTNERS,
                "Only the platform's staff may link a user with an identity at the identity"
                " provider.",
                name,
                hint="Leave `issuer` and `subject` out, and ask the platform's staff to link the"
                " user.",
            )


async def refuse_platforms_disabling(act: ActorContext, user: User) -> None:
    """Refuse a partner's enabling of a user, unless a credential of the partner disabled them."""
    bound_to = act.principal.reseller_id
    if bound_to is None:
        return
    disabled = AuditEntry.filter(subject_id=user.id, operation="user.disabled")
    last = await disabled.order_by("-at", "-id").first()
    if last is None or last.reseller_id != bound_to:
        raise refuse(
            RefusalCode.NOT_FOR_PARTNERS,
            "The platform's staff disabled this user, so only they may enable the user again.",
            "id",
        )


async def refuse_too_many_users(act: ActorContext, user: User) -> None:
    """Refuse a user whom a partner has just added or enabled, if there are too many now."""
    bound_to = act.principal.reseller_id
    if bound_to is None:
        return
    active = await User.filter(reseller_id=bound_to, disabled_at=None).exclude(id=user.id).count()
    if active >= MAX_USERS:
        raise refuse(
            RefusalCode.USER_LIMIT,
            f"Your reseller already has {MAX_USERS} active users, which is the limit.",
            hint="Disable users who are no longer needed, or ask the platform's staff.",
            limit=MAX_USERS,
        )
