"""Removes traces of erased rows from SQLite's files; on PostgreSQL, VACUUM removes them."""

from models.storage.database import note_wake
from models.storage.sql import Sql, execute, is_postgres
from models.storage.sqlite_log import ERASED
from models.storage.tenant_scope import bind_tenant, keeping_tenant

FORGET_SEARCHED = Sql("INSERT INTO customer_search(customer_search) VALUES ('optimize')")
"""Merges all parts of the search index, which removes the entries of changed and erased rows.

The merge takes 0.4 s with 200,000 customers. The alternative, FTS5's option `secure-delete`, needs
SQLite 3.42, and older versions could then no longer read the file.
"""


async def overwrite_erased() -> None:
    """Remove erased rows from SQLite's search index now, and from its log after the commit.

    Does nothing on PostgreSQL.
    """
    if is_postgres():
        return
    with keeping_tenant():
        bind_tenant(None)  # the search index belongs to no tenant
        await execute(FORGET_SEARCHED)
    note_wake(ERASED)
