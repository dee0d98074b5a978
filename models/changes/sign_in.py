"""Signs in users of an identity provider; a user is created at their first sign-in."""

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
    """The claims of an identity provider's token; `issuer` and `subject` identify the person."""

    issuer: str
    subject: str
    expires_at: datetime
    """When the token expires."""
    name: str | None = None
    email: str | None = None
    groups: frozenset[str] = frozenset()
    """The provider's names of the person's groups."""
    issued_at: datetime | None = None
    """When the token was issued. If None, its claims replace no stored value."""


async def principal_of(
    database: Database, identity: Identity, now: datetime, request_id: str
) -> Principal | None:
    """Return the principal (identity and permissions of a request); None if the user is disabled.

    The principal has the permissions of the user, of the user's groups, and of the groups that the
    provider's token names. A group that only the token names is not stored as a membership: its
    permissions end with the token.
    """
    act = ActorContext(SYSTEM, now, request_id)
    user = await User.get_or_none(issuer=identity.issuer, subject=identity.subject)
    if user is None:
        user = await _provisioned(database, identity, act)
    elif user.disabled_at is None and _changed_claims(user, identity):
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
    """Return the groups that the identity provider calls by these names."""
    if not names:
        return []
    return await UserGroup.filter(external_name__in=sorted(names)).only("id", "permissions")


async def _provisioned(database: Database, identity: Identity, act: ActorContext) -> User:
    """Create the user of an identity, once even if several first requests arrive together."""
    claims = _storable_claims(identity)
    user = User(
        name=claims.get("name") or claims.get("email") or identity.subject[:NAME_LENGTH],
        email=claims.get("email"),
        issuer=identity.issuer,
        subject=identity.subject,
        created_at=act.now,
        last_modified_at=act.now,
    )
    user.name_key = folded(user.name)

    async def work() -> None:
        await user.save(force_create=True)
        await record(act, "user.provisioned", user.id, after=_audited_values(user))

    try:
        await database.transaction(work)
    except IntegrityError:
        return await User.get(issuer=identity.issuer, subject=identity.subject)
    return user


async def _refresh(user_id: str, identity: Identity, act: ActorContext) -> None:
    """Store claims that are newer than the user's last change, without increasing the version."""
    user = (await lock(User, user_id))[user_id]
    changed = _changed_claims(user, identity)
    if not changed:
        return
    before = _audited_values(user)
    user.update_from_dict(changed)
    user.name_key = folded(user.name)
    user.last_modified_at = act.now
    await user.save(update_fields=[*changed, "name_key", "last_modified_at"])
    await record(act, "user.refreshed", user.id, before=before, after=_audited_values(user))
    await wake(TOKENS)


def _changed_claims(user: User, identity: Identity) -> dict[str, str]:
    """Return the claims that differ from the user's values.

    None are returned if the user was changed after the token was issued.
    """
    if identity.issued_at is None or identity.issued_at < user.last_modified_at:
        return {}
    return {
        name: claim
        for name, claim in _storable_claims(identity).items()
        if getattr(user, name) != claim
    }


def _storable_claims(identity: Identity) -> dict[str, str]:
    """Return name and email address of an identity in stored form; invalid ones are left out."""
    claims = {}
    if identity.name:
        claims["name"] = identity.name[:NAME_LENGTH]
    if identity.email:
        with suppress(InvalidEmailError):
            claims["email"] = normalise_email(identity.email)
    return claims


def _audited_values(user: User) -> dict[str, Any]:
    """Return the fields of a user that audit entries contain."""
    return {
        "name": user.name,
        "email": user.email,
        "issuer": user.issuer,
        "subject": user.subject,
    }
