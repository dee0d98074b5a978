"""The only module that uses private names of Tortoise, except for `Model._meta`.

The tests of this module list the compatible releases. `tenant_clients` and `sqlite_clients` extend
client classes of Tortoise, but only public ones, of which they override only public methods.
`Model._meta` is used by many modules: Tortoise has no other way to describe a model, and its own
extensions use it.
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
    server runs the application's lifespan and each request in separate tasks, so without the
    argument set here every request would fail. Tortoise's own Starlette integration sets it too.
    """
    await Tortoise.init(config=config, _enable_global_fallback=True)


class OwnTransactions:
    """Base class of clients whose transactions are objects of this project's classes.

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
    """Record that a transaction or savepoint has ended, for Tortoise's contexts, which check it."""
    transaction._finalized = True


def driver_connection(client: Any) -> Any | None:
    """Return the driver's connection of an SQLite client; None before it has connected.

    Tortoise opens it inside `create_connection` and offers no public access to it. Without this
    function, statements on SQLite could not be timed, and a failed connect would leave the client
    locked.
    """
    return client._connection


def row_from_database(model: type[Row], values: dict[str, Any]) -> Row:
    """Return a row of a model, made from column values as the driver returns them.

    This is for statements that a query set of Tortoise cannot express, such as FOR SHARE, and for
    reads on the separate connections for reads. Without it, each would need a second statement,
    which takes about a tenth of the time of a save.
    """
    return model._init_from_db(**values)


def unsaved_row(model: type[Row]) -> Row:
    """Return a row without field values that is not stored yet, with the state that `save` needs.

    Tortoise's public `construct` also makes rows without validation, but sets each attribute
    separately: with it, storing 500 jobs at once took 157 µs a row instead of 119 µs (SQLite).
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
    """Record in a row that it is stored; otherwise a later `save` would insert it again."""
    row._saved_in_db = True
