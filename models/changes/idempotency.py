"""Stores the outcomes of mutations by idempotency key, and finds that of a repeated one.

IdempotencyConflict
├── IdempotencyKeyReused       the caller used the key for another request
└── IdempotencyInProgress      a request with the key is running now
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from tortoise.exceptions import IntegrityError

from models.rules.idempotency import fingerprint, key_digest
from models.storage.locks import try_lock_name
from models.storage.row_insert import add_rows, new_row
from models.storage.sql import Sql, execute
from models.tables.idempotency import IdempotentRequest


class IdempotencyConflict(Exception):
    """Raised if a request with an idempotency key can neither run nor be answered."""


class IdempotencyKeyReused(IdempotencyConflict):
    """The caller used the key for another request."""


class IdempotencyInProgress(IdempotencyConflict):
    """A request of the caller with the key is running now."""


_FIND = "SELECT fingerprint, outcome FROM idempotency WHERE id = ?"


@dataclass(frozen=True, slots=True)
class KeyedRequest:
    """A mutation with an idempotency key. `caller` is the owner of the caller's credential."""

    caller: str
    key: str
    operation: str
    fingerprint: str

    @classmethod
    def of(
        cls, caller: str, key: str, operation: str, content: Mapping[str, Any], secret: bytes
    ) -> "KeyedRequest":
        """Return the request for a mutation with these values of its input."""
        return cls(caller, key, operation, fingerprint(secret, key, operation, content))

    @property
    def id(self) -> str:
        """The primary key of the request's row."""
        return key_digest(self.caller, self.key)


async def earlier_outcome(request: KeyedRequest) -> dict[str, Any] | None:
    """Return the outcome of the same request, if it was stored before; otherwise None.

    Must be the first statement of the transaction that makes the change: until its end, another
    request with the key raises IdempotencyInProgress. On SQLite it waits instead, because only one
    transaction runs at a time. Raises IdempotencyKeyReused if the key was sent with another
    request.
    """
    if not await try_lock_name(f"{request.caller}|{request.key}"):
        raise IdempotencyInProgress
    # This is a statement of its own: one that also took the lock would not see rows that were
    # committed while it waited.
    # It has no ORM, which would take twice as long.
    found = await execute(Sql(_FIND, (request.id,)))
    if not found:
        return None
    if found[0]["fingerprint"] != request.fingerprint:
        raise IdempotencyKeyReused
    stored: dict[str, Any] = orjson.loads(found[0]["outcome"])
    return stored


async def keep_outcome(request: KeyedRequest, outcome: Mapping[str, Any], now: datetime) -> None:
    """Store the outcome of a request, in the transaction that made the change."""
    row = new_row(
        IdempotentRequest,
        id=request.id,
        caller=request.caller,
        operation=request.operation,
        fingerprint=request.fingerprint,
        outcome=dict(outcome),
        created_at=now,
    )
    try:
        await add_rows([row])
    except IntegrityError as error:
        raise IdempotencyInProgress from error
