"""Locks rows or names until the current transaction ends."""

from collections.abc import Iterable
from typing import TypeVar

from tortoise.connection import get_connection
from tortoise.models import Model

from models.storage.database import dialect_of
from models.storage.tortoise_internals import row_from_database

Row = TypeVar("Row", bound=Model)


async def lock(model: type[Row], *ids: str) -> dict[str, Row]:
    """Lock rows against other writers until the transaction ends, and return them by id.

    Ids without a row are left out. Rows are locked in the order of their ids, so that writers do
    not deadlock, and with FOR NO KEY UPDATE, so that other transactions can add rows that refer to
    them. On SQLite no rows are locked, because only one transaction writes at a time.
    """
    query = model.filter(pk__in=sorted(set(ids))).order_by(model._meta.pk_attr)
    rows = await query.select_for_update(no_key=True)
    return {str(row.pk): row for row in rows}


async def lock_shared(model: type[Row], row_id: str) -> Row | None:
    """Lock a row against changes until the transaction ends, and return it; None if missing.

    Several transactions can hold this lock at once. If a writer has locked the row, the call fails
    instead of waiting, because that writer may be waiting for this transaction: for example, one
    that retires a class locks the class, then its customers. The transaction is then rolled back
    and run again.
    """
    connection = get_connection("default")
    which = "$1 FOR SHARE NOWAIT" if dialect_of(connection) == "postgres" else "?"
    _, rows = await connection.execute_query(
        f'SELECT * FROM "{model._meta.db_table}" WHERE id = {which}',  # noqa: S608  # a table's own name
        [row_id],
    )
    return row_from_database(model, dict(rows[0])) if rows else None


async def try_lock_name(name: str) -> bool:
    """Lock a name until the transaction ends; return False if another transaction has locked it.

    Always true on SQLite, because only one transaction writes at a time.
    """
    connection = get_connection("default")
    if dialect_of(connection) != "postgres":
        return True
    _, rows = await connection.execute_query(
        "SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0)) AS is_mine", [name]
    )
    return bool(rows[0]["is_mine"])


async def lock_name(name: str) -> None:
    """Lock a name, a substitute for a row to lock, until the transaction ends.

    Does nothing on SQLite, because only one transaction writes at a time.
    """
    connection = get_connection("default")
    if dialect_of(connection) == "postgres":
        await connection.execute_query(
            "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", [name]
        )


async def lock_names(names: Iterable[str]) -> None:
    """Lock names with one statement, in the order in which every caller of this locks them.

    Does nothing on SQLite, because only one transaction writes at a time.
    """
    connection = get_connection("default")
    wanted = sorted(set(names))
    if wanted and dialect_of(connection) == "postgres":
        await connection.execute_query(
            "SELECT pg_advisory_xact_lock(hashtextextended(name, 0)) FROM unnest($1::text[]) name",
            [wanted],
        )
