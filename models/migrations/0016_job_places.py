"""Makes a trigger assign the places of new jobs in the queue, which saves a statement per job."""

from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise.migrations.schema_editor.base import BaseSchemaEditor
from tortoise.migrations.schema_generator.state_apps import StateApps

STARTED = "SELECT last_place FROM queue_turn WHERE kind = NEW.kind AND urgency = NEW.urgency"

# Not max(place): a plan that PostgreSQL made while few jobs waited would always read all of them.
WAITING = """SELECT place FROM job WHERE reseller_id {is_same}
  AND kind = NEW.kind AND urgency = NEW.urgency AND state IN ('READY', 'WAITING')
  ORDER BY reseller_id DESC, place DESC LIMIT 1"""

POSTGRES = (
    f"""CREATE FUNCTION place_job() RETURNS trigger LANGUAGE plpgsql AS $$
       DECLARE started bigint; waiting bigint;
       BEGIN
         started := ({STARTED});
         IF NEW.reseller_id IS NULL THEN waiting := ({WAITING.format(is_same="IS NULL")});
         ELSE waiting := ({WAITING.format(is_same="= NEW.reseller_id")});
         END IF;
         NEW.place := 1 + greatest(started, waiting, 0);
         RETURN NEW;
       END $$""",
    """CREATE TRIGGER job_placed BEFORE INSERT ON job FOR EACH ROW WHEN (NEW.place < 0)
       EXECUTE FUNCTION place_job()""",
)

SQLITE = (
    f"""CREATE TRIGGER job_placed AFTER INSERT ON job WHEN NEW.place < 0 BEGIN
         UPDATE job SET place = 1 + max(
             coalesce(({STARTED}), 0),
             coalesce(({WAITING.format(is_same="IS NEW.reseller_id")}), 0))
           WHERE rowid = NEW.rowid;
       END""",
)


async def place_jobs(_: StateApps, editor: BaseSchemaEditor) -> None:
    """Create the trigger."""
    for statement in POSTGRES if editor.DIALECT == "postgres" else SQLITE:
        await editor.client.execute_query(statement)


class Migration(migrations.Migration):
    """A later migration that rebuilds the table `job` on SQLite must recreate this trigger."""

    dependencies = [("models", "0015_mail_quotas")]  # noqa: RUF012  # the framework's own form

    operations = [ops.RunPython(place_jobs, ops.RunPython.noop)]  # noqa: RUF012  # see above
