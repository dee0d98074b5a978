"""The rules by which access is administered.

Nobody gives, or takes over, what they do not hold themselves. A partner's credential administers
the tokens of its own reseller and nothing else (R99). Somebody can always administer access, or
else the operator must help. Acts of administration follow one another, so that none goes by what
another is just changing.
"""

from collections.abc import Iterable
from typing import Any, TypeVar

from tortoise.models import Model

from models.rules.errors import RefusalCode, StaleVersion, refuse
from models.rules.permission import with_implied
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


async def begin() -> None:
    """Wait until no other act of administration is going on, and let this one be felt at once."""
    await lock_name(ADMINISTRATION)
    await wake(TOKENS)


async def begin_platform_wide(act: ActorContext) -> None:
    """Do the same for what no partner administers: users, groups and permissions (R99)."""
    if act.principal.reseller_id is not None:
        raise refuse(
            RefusalCode.BEYOND_RESELLER,
            "A partner's credential administers the access tokens of its own reseller only.",
        )
    await begin()


async def locked(
    model: type[Row], row_id: str, expected_version: int | None, what: str, *path: str
) -> Row:
    """Read a row for changing it; it must exist and be as the caller knows it (R101)."""
    row = (await lock(model, row_id)).get(row_id)
    if row is None:
        raise refuse(RefusalCode.NOT_FOUND, f"There is no such {what}.", *(path or ("id",)))
    refuse_stale(row, expected_version)
    return row


def refuse_stale(row: Any, expected_version: int | None) -> None:
    """Refuse to go on when a row is at another version than the caller expects (R101)."""
    if expected_version is not None and row.version != expected_version:
        raise StaleVersion(row, expected_version, row.version)


def refuse_more_than_held(principal: Principal, scopes: Iterable[Scope], *path: str) -> None:
    """Refuse to pass on a permission that the principal does not hold, alone or implied.

    What it holds by a claim alone does not count: what is passed on would outlast that.
    """
    lacking = with_implied(scopes) - principal.lasting
    if lacking:
        named = ", ".join(sorted(lacking))
        is_claimed = lacking <= principal.claimed
        raise refuse(
            RefusalCode.PERMISSION_NOT_HELD,
            f"You hold {named} only for as long as your sign-in says so."
            if is_claimed
            else f"You do not hold {named} yourself.",
            *path,
            hint="Ask somebody who does, or leave it out.",
        )


async def refuse_mightier_user(act: ActorContext, user: User) -> None:
    """Refuse to take over a user who may do more than the principal, as by another identity."""
    standing = await standing_of(user.id)
    assert standing is not None  # noqa: S101  # the row is locked
    refuse_more_than_held(act.principal, standing.permissions, "id")


async def check_reseller(customer_id: str, *path: str) -> None:
    """Refuse to bind to anything but a customer in a reseller class, and keep it in there."""
    customer = await lock_shared(Customer, customer_id)
    if customer is None or customer.erased_at is not None:
        raise refuse(RefusalCode.NOT_FOUND, "There is no such customer.", *path)
    customer_class = await lock_shared(CustomerClass, customer.customer_class_id)
    if customer_class is None or not customer_class.is_reseller:
        raise refuse(
            RefusalCode.INVALID_RESELLER,
            "A credential is bound to a customer in a reseller class.",
            *path,
        )


async def refuse_lockout(act: ActorContext) -> None:
    """Refuse an act after which nobody could sign in who may administer access.

    The operator may: whoever runs commands on the machine lets somebody in again.
    """
    if act.principal.reseller_id is not None:
        return  # what is bound never counted
    if act.principal is not OPERATOR and not await _somebody_administers(act):
        raise refuse(
            RefusalCode.LAST_ADMINISTRATOR,
            f"Nobody else could sign in who holds {Scope.ACCESS_ADMINISTER}.",
            hint="Let somebody else administer access first.",
        )


async def _somebody_administers(act: ActorContext) -> bool:
    """Return whether a valid token, or the identity provider, lets somebody administer access."""
    moment = to_database(AccessToken._meta.fields_map["expires_at"], act.now)
    holds = f'%"{Scope.ACCESS_ADMINISTER}"%'
    issuer = act.issuer or NO_ISSUER
    values = (holds, holds, issuer, issuer, NO_ISSUER, holds, moment, holds)
    ((found,),) = await run(_ADMINISTERED, values)
    return bool(found)


NO_ISSUER = ""
"""What no user is stored with."""

_ADMINISTERED = """WITH administrator AS (
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
"""Nothing implies `access:administer`, so whoever holds it was granted it by name."""
