"""Who calls: access tokens, their scopes, and the principal that a request acts as."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum, unique

from tortoise import fields
from tortoise.models import Model

from models.identifiers import ID_LENGTH, new_token_id

TOKEN_PREFIX = "ccl_"  # noqa: S105  # marks a secret, is none
SHOWN_LENGTH = 12
LAST_USED_PRECISION = timedelta(minutes=1)


@unique
class Scope(StrEnum):
    """What a credential may do, as `resource:verb`."""

    CUSTOMER_CLASSES_READ = "customer_classes:read"
    CUSTOMER_CLASSES_WRITE = "customer_classes:write"
    CUSTOMER_CLASSES_ADMINISTER = "customer_classes:administer"
    CUSTOMERS_READ = "customers:read"
    CUSTOMERS_WRITE = "customers:write"
    ENRICHMENT_RUN = "enrichment:run"


_IMPLIED = {
    Scope.CUSTOMER_CLASSES_ADMINISTER: (
        Scope.CUSTOMER_CLASSES_WRITE,
        Scope.CUSTOMER_CLASSES_READ,
    ),
    Scope.CUSTOMER_CLASSES_WRITE: (Scope.CUSTOMER_CLASSES_READ,),
    Scope.CUSTOMERS_WRITE: (Scope.CUSTOMERS_READ,),
}


@dataclass(frozen=True, slots=True)
class Principal:
    """Who a request or a job acts as, and what that may do."""

    id: str
    name: str
    scopes: frozenset[Scope]

    def may(self, scope: Scope) -> bool:
        """Tell whether the scope was given, or comes with a stronger one (A20)."""
        return scope in self.scopes or any(scope in _IMPLIED.get(own, ()) for own in self.scopes)


SYSTEM = Principal("system", "system", frozenset())
"""The platform itself, as when a lookup fills a profile (R92)."""


class AccessToken(Model):
    """A bearer token, shown once when it is issued and stored as a hash."""

    id = fields.CharField(max_length=ID_LENGTH, primary_key=True, default=new_token_id)
    name = fields.CharField(max_length=200)
    shown_prefix = fields.CharField(max_length=SHOWN_LENGTH)
    hash = fields.CharField(max_length=64, unique=True)
    scopes: list[str] = fields.JSONField()
    created_at = fields.DatetimeField()
    expires_at = fields.DatetimeField(null=True)
    last_used_at = fields.DatetimeField(null=True)
    revoked_at = fields.DatetimeField(null=True)

    class Meta:
        table = "access_token"

    def is_valid(self, now: datetime) -> bool:
        """Tell whether the token still opens anything."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)

    @property
    def principal(self) -> Principal:
        """Give the principal that the token stands for; scopes of older versions are dropped."""
        known = frozenset(Scope(scope) for scope in self.scopes if scope in set(Scope))
        return Principal(self.id, self.name, known)


def hash_of(secret: str) -> str:
    """Hash a token. It holds 256 random bits, so no slow hash is needed."""
    return hashlib.sha256(secret.encode()).hexdigest()


async def issue_token(
    name: str, scopes: frozenset[Scope], now: datetime, lifetime: timedelta | None = None
) -> str:
    """Store a new token and give its secret, which can't be read again."""
    secret = TOKEN_PREFIX + secrets.token_urlsafe(32)
    await AccessToken.create(
        name=name,
        shown_prefix=secret[:SHOWN_LENGTH],
        hash=hash_of(secret),
        scopes=sorted(scopes),
        created_at=now,
        expires_at=None if lifetime is None else now + lifetime,
    )
    return secret


async def principal_of(secret: str, now: datetime) -> Principal | None:
    """Give whom a bearer token stands for, or nothing if it is unknown, expired or revoked."""
    token = await AccessToken.get_or_none(hash=hash_of(secret))
    if token is None or not token.is_valid(now):
        return None
    if token.last_used_at is None or now - token.last_used_at >= LAST_USED_PRECISION:
        await AccessToken.filter(id=token.id).update(last_used_at=now)
    return token.principal
