"""A server that commits each mutation and then never answers, to be killed in between."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import manage
from models.storage.database import Database
from resolvers.run_mutation import run_mutation

FOREVER_S = 3_600.0

_transaction = Database.transaction


async def halt_after_mutation(
    database: Database, work: Callable[[], Awaitable[Any]], *, dry_run: bool = False
) -> Any:
    """Run a transaction; if it is that of a mutation, never return."""
    done = await _transaction(database, work, dry_run=dry_run)
    if work.__qualname__.startswith(run_mutation.__qualname__):
        await asyncio.sleep(FOREVER_S)
    return done


if __name__ == "__main__":
    setattr(Database, "transaction", halt_after_mutation)  # noqa: B010  # for this process only
    manage.main()
