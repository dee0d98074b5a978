"""Adds a counter of changes of tokens and permissions on SQLite; PostgreSQL uses NOTIFY instead.

Processes that cache tokens read them again only when the counter changed, not after each commit.
"""

from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise.migrations.schema_editor.base import BaseSchemaEditor
from tortoise.migrations.schema_generator.state_apps import StateApps

CHANGES = {
    "access_token": ("INSERT", "DELETE", "UPDATE OF hash, name, scopes, expires_at, revoked_at"),
    "app_user": ("INSERT", "DELETE", "UPDATE OF name, permissions, disabled_at"),
    "user_group": ("INSERT", "DELETE", "UPDATE OF permissions, external_name"),
    "group_membership": ("INSERT", "DELETE", "UPDATE"),
}

SQLITE = (
    "CREATE TABLE epoch (topic TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID",
    "INSERT INTO epoch (topic, value) VALUES ('tokens', 0)",
    *(
        f"""CREATE TRIGGER {table}_epoch_{change.split()[0].lower()} AFTER {change} ON {table} BEGIN
              UPDATE epoch SET value = value + 1 WHERE topic = 'tokens';
            END"""
        for table, changes in CHANGES.items()
        for change in changes
    ),
)

POSTGRES = (
    """CREATE TRIGGER user_group_added AFTER INSERT ON user_group
         FOR EACH STATEMENT EXECUTE FUNCTION access_token_changed()""",
)


async def add(_: StateApps, editor: BaseSchemaEditor) -> None:
    """Create the counter with its triggers on SQLite, and a missing trigger on PostgreSQL."""
    for statement in POSTGRES if editor.DIALECT == "postgres" else SQLITE:
        await editor.client.execute_query(statement)


class Migration(migrations.Migration):
    """The counter's topic is `models.tables.access.TOKENS`."""

    dependencies = [("models", "0010_class_use")]  # noqa: RUF012  # the framework's own form

    operations = [ops.RunPython(add, ops.RunPython.noop)]  # noqa: RUF012  # see above
