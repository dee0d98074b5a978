"""Locks that a transaction holds until it ends."""

from typing import TypeVar

from tortoise.connection import get_connection
from tortoise.models import Model

from models.storage.database import dialect_of
from models.storage.tortoise_internals import row_from_database

Row = TypeVar("Row", bound=Model)


async def lock(model: type[Row], *ids: str) -> dict[str, Row]:
    """Read rows and keep other writers from them until the transaction ends.

    Rows are locked in the order of their ids, so that writers do not deadlock, and with FOR NO KEY
    UPDATE, so that rows that refer to them can be added. On SQLite only one transaction writes.
    """
    query = model.filter(pk__in=sorted(set(ids))).order_by(model._meta.pk_attr)
    rows = await query.select_for_update(no_key=True)
    return {str(row.pk): row for row in rows}


async def lock_shared(model: type[Row], row_id: str) -> Row | None:
    """Read a row and keep it from being changed, while others may do the same.

    It does not wait for a writer of the row, which may be waiting for us (a class that is being
    retired waits for its customers): the transaction is rolled back and run again.
    """
    connection = get_connection("default")
    which = "$1 FOR SHARE NOWAIT" if dialect_of(connection) == "postgres" else "?"
    _, rows = await connection.execute_query(
        f'SELECT * FROM "{model._meta.db_table}" WHERE id = {which}',  # noqa: S608  # a table's own name
        [row_id],
    )
    return row_from_database(model, dict(rows[0])) if rows else None


async def lock_name(name: str) -> None:
    """Lock a name until the transaction ends, for things that have no row.

    On SQLite it does nothing, because only one transaction writes.
    """
    connection = get_connection("default")
    if dialect_of(connection) == "postgres":
        await connection.execute_query(
            "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", [name]
        )
