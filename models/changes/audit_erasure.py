"""Erases personal data in audit entries; the database allows no other change to them."""

from datetime import datetime

from tortoise.expressions import Q

from models.changes.administration import begin_administration
from models.rules.errors import RefusalCode
from models.storage.locks import lock
from models.storage.row_insert import add_rows
from models.tables.audit import ERASED, ActorContext, AuditEntry, new_entry
from models.tables.customer import REASON_LENGTH
from models.tables.customer_class import rename, touch
from models.tables.user import User

NAMES_ERASED = "actor.names_erased"

IDENTIFYING = ("user.created", "user.edited", "user.provisioned", "user.refreshed")
"""Operations whose entries contain a user's name or email address."""


async def erase_values(customer_id: str, now: datetime) -> None:
    """Erase the values and reasons in all audit entries of an erased customer and its contacts.

    The actor, the time and the operation stay.
    """
    await AuditEntry.filter(customer_id=customer_id).update(
        before={}, after={}, reason=None, erased_at=now
    )


async def erase_contact_values(contact_id: str, now: datetime) -> None:
    """Erase the values and reasons in the audit entries about an erased contact."""
    await AuditEntry.filter(subject_id=contact_id).update(
        before={}, after={}, reason=None, erased_at=now
    )


async def erase_names(act: ActorContext, actor_id: str, reason: str | None) -> int:
    """Erase the names of a user or a credential in all audit entries; return how many were changed.

    The ids stay, so that entries of the same actor remain recognisable. If the actor is a user,
    their stored name and email address are erased too; the user must be disabled, because their
    next act would store the name again. Refuses with NOT_FOUND in a tenant scope: only the platform
    may erase names.
    """
    checks = act.checks()
    why = checks.required_reason(reason, REASON_LENGTH)
    done = AuditEntry.filter(Q(actor_id=actor_id) | Q(user_id=actor_id))
    user = await _locked_user(act, actor_id)
    if user is not None and user.disabled_at is None:
        checks.refuse(
            RefusalCode.USER_ACTIVE,
            "The user is active, so their next change would store their name again.",
            "actorId",
            hint="Disable the user first.",
        )
    elif user is None and (act.principal.reseller_id is not None or not await done.exists()):
        checks.refuse(
            RefusalCode.NOT_FOUND,
            "There is no user with this id, and no audit entry of a change by this id.",
            "actorId",
        )
    checks.raise_refusals()
    if user is not None:
        await _erase_user(act, user)
    named = done.exclude(actor_name=ERASED)
    counted = await named.count()
    # The database allows the erasure only after an audit entry of the same instant records it.
    entry = new_entry(act, NAMES_ERASED, actor_id, after={"entries": counted}, reason=why)
    await add_rows([entry])
    by_user = done.filter(user_name__isnull=False).exclude(id=entry.id)
    await by_user.update(user_name=ERASED, erased_at=act.now)
    await named.exclude(id=entry.id).update(actor_name=ERASED, erased_at=act.now)
    return counted


async def _locked_user(act: ActorContext, user_id: str) -> User | None:
    """Lock and return a user; None if there is no such user or the caller is a partner."""
    if act.principal.reseller_id is not None or not await User.exists(id=user_id):
        return None
    await begin_administration()
    return (await lock(User, user_id)).get(user_id)


async def _erase_user(act: ActorContext, user: User) -> None:
    """Erase a user's name and email address, and the reasons of the acts on the user.

    The identity provider's subject stays, so that the person cannot return as another user.
    """
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
