"""Adds a trigram index of customers' search keys: GIN on PostgreSQL, FTS5 on SQLite."""

from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise.migrations.schema_editor.base import BaseSchemaEditor
from tortoise.migrations.schema_generator.state_apps import StateApps

POSTGRES = (
    "CREATE EXTENSION IF NOT EXISTS pg_trgm",
    "CREATE INDEX idx_customer_search ON customer USING gin (search_key gin_trgm_ops)",
)

SQLITE = (
    """CREATE VIRTUAL TABLE customer_search USING fts5(
         search_key, content='customer', content_rowid='rowid', tokenize='trigram')""",
    """CREATE TRIGGER customer_search_insert AFTER INSERT ON customer BEGIN
         INSERT INTO customer_search(rowid, search_key) VALUES (new.rowid, new.search_key);
       END""",
    """CREATE TRIGGER customer_search_delete AFTER DELETE ON customer BEGIN
         INSERT INTO customer_search(customer_search, rowid, search_key)
         VALUES ('delete', old.rowid, old.search_key);
       END""",
    """CREATE TRIGGER customer_search_update AFTER UPDATE OF search_key ON customer BEGIN
         INSERT INTO customer_search(customer_search, rowid, search_key)
         VALUES ('delete', old.rowid, old.search_key);
         INSERT INTO customer_search(rowid, search_key) VALUES (new.rowid, new.search_key);
       END""",
    "INSERT INTO customer_search(customer_search) VALUES ('rebuild')",
)


async def add(_: StateApps, editor: BaseSchemaEditor) -> None:
    """Create the index and, on SQLite, the triggers that keep it up to date."""
    for statement in POSTGRES if editor.DIALECT == "postgres" else SQLITE:
        await editor.client.execute_query(statement)


class Migration(migrations.Migration):
    """A later migration that rebuilds a table with these triggers on SQLite must recreate them."""

    dependencies = [("models", "0002_shipped_customer_classes")]  # noqa: RUF012  # the framework's own form

    operations = [ops.RunPython(add, ops.RunPython.noop)]  # noqa: RUF012  # see above
