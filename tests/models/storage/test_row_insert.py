"""Inserted rows equal those of the model's constructor, and notify waiting tasks."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from tortoise.exceptions import ValidationError
from tortoise.fields.base import DatabaseDefault
from tortoise.models import Model

import models
from models.jobs.job import JOBS, Job, JobState, NewJob, job_rows
from models.storage.database import Database
from models.storage.row_insert import _columns, add_rows, new_row
from models.tables.audit import ActorContext, AuditEntry
from models.tables.customer import ClassChange, Customer
from models.tables.enrichment import EnrichmentRun


def _attributes(row: Model) -> dict[str, Any]:
    return {
        name: repr(value) if isinstance(value, DatabaseDefault) else value
        for name, value in vars(row).items()
        if name != "_await_when_save"
    }


@pytest.mark.parametrize("model", [AuditEntry, ClassChange, Customer, EnrichmentRun, Job])
@pytest.mark.usefixtures("database")
async def test_a_new_row_is_what_the_constructor_makes(model: type[Model]) -> None:
    made, constructed = new_row(model), model()
    for row in (made, constructed):
        for name in model._meta.fields_db_projection:
            field = model._meta.fields_map[name]
            if callable(field.default) and field.default is not dict:
                setattr(row, name, "made anew for each")
    assert _attributes(made) == _attributes(constructed) | {
        "_custom_generated_pk": made._custom_generated_pk
    }
    assert new_row(model).__dict__.keys() == made.__dict__.keys()


@pytest.mark.usefixtures("database")
async def test_values_take_the_place_of_defaults() -> None:
    row = new_row(AuditEntry, subject_id="cus_x", before={"a": 1})
    assert (row.subject_id, row.before, row.after) == ("cus_x", {"a": 1}, {})
    assert row.id.startswith("aud_")
    assert new_row(AuditEntry).before is not new_row(AuditEntry).before


NOW = datetime(2026, 2, 3, 4, 5, 6, 789, tzinfo=UTC)
VALUES: tuple[Any, ...] = (
    None,
    "",
    "text",
    "x" * 5_000,
    1,
    0,
    True,
    2.5,
    {"a": 1},
    [],
    NOW,
    NOW.replace(tzinfo=None),
    NOW.astimezone(timezone(timedelta(hours=2))),
    JobState.READY,
    "QUEUED",
    "nothing of the kind",
)


@pytest.mark.parametrize("model", [AuditEntry, ClassChange, Customer, EnrichmentRun, Job])
@pytest.mark.usefixtures("database")
async def test_only_what_a_field_would_not_touch_is_stored_as_it_is(model: type[Model]) -> None:
    row, stored = new_row(model), set()
    for name, _, stays, _ in _columns(model):
        field = model._meta.fields_map[name]
        for value in VALUES:
            if stays(value):
                assert field.to_db_value(value, row) is value
                stored.add(type(value))
    assert stored >= {str, type(None), datetime}


async def test_a_text_that_is_too_long_is_refused(database: Database, act: ActorContext) -> None:
    async def add() -> None:
        await add_rows(job_rows([NewJob("k" * 41, "key")], act.now))

    with pytest.raises(ValidationError, match="kind: Length of"):
        await database.transaction(add)
    assert await models.Job.all().count() == 0


async def test_adding_rows_wakes_only_once_they_are_there(
    database: Database, act: ActorContext
) -> None:
    fired = database.signals.fired(JOBS)

    async def add() -> int:
        await add_rows(job_rows([NewJob("kind", "key")], act.now), waking=JOBS)
        return database.signals.fired(JOBS)

    assert await database.transaction(add) == fired
    assert database.signals.fired(JOBS) > fired
    assert await models.Job.all().count() == 1
