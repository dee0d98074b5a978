"""Stores the revocation of an access token."""

from models.storage.dry_run import version_step
from models.tables import audit
from models.tables.access import AccessToken
from models.tables.audit import ActorContext
from models.tables.event import Owner


async def store_revocation(act: ActorContext, token: AccessToken, reason: str | None) -> None:
    """Revoke a locked token at `act.now`, and record it in the audit trail."""
    token.revoked_at = act.now
    token.version += version_step()
    await token.save()
    await audit.record(
        act,
        "token.revoked",
        token.id,
        before={"revoked_at": None},
        after={"revoked_at": act.now.isoformat()},
        reason=reason,
        owner=Owner(reseller_id=token.reseller_id),
    )
