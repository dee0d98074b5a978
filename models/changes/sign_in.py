"""Signing in by what an identity provider says: the user it means, made when first seen."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tortoise.exceptions import IntegrityError

from models.rules.email_address import InvalidEmailError, normalise_email
from models.rules.folding import folded
from models.rules.permission import known, with_implied
from models.storage.database import Database, wake
from models.storage.locks import lock
from models.tables.access import SYSTEM, TOKENS, Principal
from models.tables.audit import ActorContext, record
from models.tables.customer_class import NAME_LENGTH
from models.tables.user import User, UserGroup, standing_of


@dataclass(frozen=True, slots=True)
class Identity:
    """What a provider says about somebody; `issuer` and `subject` tell it from everybody else."""

    issuer: str
    subject: str
    expires_at: datetime
    """Until when that counts."""
    name: str | None = None
    email: str | None = None
    groups: frozenset[str] = frozenset()
    """What the provider calls the groups it is in."""
    issued_at: datetime | None = None
    """When the provider said so; without it, nothing that is stored is replaced."""


async def principal_of(
    database: Database, identity: Identity, now: datetime, request_id: str
) -> Principal | None:
    """Return whom an identity stands for; none if its user is disabled.

    It may do what its user and the user's groups may, and the groups that the provider names. The
    latter are not stored as memberships: they hold for as long as the token that says so.
    """
    act = ActorContext(SYSTEM, now, request_id)
    user = await User.get_or_none(issuer=identity.issuer, subject=identity.subject)
    if user is None:
        user = await _provisioned(database, identity, act)
    elif user.disabled_at is None and _news(user, identity):
        await database.transaction(lambda: _refresh(user.id, identity, act))
    standing = await standing_of(user.id)
    if standing is None or not standing.is_active:
        return None
    claimed = await _claimed(identity.groups)
    granted = with_implied(known(code for group in claimed for code in group.permissions))
    return Principal(
        id=user.id,
        name=standing.name,
        scopes=standing.permissions | granted,
        reseller_id=standing.reseller_id,
        user_id=user.id,
        user_name=standing.name,
        expires_at=identity.expires_at,
        claimed_groups=frozenset(group.id for group in claimed),
        claimed=granted - standing.permissions,
    )


async def _claimed(names: frozenset[str]) -> list[UserGroup]:
    """Read the groups of some external names."""
    if not names:
        return []
    return await UserGroup.filter(external_name__in=sorted(names)).only("id", "permissions")


async def _provisioned(database: Database, identity: Identity, act: ActorContext) -> User:
    """Make the user, once, however many of its requests come first."""
    said = _said(identity)
    user = User(
        name=said.get("name") or said.get("email") or identity.subject[:NAME_LENGTH],
        email=said.get("email"),
        issuer=identity.issuer,
        subject=identity.subject,
        created_at=act.now,
        last_modified_at=act.now,
    )
    user.name_key = folded(user.name)

    async def work() -> None:
        await user.save(force_create=True)
        await record(act, "user.provisioned", user.id, after=_kept(user))

    try:
        await database.transaction(work)
    except IntegrityError:
        return await User.get(issuer=identity.issuer, subject=identity.subject)
    return user


async def _refresh(user_id: str, identity: Identity, act: ActorContext) -> None:
    """Take over what the provider says by now; no edit of a user's, so the version stays."""
    user = (await lock(User, user_id))[user_id]
    news = _news(user, identity)
    if not news:
        return
    before = _kept(user)
    user.update_from_dict(news)
    user.name_key = folded(user.name)
    user.last_modified_at = act.now
    await user.save(update_fields=[*news, "name_key", "last_modified_at"])
    await record(act, "user.refreshed", user.id, before=before, after=_kept(user))
    await wake(TOKENS)


def _news(user: User, identity: Identity) -> dict[str, str]:
    """Return what the provider says otherwise, unless the user was changed since it said so."""
    if identity.issued_at is None or identity.issued_at < user.last_modified_at:
        return {}
    return {name: said for name, said in _said(identity).items() if getattr(user, name) != said}


def _said(identity: Identity) -> dict[str, str]:
    """Return the name and the address that can be stored; what makes no sense was not said."""
    said = {}
    if identity.name:
        said["name"] = identity.name[:NAME_LENGTH]
    if identity.email:
        with suppress(InvalidEmailError):
            said["email"] = normalise_email(identity.email)
    return said


def _kept(user: User) -> dict[str, Any]:
    """Return what the audit trail keeps of it."""
    return {
        "name": user.name,
        "email": user.email,
        "issuer": user.issuer,
        "subject": user.subject,
    }
