"""Every private name of Tortoise that this project uses.

The tests of this module name the releases that it was checked with. The client classes that
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
    """Base of a client that has its own class of transactions.

    Tortoise's function for transactions and its own operations of several statements call
    `_in_transaction`. Without this override they would open Tortoise's transactions, to which no
    tenant scope applies.
    """

    @abstractmethod
    def new_transaction(self) -> TransactionContext:
        """Return a context that begins a transaction, or a savepoint within one."""

    def _in_transaction(self) -> TransactionContext:
        return self.new_transaction()


def has_ended(transaction: Any) -> bool:
    """Return whether a transaction was committed or rolled back before its context ended.

    Without this check, leaving the context would commit or roll back a second time, which raises.
    """
    return bool(transaction._finalized)


def mark_ended(transaction: Any) -> None:
    """Record the end of a transaction or savepoint, which Tortoise's nested context reads."""
    transaction._finalized = True


def driver_connection(client: Any) -> Any | None:
    """Return the driver's connection of an SQLite client; None before it has connected.

    Tortoise opens it inside `create_connection` and offers no public access to it. Without this
    function, statements on SQLite could not be timed, and a failed connect would leave the client
    locked.
    """
    return client._connection


def row_from_database(model: type[Row], values: dict[str, Any]) -> Row:
    """Make a model's row from column values as the driver returns them.

    A query set cannot do it for statements that it cannot express: FOR SHARE, and reads outside
    of the connections for transactions. Without it each of them would need a second statement,
    about a tenth of a save.
    """
    return model._init_from_db(**values)


def bare_row(model: type[Row]) -> Row:
    """Make a row that is not stored and has no fields yet; only the ORM's own state is set.

    The public `construct` also makes rows without validation, but sets each attribute and default
    singly: storing 500 jobs at once then took 157 µs a row instead of 119 µs (SQLite). Without this
    state, `save` raises AttributeError.
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
