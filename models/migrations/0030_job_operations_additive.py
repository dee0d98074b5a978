"""Adds what operators see and steer of jobs: the last failure's code, and pauses of kinds."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops

from models.rules.enrichment_status import EnrichmentReason
from models.storage.described_field import DescribeField
from models.storage.indexes import IndexWhere


class Migration(migrations.Migration):
    """A release before this migration stores no codes, and runs jobs of paused kinds.

    It cannot show lookups with the reason DISCARDED, which `manage.py jobs discard` of this release
    stores.
    """

    dependencies = [("models", "0029_api_usage_additive")]  # noqa: RUF012  # the framework's own form

    operations = [  # noqa: RUF012  # see above
        ops.CreateModel(
            name="JobPause",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                ("kind", fields.CharField(unique=True, max_length=40)),
                ("paused_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "job_pause",
                "app": "models",
                "pk_attr": "id",
                "table_description": "A kind of jobs of which workers start none until an operator"
                " resumes it.",
            },
            bases=["Model"],
        ),
        DescribeField(
            model_name="EnrichmentRun",
            name="reason",
            field=fields.CharEnumField(
                null=True,
                description="\n".join(f"{one}: {one}" for one in EnrichmentReason),
                enum_type=EnrichmentReason,
                max_length=32,
            ),
        ),
        ops.AddField(
            model_name="Job", name="reason", field=fields.CharField(null=True, max_length=60)
        ),
        ops.AddIndex(
            model_name="Job", index=IndexWhere(fields=["kind", "id"], where="state = 'FAILED'")
        ),
    ]
