"""Takes out of audit entries what is personal; the database allows nothing else to be changed."""

from datetime import datetime

from tortoise.expressions import Q

from models.changes.administration import begin
from models.rules.errors import RefusalCode, refuse
from models.rules.text import Checks
from models.storage.locks import lock
from models.storage.row_insert import add_rows
from models.tables.audit import ERASED, ActorContext, AuditEntry, new_entry
from models.tables.customer import REASON_LENGTH
from models.tables.customer_class import rename, touch
from models.tables.user import User

NAMES_ERASED = "actor.names_erased"

IDENTIFYING = ("user.created", "user.edited", "user.provisioned", "user.refreshed")
"""What tells how a user is called and reached; other entries tell what it might do."""


async def erase_values(customer_id: str, now: datetime) -> None:
    """Take the values and reasons out of a customer's entries, once the customer is erased.

    Who, when and what was done stay, for its contacts too.
    """
    await AuditEntry.filter(customer_id=customer_id).update(
        before={}, after={}, reason=None, erased_at=now
    )


async def erase_contact_values(contact_id: str, now: datetime) -> None:
    """Take the values and reasons out of a contact's entries, once the contact is erased."""
    await AuditEntry.filter(subject_id=contact_id).update(
        before={}, after={}, reason=None, erased_at=now
    )


async def erase_names(act: ActorContext, actor_id: str, reason: str | None) -> int:
    """Take the names out of what a user or a credential did, and count the entries.

    The ids stay, so that it is still known that all of it was done by the same. With a user goes
    what is stored of it; it must be disabled, as its next act would bring its name back. A
    partner's credential finds nobody: names are the platform's to erase.
    """
    checks = Checks()
    why = checks.reason(reason, REASON_LENGTH)
    checks.settle()
    done = AuditEntry.filter(Q(actor_id=actor_id) | Q(user_id=actor_id))
    user = await _locked_user(act, actor_id)
    if user is not None:
        await _erase_user(act, user)
    elif act.principal.reseller_id is not None or not await done.exists():
        raise refuse(RefusalCode.NOT_FOUND, "Nothing was done by such a one.", "actorId")
    named = done.exclude(actor_name=ERASED)
    counted = await named.count()
    # The database lets names be erased only by what is told already, at that very instant.
    entry = new_entry(act, NAMES_ERASED, actor_id, after={"entries": counted}, reason=why)
    await add_rows([entry])
    by_user = done.filter(user_name__isnull=False).exclude(id=entry.id)
    await by_user.update(user_name=ERASED, erased_at=act.now)
    await named.exclude(id=entry.id).update(actor_name=ERASED, erased_at=act.now)
    return counted


async def _locked_user(act: ActorContext, user_id: str) -> User | None:
    """Read a user for changing it, if it is one, and the platform asks."""
    if act.principal.reseller_id is not None or not await User.exists(id=user_id):
        return None
    await begin()
    return (await lock(User, user_id)).get(user_id)


async def _erase_user(act: ActorContext, user: User) -> None:
    """Take out how a user is called and reached, and why things were done to it.

    What its identity provider calls it stays, so that it can't come back as another user.
    """
    if user.disabled_at is None:
        raise refuse(
            RefusalCode.USER_ACTIVE,
            "An active user's name would come back with its next act.",
            "actorId",
            hint="Disable the user first.",
        )
    if (user.name, user.email) != (ERASED, None):
        rename(user, ERASED)
        user.email = None
        touch(user, act.now)
        await user.save()
    about = AuditEntry.filter(subject_id=user.id)
    identifying = about.filter(operation__in=IDENTIFYING)
    await identifying.update(before={}, after={}, erased_at=act.now)
    explained = about.exclude(operation=NAMES_ERASED).filter(reason__isnull=False)
    await explained.update(reason=None, erased_at=act.now)
