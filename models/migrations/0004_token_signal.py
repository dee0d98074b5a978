"""Makes PostgreSQL notify all processes of changed tokens, so that they drop cached ones."""

from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise.migrations.schema_editor.base import BaseSchemaEditor
from tortoise.migrations.schema_generator.state_apps import StateApps

POSTGRES = (
    """CREATE FUNCTION access_token_changed() RETURNS trigger LANGUAGE plpgsql AS $$
         BEGIN PERFORM pg_notify('tokens', ''); RETURN NULL; END $$""",
    """CREATE TRIGGER access_token_changed
         AFTER DELETE OR TRUNCATE OR UPDATE OF hash, name, scopes, expires_at, revoked_at
         ON access_token FOR EACH STATEMENT EXECUTE FUNCTION access_token_changed()""",
)


async def add(_: StateApps, editor: BaseSchemaEditor) -> None:
    """Create the trigger on PostgreSQL; on SQLite, readers can see that the file was written to."""
    if editor.DIALECT == "postgres":
        for statement in POSTGRES:
            await editor.client.execute_query(statement)


class Migration(migrations.Migration):
    """The topic of the notification is `models.tables.access.TOKENS`."""

    dependencies = [("models", "0003_customer_search")]  # noqa: RUF012  # the framework's own form

    operations = [ops.RunPython(add, ops.RunPython.noop)]  # noqa: RUF012  # see above
