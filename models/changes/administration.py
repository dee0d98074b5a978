"""The rules for administering access.

Nobody can grant, or take over, permissions that they do not have. A partner's credential
administers the users and access tokens of its own reseller and nothing else (R99). At least one
person must stay able to administer access; only the operator may remove the last one. Such changes
run one after another, so that none decides by data that another is changing.
"""

from collections.abc import Iterable
from typing import Any, TypeVar

from tortoise.models import Model

from models.rules.checks import Checks
from models.rules.errors import RefusalCode, StaleVersion, refuse
from models.rules.permission import FOR_PARTNERS, with_implied
from models.storage.database import wake
from models.storage.locks import lock, lock_name, lock_shared
from models.storage.sql import run, to_database
from models.tables.access import OPERATOR, TOKENS, AccessToken, Principal, Scope
from models.tables.audit import ActorContext
from models.tables.customer import Customer
from models.tables.customer_class import CustomerClass
from models.tables.user import User, standing_of

ADMINISTRATION = "administration of access"

Row = TypeVar("Row", bound=Model)


async def begin_administration() -> None:
    """Lock the administration of access until the transaction ends.

    After the commit the topic TOKENS is notified, so that all processes drop cached tokens.
    """
    await lock_name(ADMINISTRATION)
    await wake(TOKENS)


async def begin_platform_administration(act: ActorContext) -> None:
    """Begin a change of groups; refuses partners' credentials (R99)."""
    refuse_beyond_reseller(act)
    await begin_administration()


def refuse_beyond_reseller(act: ActorContext, *path: str) -> None:
    """Refuse a partner's change of a group, which may have users of several resellers."""
    if act.principal.reseller_id is not None:
        raise refuse(
            RefusalCode.BEYOND_RESELLER,
            "You are signed in for a reseller, so you can administer the users and access tokens of"
            " that reseller, but no user groups.",
            *path,
        )


async def locked(
    model: type[Row], row_id: str, expected_version: int | None, what: str, *path: str
) -> Row:
    """Lock and return a row; refuses a missing row or a stale version (R101).

    `what` names the kind of row in the message. `path` is the input field that the refusal of a
    missing row names; `id` by default. `expected_version` None accepts every version.
    """
    row = (await lock(model, row_id)).get(row_id)
    if row is None:
        raise refuse(RefusalCode.NOT_FOUND, f"There is no {what} with this id.", *(path or ("id",)))
    refuse_stale(row, expected_version)
    return row


def refuse_stale(row: Any, expected_version: int | None) -> None:
    """Raise StaleVersion if a row is at another version than the caller expects (R101).

    `expected_version` None accepts every version.
    """
    if expected_version is not None and row.version != expected_version:
        raise StaleVersion(row, expected_version, row.version)


def check_held(checks: Checks, principal: Principal, scopes: Iterable[Scope], *path: str) -> None:
    """Refuse to grant permissions unless the principal has them and all that they imply.

    Permissions that the principal has only by an identity provider's claim do not count: the grant
    would outlast the claim. `path` is the input field that the refusal names.
    """
    lacking = with_implied(scopes) - principal.lasting
    if lacking:
        named = ", ".join(sorted(lacking))
        is_claimed = lacking <= principal.claimed
        checks.refuse(
            RefusalCode.PERMISSION_NOT_HELD,
            f"You have {named} only through your current sign-in, so you cannot grant it, or change"
            " a user or group that has it."
            if is_claimed
            else f"You do not have {named}, so you cannot grant it, or change a user or group that"
            " has it.",
            *path,
            hint="Ask a user who has this permission, or leave it out.",
        )


async def check_no_more_privileged(checks: Checks, act: ActorContext, user: User) -> None:
    """Refuse to change a user who has permissions that the principal lacks.

    Otherwise the principal could give the user another identity, and sign in as that user.
    """
    standing = await standing_of(user.id)
    assert standing is not None  # noqa: S101  # the row is locked
    permissions = standing.permissions
    if user.reseller_id is not None:
        permissions &= FOR_PARTNERS  # the user has no others, whatever is stored
    check_held(checks, act.principal, permissions, "id")


async def check_reseller(customer_id: str, *path: str) -> None:
    """Refuse a customer that does not exist or is not in a reseller class.

    Locks the customer and its class, so that it stays a reseller until the commit.
    """
    customer = await lock_shared(Customer, customer_id)
    if customer is None or customer.erased_at is not None:
        raise refuse(RefusalCode.NOT_FOUND, "There is no customer with this id.", *path)
    customer_class = await lock_shared(CustomerClass, customer.customer_class_id)
    if customer_class is None or not customer_class.is_reseller:
        raise refuse(
            RefusalCode.INVALID_RESELLER,
            "This customer is not in a class for resellers, so no user, token or webhook endpoint"
            " can belong to it. Choose another customer.",
            *path,
        )


async def refuse_lockout(act: ActorContext) -> None:
    """Refuse an act after which no user could sign in to administer access.

    The operator is exempt: they can restore access with commands on the machine.
    """
    if act.principal.reseller_id is not None:
        return  # a partner's credentials never count as administrators
    if act.principal is not OPERATOR and not await _has_administrator(act):
        raise refuse(
            RefusalCode.LAST_ADMINISTRATOR,
            f"After this change nobody with the permission {Scope.ACCESS_ADMINISTER} could sign"
            " in.",
            hint="Grant this permission to another user first.",
        )


async def _has_administrator(act: ActorContext) -> bool:
    """Return whether a valid token or the identity provider lets somebody administer access."""
    moment = to_database(AccessToken._meta.fields_map["expires_at"], act.now)
    holds = f'%"{Scope.ACCESS_ADMINISTER}"%'
    issuer = act.issuer or NO_ISSUER
    values = (holds, holds, issuer, issuer, NO_ISSUER, holds, moment, holds)
    ((found,),) = await run(_ADMINISTRATOR_EXISTS, values)
    return bool(found)


NO_ISSUER = ""
"""Stands for a missing identity provider; no user is stored with this issuer."""

_ADMINISTRATOR_EXISTS = """WITH administrator AS (
    SELECT id, issuer FROM app_user AS u WHERE disabled_at IS NULL AND reseller_id IS NULL AND (
      CAST(permissions AS TEXT) LIKE ? OR EXISTS (
        SELECT 1 FROM group_membership AS m JOIN user_group AS g ON g.id = m.group_id
        WHERE m.user_id = u.id AND CAST(g.permissions AS TEXT) LIKE ?)))
  SELECT EXISTS (SELECT 1 FROM administrator WHERE issuer = ?)
    OR EXISTS (SELECT 1 FROM user_group
      WHERE CAST(? AS TEXT) <> ? AND external_name IS NOT NULL AND CAST(permissions AS TEXT) LIKE ?)
    OR EXISTS (SELECT 1 FROM access_token WHERE revoked_at IS NULL
      AND (expires_at IS NULL OR expires_at > ?) AND reseller_id IS NULL
      AND CAST(scopes AS TEXT) LIKE ?
      AND (user_id IS NULL OR user_id IN (SELECT id FROM administrator)))"""
"""Searches for `access:administer` by name, because no other permission implies it."""
