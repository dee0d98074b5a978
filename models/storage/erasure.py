"""Removes erased data that SQLite's files still contain; on PostgreSQL, VACUUM removes it."""

from models.storage.database import note_wake
from models.storage.sql import Sql, execute, is_postgres
from models.storage.sqlite_log import ERASED
from models.storage.tenant_scope import bind_tenant, preserve_tenant_scope

FORGET_SEARCHED = Sql("INSERT INTO customer_search(customer_search) VALUES ('optimize')")
"""Merges all parts of the search index, which removes the entries of changed and erased rows.

The merge takes 0.4 s with 200,000 customers. The alternative, FTS5's option `secure-delete`, needs
SQLite 3.42, and older versions could then no longer read the file.
"""


async def overwrite_erased() -> None:
    """Remove erased data from SQLite's search index, and after the commit from its log.

    The log is the write-ahead log. Does nothing on PostgreSQL.
    """
    if is_postgres():
        return
    with preserve_tenant_scope():
        bind_tenant(None)  # the search index belongs to no tenant
        await execute(FORGET_SEARCHED)
    note_wake(ERASED)
