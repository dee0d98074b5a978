"""Takes out of audit entries what is personal; the database allows nothing else to be changed."""

from datetime import datetime

from tortoise.expressions import Q

from models.audit import ERASED, Act, AuditEntry, record
from models.customer import REASON_LENGTH
from models.errors import RefusalCode, refuse
from models.text import Checks


async def erase_values(customer_id: str, now: datetime) -> None:
    """Take the values and reasons out of a customer's entries, once the customer is erased.

    Who, when and what was done stay, for its contacts too.
    """
    await AuditEntry.filter(customer_id=customer_id).update(
        before={}, after={}, reason=None, erased_at=now
    )


async def erase_names(act: Act, actor_id: str, reason: str | None) -> int:
    """Take the names out of what a user or a credential did, and count the entries.

    The ids stay, so that it is still known that all of it was done by the same. A partner's
    credential finds nobody: names are the platform's to erase.
    """
    checks = Checks()
    why = checks.reason(reason, REASON_LENGTH)
    checks.settle()
    done = AuditEntry.filter(Q(actor_id=actor_id) | Q(user_id=actor_id))
    if act.principal.reseller_id is not None or not await done.exists():
        raise refuse(RefusalCode.NOT_FOUND, "Nothing was done by such a one.", "actorId")
    await done.filter(user_name__isnull=False).update(user_name=ERASED, erased_at=act.now)
    counted = await done.exclude(actor_name=ERASED).update(actor_name=ERASED, erased_at=act.now)
    await record(act, "actor.names_erased", actor_id, after={"entries": counted}, reason=why)
    return counted
