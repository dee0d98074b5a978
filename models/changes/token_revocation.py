"""Stores the revocation of an access token."""

from models.tables import audit
from models.tables.access import AccessToken
from models.tables.audit import ActorContext


async def store_revocation(act: ActorContext, token: AccessToken, reason: str | None) -> None:
    """Revoke a locked token at `act.now`, and record it in the audit trail."""
    token.revoked_at = act.now
    token.version += 1
    await token.save()
    await audit.record(
        act,
        "token.revoked",
        token.id,
        before={"revoked_at": None},
        after={"revoked_at": act.now.isoformat()},
        reason=reason,
    )
