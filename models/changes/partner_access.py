"""Ends the access of partners whose customer is no longer a reseller (R99)."""

from collections.abc import Sequence

from models.changes.token_revocation import store_revocation
from models.changes.user_editing import store_disabling
from models.storage.database import wake
from models.storage.locks import lock
from models.tables.access import TOKENS, AccessToken
from models.tables.audit import ActorContext
from models.tables.user import User

REASON = "The customer that it is bound to is no longer a reseller."


async def end_partner_access(act: ActorContext, customer_ids: Sequence[str]) -> None:
    """Revoke the tokens that are bound to the customers, and disable their users.

    No token or user is missed: a transaction that binds one locks the customer's class until its
    end.
    """
    bound = {"reseller_id__in": list(customer_ids)}
    tokens = await AccessToken.filter(**bound, revoked_at=None).values_list("id", flat=True)
    users = await User.filter(**bound, disabled_at=None).values_list("id", flat=True)
    if not tokens and not users:
        return
    await wake(TOKENS)
    for token in (await lock(AccessToken, *map(str, tokens))).values():
        if token.revoked_at is None:
            await store_revocation(act, token, REASON)
    for user in (await lock(User, *map(str, users))).values():
        if user.disabled_at is None:
            await store_disabling(act, user, REASON)
