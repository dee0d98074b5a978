"""Ends the access of partners whose customer is no longer a reseller (R99), and their webhooks."""

from collections.abc import Sequence

from models.changes.token_revocation import store_revocation
from models.changes.user_editing import store_disabling
from models.changes.webhook_endpoint_editing import store_switch
from models.storage.database import wake
from models.storage.locks import lock
from models.tables.access import TOKENS, AccessToken
from models.tables.audit import ActorContext
from models.tables.user import User
from models.tables.webhook import WebhookEndpoint

REASON = "The customer that the user or token is bound to is no longer a reseller."
REASON_OF_ENDPOINTS = "The customer that the endpoint belongs to is no longer a reseller."


async def end_partner_access(act: ActorContext, customer_ids: Sequence[str]) -> None:
    """Revoke the tokens that are bound to the customers, and disable their users and endpoints.

    No token or user is missed: a transaction that binds one to a customer keeps the customer's
    class locked until it ends.
    """
    bound = {"reseller_id__in": list(customer_ids)}
    endpoints = await WebhookEndpoint.filter(**bound, is_active=True).values_list("id", flat=True)
    for endpoint in (await lock(WebhookEndpoint, *map(str, endpoints))).values():
        if endpoint.is_active:
            await store_switch(act, endpoint, is_active=False, reason=REASON_OF_ENDPOINTS)
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
