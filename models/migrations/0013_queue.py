"""Adds to jobs an urgency, a reseller for fair turns, and a fixed place in the queue.

`models/jobs/queue_turn.py` explains turns and places.
"""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops
from tortoise.migrations.schema_editor.base import BaseSchemaEditor
from tortoise.migrations.schema_generator.state_apps import StateApps

from models.storage.indexes import IndexWhere

RUN = """FROM enrichment_run AS run WHERE run.customer_id = substr(job.live_key, 8)
  AND run.status IN ('PENDING', 'RUNNING', 'RETRYING')"""
"""Selects the lookup of a job of kind `enrich`, whose `live_key` is `enrich:` and a customer id."""

BACKFILL = (
    """UPDATE job SET state = CASE WHEN due_at <= CURRENT_TIMESTAMP THEN 'READY' ELSE 'WAITING' END
       WHERE state = 'QUEUED'""",
    "UPDATE job SET started_at = created_at WHERE attempts > 0",
    f"""UPDATE job SET
         reseller_id = (
           SELECT CASE WHEN class.is_reseller THEN own.id ELSE own.parent_id END
           FROM customer AS own JOIN customer_class AS class ON class.id = own.customer_class_id
           WHERE own.id = substr(job.live_key, 8)),
         urgency = coalesce(
           (SELECT min(CASE run."trigger" WHEN 'SAVE' THEN 1 ELSE 2 END) {RUN}), 1),
         calls_left = 4 - (
           SELECT count(*) FROM upstream_response AS kept
           WHERE kept.run_id IN (SELECT run.id {RUN}))
       WHERE kind = 'enrich' AND live_key IS NOT NULL""",
    """UPDATE job SET place = ranked.place FROM (
         SELECT id, row_number() OVER (
           PARTITION BY kind, urgency, reseller_id ORDER BY created_at, id) AS place
         FROM job WHERE live_key IS NOT NULL) AS ranked
       WHERE ranked.id = job.id""",
)


async def place_jobs(_: StateApps, editor: BaseSchemaEditor) -> None:
    """Fill the new columns of unfinished jobs: resellers take turns, each oldest job first."""
    for statement in BACKFILL:
        await editor.client.execute_query(statement)


class Migration(migrations.Migration):
    """Rewrites all unfinished jobs: a second or two for 100,000 of them."""

    dependencies = [("models", "0012_append_only")]  # noqa: RUF012  # the framework's own form

    operations = [  # noqa: RUF012  # see above
        ops.AddField("Job", "urgency", fields.SmallIntField(db_default=1)),
        ops.AddField("Job", "reseller_id", fields.CharField(max_length=32, null=True)),
        ops.AddField("Job", "place", fields.BigIntField(db_default=0)),
        ops.AddField("Job", "calls_left", fields.SmallIntField(null=True)),
        ops.AddField("Job", "started_at", fields.DatetimeField(null=True)),
        ops.AddField("Job", "request_id", fields.CharField(max_length=200, null=True)),
        ops.AddField("RateLimit", "faults", fields.IntField(db_default=0)),
        ops.CreateModel(
            name="QueueTurn",
            fields=[
                ("id", fields.BigIntField(primary_key=True, generated=True)),
                ("kind", fields.CharField(max_length=40)),
                ("urgency", fields.SmallIntField()),
                ("next_turn", fields.BigIntField()),
                ("last_place", fields.BigIntField()),
            ],
            options={
                "table": "queue_turn",
                "app": "models",
                "unique_together": (("kind", "urgency"),),
                "pk_attr": "id",
                "table_description": (
                    "Virtual times of one kind and urgency of jobs. The first start adds the row."
                ),
            },
            bases=["Model"],
        ),
        ops.RunPython(place_jobs, ops.RunPython.noop),
        ops.RemoveIndex("Job", fields=["due_at", "id"]),
        ops.AddIndex(
            "Job", IndexWhere(fields=("kind", "urgency", "place", "id"), where="state = 'READY'")
        ),
        ops.AddIndex(
            "Job",
            IndexWhere(
                fields=("reseller_id", "kind", "urgency", "place"),
                where="state IN ('READY', 'WAITING')",
            ),
        ),
        ops.AddIndex(
            "Job", IndexWhere(fields=("due_at",), where="state IN ('WAITING', 'RUNNING')")
        ),
    ]
