"""Locks that a unit of work holds until its transaction ends."""

from typing import TypeVar

from tortoise.connection import get_connection
from tortoise.models import Model

from models.storage.database import dialect_of

Row = TypeVar("Row", bound=Model)


async def lock(model: type[Row], *ids: str) -> dict[str, Row]:
    """Read rows and keep other writers from them until the transaction ends.

    In the order of their ids, so that two writers never wait for each other, and without the key:
    a row that refers to this one may be added meanwhile. On SQLite a transaction is alone in
    writing anyway.
    """
    query = model.filter(pk__in=sorted(set(ids))).order_by(model._meta.pk_attr)
    rows = await query.select_for_update(no_key=True)
    return {str(row.pk): row for row in rows}


async def lock_shared(model: type[Row], row_id: str) -> Row | None:
    """Read a row and keep it from being changed, while others may do the same.

    It waits for nobody who is changing the row, since that one may wait for us, as a class that is
    being retired waits for its customers: we let go of all and do our work again.
    """
    connection = get_connection("default")
    which = "$1 FOR SHARE NOWAIT" if dialect_of(connection) == "postgres" else "?"
    _, rows = await connection.execute_query(
        f'SELECT * FROM "{model._meta.db_table}" WHERE id = {which}',  # noqa: S608  # a table's own name
        [row_id],
    )
    return model._init_from_db(**dict(rows[0])) if rows else None


async def lock_name(name: str) -> None:
    """Let nobody else who locks that name go on until the transaction ends.

    For what no row stands for; on SQLite a transaction is alone in writing anyway.
    """
    connection = get_connection("default")
    if dialect_of(connection) == "postgres":
        await connection.execute_query(
            "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", [name]
        )
