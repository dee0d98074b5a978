"""The only module that uses private names of Tortoise.

The tests of this module list the compatible releases. The client classes that
`tenant_clients` and `sqlite_clients` extend have no underscore, and only their methods without one
are overridden. `Model._meta` is not listed here: Tortoise has no other way to describe a model, its
own extensions use it, and so do many of our modules.
"""

from abc import abstractmethod
from typing import Any, TypeVar

from tortoise import Tortoise
from tortoise.backends.base.client import TransactionContext
from tortoise.models import Model

Row = TypeVar("Row", bound=Model)


async def start_tortoise(config: dict[str, Any]) -> None:
    """Initialise Tortoise for all tasks of the process.

    By default only the task that calls `init`, and tasks that it starts, see the connections. The
    server starts the lifespan and each request as separate tasks, so without this argument every
    request would fail. Tortoise's own Starlette integration sets it too.
    """
    await Tortoise.init(config=config, _enable_global_fallback=True)


class OwnTransactions:
    """Base class of a client whose transactions are of this project's classes.

    Tortoise calls `_in_transaction` for transactions and for operations of several statements.
    Without this override they would open Tortoise's own transactions, which ignore the tenant
    scope.
    """

    @abstractmethod
    def new_transaction(self) -> TransactionContext:
        """Return a context that runs a transaction, or a savepoint within a transaction."""

    def _in_transaction(self) -> TransactionContext:
        return self.new_transaction()


def has_ended(transaction: Any) -> bool:
    """Return whether a transaction was committed or rolled back before its context ended.

    Without this check, leaving the context would commit or roll back a second time, which raises.
    """
    return bool(transaction._finalized)


def mark_ended(transaction: Any) -> None:
    """Record the end of a transaction or savepoint for Tortoise's contexts, which check it."""
    transaction._finalized = True


def driver_connection(client: Any) -> Any | None:
    """Return the driver's connection of an SQLite client; None before it has connected.

    Tortoise opens it inside `create_connection` and offers no public access to it. Without this
    function, statements on SQLite could not be timed, and a failed connect would leave the client
    locked.
    """
    return client._connection


def row_from_database(model: type[Row], values: dict[str, Any]) -> Row:
    """Return a model's row, made from column values as the driver returns them.

    This is for statements that a query set cannot express: FOR SHARE, and reads on connections for
    reads. Otherwise each would need a second statement, about a tenth of the time of a save.
    """
    return model._init_from_db(**values)


def bare_row(model: type[Row]) -> Row:
    """Return a row that is not stored and has no field values, only the state that `save` needs.

    Tortoise's public `construct` also makes rows without validation, but sets each attribute
    separately: storing 500 jobs at once then took 157 µs a row instead of 119 µs (SQLite).
    """
    row = model.__new__(model)
    vars(row).update(
        _await_when_save={},
        _partial=False,
        _saved_in_db=False,
        _custom_generated_pk=not model._meta.pk.generated,
    )
    return row


def mark_saved(row: Model) -> None:
    """Record that a row is stored; without it, a later `save` would insert the row again."""
    row._saved_in_db = True
