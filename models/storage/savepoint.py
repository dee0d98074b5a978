"""Runs a part of a transaction that can be rolled back alone."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tortoise.transactions import in_transaction

from models.storage.tenant_clients import added_for


@asynccontextmanager
async def savepoint() -> AsyncIterator[None]:
    """Roll back what the block wrote if it raises; the transaction around it goes on."""
    added = added_for.get()
    known = set(added or ())
    try:
        async with in_transaction():
            yield
    except BaseException:
        if added is not None:  # rows that were rolled back need not be in the tenant scope
            added.intersection_update(known)
        raise
