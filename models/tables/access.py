"""Access tokens, their scopes, and the principal (identity and permissions) of a request."""

import asyncio
import hashlib
import re
import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog
from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model

from models.rules.permission import FOR_PARTNERS, Scope, known, with_implied
from models.storage.database import Database
from models.storage.id_field import IdField
from models.storage.identifiers import ID_LENGTH, new_token_id
from models.storage.sql import run
from models.storage.tortoise_internals import row_from_database
from models.tables.customer import Customer
from models.tables.user import User, standing_of

__all__ = [
    "OPERATOR",
    "SYSTEM",
    "TOKENS",
    "AccessToken",
    "Principal",
    "Principals",
    "Scope",
    "hash_of",
    "issue_token",
    "new_token",
]

log = structlog.get_logger(__name__)

TOKEN_PREFIX = "ccl_"  # noqa: S105  # marks a secret, is none
TOKEN = re.compile(TOKEN_PREFIX + r"[A-Za-z0-9_-]{43}")
"""The form of all access tokens; a text of another form is rejected without a database query."""
SHOWN_LENGTH = 12
LAST_USED_PRECISION = timedelta(minutes=1)
"""The time of a token's last use is stored again only after this time."""
MAX_NOTING_S = 0.05
"""The maximum number of seconds for which a request waits until its token's use is stored."""

TOKENS = "tokens"
"""The topic on which processes are notified if a token or its owner's permissions change.

The triggers of migrations 0004 and 0008 send the notifications.
"""

MAX_REMEMBERED = 10_000
MAX_MEMORY_S = 30.0
"""Seconds after which a cached token is read again, in case a notification was lost."""


@dataclass(frozen=True, slots=True)
class Principal:
    """The identity and permissions with which a request or a job acts.

    If `reseller_id` is set, the principal sees only that customer and the customers whose parent it
    is (R99).
    """

    id: str
    name: str
    scopes: frozenset[Scope]
    reseller_id: str | None = None
    user_id: str | None = None
    """The user to whom the credential belongs; None for a token without a user."""
    user_name: str | None = None
    expires_at: datetime | None = None
    claimed_groups: frozenset[str] = frozenset()
    """Ids of the groups that the identity provider's token names for the user."""
    claimed: frozenset[Scope] = frozenset()
    """Permissions that the user has only by these groups; they end with the provider's token."""
    permissions: frozenset[Scope] = field(init=False, compare=False)
    """The scopes and those that they imply; for partners, only those that partners may have."""
    quota_key: str = field(init=False, compare=False)
    """The key under which budgets and limits count: more credentials do not increase them.

    It is the id of the user. For a token without a user it is the id of its reseller, or else that
    of the token.
    """
    caller: str = field(init=False, compare=False)
    """The key under which slots to run, shares of caches, and searches are counted.

    All users and tokens of a reseller share the reseller's id; without a reseller it is
    `quota_key`.
    """

    def __post_init__(self) -> None:
        permissions = with_implied(self.scopes)
        if self.reseller_id is not None:
            permissions &= FOR_PARTNERS
        quota_key = self.user_id or self.reseller_id or self.id
        object.__setattr__(self, "permissions", permissions)
        object.__setattr__(self, "quota_key", quota_key)
        object.__setattr__(self, "caller", self.reseller_id or quota_key)

    def may(self, scope: Scope) -> bool:
        """Return whether the principal has a permission, or one that implies it (A20)."""
        return scope in self.permissions

    def may_any(self, scopes: Iterable[Scope]) -> bool:
        """Return whether the principal has any of the permissions, directly or implied."""
        return not self.permissions.isdisjoint(scopes)

    @property
    def lasting(self) -> frozenset[Scope]:
        """The permissions that can be granted to others: they do not end with the sign-in."""
        return self.permissions - self.claimed


SYSTEM = Principal("system", "system", frozenset())
"""The principal for changes by the platform itself, for example by a lookup (R92)."""

OPERATOR = Principal("operator", "operator", frozenset(Scope))
"""The principal for commands that an operator runs on the machine."""


