"""Pauses of kinds of jobs: nothing is started, and nothing half done is lost."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from models import (
    AuditEntry,
    Customer,
    CustomerImport,
    Job,
    JobPause,
)
from models.changes.import_file import FileWriter, beyond_tenants
from models.changes.import_job import ImportRunner
from models.changes.import_run import NewImport, request_import
from models.changes.job_administration import pause_kind, resume_kind
from models.jobs.job import Claim, JobState, NewJob, enqueue, finish
from models.jobs.kinds import IMPORT
from models.jobs.worker import JobKindOptions, Worker
from models.rules.delivery import DeliveryPolicy
from models.rules.import_columns import ImportRow
from models.storage.database import Database
from models.storage.identifiers import new_import_id
from models.tables.access import OPERATOR
from models.tables.audit import ActorContext
from models.tables.customer_import import ImportFormat, ImportState
from tests.clock import Clock
from tests.queueing import add_keys, take


@pytest.fixture
def operator(clock: Clock) -> ActorContext:
    return ActorContext(OPERATOR, clock(), "command-1")


async def entries() -> list[tuple[str, str, str]]:
    """Return operation, subject and actor of the operator's audit entries."""
    rows = await AuditEntry.filter(actor_id=OPERATOR.id).order_by("id")
    return [(row.operation, row.subject_id, row.actor_name) for row in rows]


async def test_a_paused_import_stops_between_batches_and_goes_on_where_it_stopped(
    database: Database, operator: ActorContext, clock: Clock
) -> None:
    writer = FileWriter(database, new_import_id(), clock())
    await writer.write(b"name,classCode\nOne,CHARITY\nTwo,CHARITY\nThree,CHARITY\n")
    await writer.end()
    wanted = NewImport(writer.import_id, ImportFormat.CSV, writer.sha256, writer.byte_count)
    await database.transaction(lambda: request_import(operator, wanted, None))
    batches = 0

    class Runner(ImportRunner):
        """Pauses imports while it stores the first batch."""

        async def _store_batch(
            self, job: Claim, found: CustomerImport, done: int, rows: Sequence[ImportRow]
        ) -> None:
            nonlocal batches
            batches += 1
            await super()._store_batch(job, found, done, rows)
            if batches == 1:
                with beyond_tenants():
                    await database.transaction(lambda: pause_kind(operator, IMPORT))

    runner = Runner(database, clock, timedelta(hours=1), DeliveryPolicy(), lambda _: False, 1)
    worker = Worker("w", database, {IMPORT: JobKindOptions(runner)}, clock)
    await worker.run_due()
    found, job = await CustomerImport.get(), await Job.get(kind=IMPORT)
    assert (found.state, found.done_count) == (ImportState.RUNNING, 1)
    assert (job.state, job.attempts, job.reason) == (JobState.READY, 0, "PAUSED")
    assert await worker.run_due() == 0
    await database.transaction(lambda: resume_kind(operator, IMPORT))
    await worker.run_due()
    found = await CustomerImport.get()
    assert (found.state, found.stored_count, batches) == (ImportState.DONE, 3, 4)
    assert await Customer.all().count() == 3


async def test_no_job_of_a_paused_kind_is_claimed_until_it_is_resumed(
    database: Database, operator: ActorContext, clock: Clock
) -> None:
    """A running job goes on, and what is retried or released meanwhile waits."""
    await add_keys(database, clock, "running", "waiting")
    (running,) = await take(database, clock)
    assert await database.transaction(lambda: pause_kind(operator, "kind"))
    assert not await database.transaction(lambda: pause_kind(operator, "kind"))
    assert await take(database, clock) == []
    await database.transaction(lambda: enqueue([NewJob("other", "of another kind")], clock()))
    assert len(await take(database, clock, kind="other")) == 1
    await database.transaction(lambda: finish(running, JobState.DONE, clock()))
    clock.advance(timedelta(days=1))
    assert await take(database, clock) == []
    assert await database.transaction(lambda: resume_kind(operator, "kind"))
    assert not await database.transaction(lambda: resume_kind(operator, "kind"))
    assert len(await take(database, clock)) == 1
    assert not await JobPause.exists()
    assert await entries() == [
        ("jobs.paused", "platform_jobs", "operator"),
        ("jobs.resumed", "platform_jobs", "operator"),
    ]