class AccessToken(Model):
    """A bearer token, shown once when it is issued and stored as a hash.

    `user_id` and `reseller_id` never change, which the database enforces. A token without a user
    was issued by the operator.
    """

    id = IdField(max_length=ID_LENGTH, primary_key=True, default=new_token_id)
    name = fields.CharField(max_length=200)
    shown_prefix = fields.CharField(max_length=SHOWN_LENGTH)
    hash = fields.CharField(max_length=64, unique=True)
    scopes: list[str] = fields.JSONField()
    created_at = fields.DatetimeField()
    expires_at = fields.DatetimeField(null=True)
    last_used_at = fields.DatetimeField(null=True)
    revoked_at = fields.DatetimeField(null=True)
    user: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "models.User", related_name=False, null=True, on_delete=fields.RESTRICT
    )
    user_id: str | None
    reseller: fields.ForeignKeyNullableRelation[Customer] = fields.ForeignKeyField(
        "models.Customer", related_name=False, null=True, on_delete=fields.RESTRICT
    )
    reseller_id: str | None
    rotated_from_id = IdField(max_length=ID_LENGTH, null=True)
    version = fields.IntField(default=1, db_default=1)

    class Meta:
        table = "access_token"
        indexes = (Index(fields=("user_id", "id")), Index(fields=("reseller_id", "id")))

    def is_valid(self, now: datetime) -> bool:
        """Return whether the token is neither expired nor revoked."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)

    async def principal(self) -> Principal | None:
        """Return the principal that the token authenticates; None if its user is disabled.

        A user's token has only those of its scopes that the user has now, too.
        """
        scopes = known(self.scopes)
        if self.user_id is None:
            return Principal(
                self.id, self.name, scopes, self.reseller_id, None, None, self.expires_at
            )
        standing = await standing_of(self.user_id)
        if standing is None or not standing.is_active:
            return None
        return Principal(
            self.id,
            self.name,
            with_implied(scopes) & standing.permissions,
            standing.reseller_id or self.reseller_id,
            self.user_id,
            standing.name,
            self.expires_at,
        )


def hash_of(secret: str) -> str:
    """Return the SHA-256 digest of a token in hexadecimal.

    A token holds 256 random bits, so no slow hash is needed.
    """
    return hashlib.sha256(secret.encode()).hexdigest()


def new_token(
    name: str, scopes: frozenset[Scope], now: datetime, lifetime: timedelta | None = None
) -> tuple[AccessToken, str]:
    """Return a new token that is not stored yet, and its secret, which cannot be read again.

    Without `lifetime`, the token does not expire.
    """
    secret = TOKEN_PREFIX + secrets.token_urlsafe(32)
    token = AccessToken(
        name=name,
        shown_prefix=secret[:SHOWN_LENGTH],
        hash=hash_of(secret),
        scopes=sorted(scopes),
        created_at=now,
        expires_at=None if lifetime is None else now + lifetime,
    )
    return token, secret


async def issue_token(
    name: str, scopes: frozenset[Scope], now: datetime, lifetime: timedelta | None = None
) -> str:
    """Store a new token without a user and return its secret.

    Without `lifetime`, the token does not expire.
    """
    token, secret = new_token(name, scopes, now, lifetime)
    await token.save(force_create=True)
    return secret


@dataclass(frozen=True, slots=True)
class _Remembered:
    principal: Principal
    epoch: int
    expires_at: datetime | None
    noted_until: datetime
    trusted_until: float


class Principals:
    """Finds principals by bearer token, and caches them until any token or permission changes.

    PostgreSQL notifies of such changes; SQLite counts them in a table.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._remembered: dict[str, _Remembered] = {}
        self._unknown: dict[str, tuple[int, datetime]] = {}

    async def of(self, secret: str, now: datetime) -> Principal | None:
        """Return the principal of a bearer token.

        None if the token is unknown, expired or revoked, or its user is disabled.
        """
        if not TOKEN.fullmatch(secret):
            return None
        key = hash_of(secret)
        epoch = self._database.epoch(TOKENS)
        known = self._remembered.get(key)
        if (
            known is not None
            and known.epoch == epoch
            and now < known.noted_until
            and (known.expires_at is None or now < known.expires_at)
            and time.monotonic() < known.trusted_until
        ):
            return known.principal
        self._remembered.pop(key, None)
        unknown_epoch, unknown_since = self._unknown.get(key, (None, now))
        if epoch is not None and unknown_epoch == epoch and now >= unknown_since:
            return None
        token = await _used_token(key, now)
        principal = None if token is None else await token.principal()
        if token is None or principal is None:
            self._note_unknown(key, epoch, now)
            return None
        if epoch is not None:
            if len(self._remembered) >= MAX_REMEMBERED:
                self._remembered.clear()
            last_used_at = token.last_used_at or now
            self._remembered[key] = _Remembered(
                principal,
                epoch,
                token.expires_at,
                last_used_at + LAST_USED_PRECISION,
                time.monotonic() + MAX_MEMORY_S,
            )
        return principal

    def _note_unknown(self, key: str, epoch: int | None, now: datetime) -> None:
        """Cache that a token is invalid, because abandoned clients go on sending such tokens."""
        if epoch is None:
            return
        if len(self._unknown) >= MAX_REMEMBERED:
            self._unknown.clear()
        self._unknown[key] = epoch, now


async def _used_token(key: str, now: datetime) -> AccessToken | None:
    """Return the valid token with this hash, and store when it was used; None if there is none.

    The token is read on a separate connection for reads, and its use is stored in the background,
    so that signing in does not wait for writers. If the stored time of the last use is in the
    future, a process with a wrong clock stored it; it is replaced.
    """
    meta = AccessToken._meta
    columns = meta.fields_db_projection
    text = f"SELECT {', '.join(columns.values())} FROM access_token WHERE hash = ?"  # noqa: S608  # our own names
    rows = await run(text, (key,))
    if not rows:
        return None
    token = row_from_database(AccessToken, dict(zip(columns, rows[0], strict=True)))
    if not token.is_valid(now):
        return None
    if token.last_used_at is None or abs(now - token.last_used_at) >= LAST_USED_PRECISION:
        token.last_used_at = now
        use_task = asyncio.create_task(_note_use(token.id, now))
        _use_tasks.add(use_task)
        use_task.add_done_callback(_use_tasks.discard)
        await asyncio.wait({use_task}, timeout=MAX_NOTING_S)
    return token


_use_tasks: set[asyncio.Task[None]] = set()


async def _note_use(token_id: str, now: datetime) -> None:
    try:
        await AccessToken.filter(id=token_id).update(last_used_at=now)
    except Exception as error:  # the request has been authenticated, and may go on
        log.warning("token_use_not_noted", error=type(error).__name__)
