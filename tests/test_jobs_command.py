"""`manage.py jobs`, beside real worker processes."""

import asyncio
import json
import re
import signal
from functools import partial
from typing import Any

from models import AuditEntry, Confirmation, Contact, EnrichmentRun, Job
from models.jobs.job import JobState, NewJob, enqueue, finish
from models.jobs.kinds import CONFIRMATION_MAIL, ENRICH, WEBHOOK_NOTICE
from models.rules.enrichment_status import EnrichmentStatus
from models.storage.database import Database
from models.tables.audit import ActorContext
from models.tables.confirmation import MailState
from opening import utc_now
from tests.clock import Clock
from tests.factories import at
from tests.job_subjects import asked, looked_up
from tests.notifications.servers import odd_server
from tests.processes import ENOUGH_S, line_with, run, start, stop, until
from tests.queueing import REGISTER, take


async def jobs(database: Database, *arguments: str) -> tuple[int | None, str, str]:
    return await run("jobs", *arguments, DATABASE_URL=database.url)


async def add(database: Database, kind: str, number: int) -> Job:
    """Enqueue a job that does nothing when it runs; return it."""
    is_mail = kind == CONFIRMATION_MAIL
    payload: dict[str, Any] = {"removed": []} if is_mail else {"endpoint_id": "whe_unknown"}
    key = f"{kind}:{number}"
    await database.transaction(lambda: enqueue([NewJob(kind, key, payload)], utc_now()))
    return await Job.get(live_key=key)


async def give_up(database: Database, clock: Clock, kind: str) -> Job:
    """Claim the next job of a kind, and end it as given up."""
    (claim,) = await take(database, clock, kind=kind, quota=REGISTER if kind == ENRICH else None)
    await database.transaction(lambda: finish(claim, JobState.FAILED, clock(), "TOO_SLOW"))
    return await Job.get(id=claim.id)


async def test_jobs_are_listed_shown_and_refused_in_words(
    database: Database, act: ActorContext
) -> None:
    customer = await looked_up(database, act, "90000001")
    lookup = await Job.get(kind=ENRICH)
    await add(database, WEBHOOK_NOTICE, 1)
    table, lines, page, shown, unknown, wrong, age, both = await asyncio.gather(
        jobs(database, "list", "--kind", ENRICH),
        jobs(database, "list", "--json", "--order", "due"),
        jobs(database, "list", "--limit", "1"),
        jobs(database, "show", lookup.id),
        jobs(database, "show", "job_unknown"),
        jobs(database, "list", "--after", "x/y"),
        jobs(database, "list", "--older-than", "soon"),
        jobs(database, "retry", lookup.id, "--all"),
    )
    heading, row = table[1].splitlines()
    assert heading.split() == [
        *("ID", "KIND", "STATE", "URGENCY", "TRIES", "ADDED", "DUE", "REASON", "ABOUT")
    ]
    run_id = lookup.payload["run_id"]
    instant = f"{lookup.created_at:%Y-%m-%dT%H:%M:%S}Z"
    told = [lookup.id, "enrich", "READY", "SAVED", "0", instant, instant, "-", run_id]
    assert row.split() == told
    listed = [json.loads(line) for line in lines[1].splitlines()]
    assert [one["kind"] for one in listed] == ["enrich", "webhook_notice"]
    assert listed[0]["payload"] == {"run_id": run_id, "customer_id": customer.id}
    assert re.fullmatch(r"There are more: --after job_\w{26}\n", page[2])
    for line in ("enrichmentStatus   PENDING", f"customerId         {customer.id}"):
        assert line in shown[1].splitlines()
    assert unknown == (1, "", "There is no job with this id.\n")
    for status, said in ((wrong, "Use the text that the page before"), (age, "Use a number and")):
        assert (status[0], status[1], said in status[2]) == (2, "", True)
    assert (both[0], "Name either a job, or --all." in both[2]) == (2, True)


async def test_many_jobs_are_changed_after_a_question(
    database: Database, act: ActorContext, clock: Clock
) -> None:
    """Each in a transaction of its own; those that are refused are told, and the others done."""
    await looked_up(database, act, "90000001")
    mended = await give_up(database, clock, ENRICH)
    customer = await looked_up(database, act, "90000002")
    replaced = await give_up(database, clock, ENRICH)
    await EnrichmentRun.filter(customer_id=customer.id).update(status=EnrichmentStatus.FAILED)
    run_of = EnrichmentRun(customer_id=customer.id, trigger="SAVE", status="SUCCEEDED")
    run_of.requested_at = clock()
    await run_of.save()
    other = await add(database, WEBHOOK_NOTICE, 1)
    await give_up(database, clock, WEBHOOK_NOTICE)
    status, out, err = await jobs(database, "retry", "--all", "--kind", ENRICH)
    assert (status, "2 jobs that were given up will be changed. Go on?" in out) == (130, True)
    assert await Job.filter(state=JobState.FAILED).count() == 3
    status, out, err = await jobs(
        database, "retry", "--all", "--kind", ENRICH, "--reason", "slow", "--yes"
    )
    assert (status, out) == (1, f"retried {mended.id}\n1 retried, 1 refused\n")
    assert err == (
        f"{replaced.id} was not retried: A later lookup of the same customer has replaced this"
        " one.\n"
    )
    states = {row.id: row.state for row in await Job.all()}
    assert states == {
        mended.id: JobState.READY,
        replaced.id: JobState.FAILED,
        other.id: JobState.FAILED,
    }
    status, out, _ = await jobs(database, "discard", "--all", "--yes")
    assert (status, out.splitlines()[-1]) == (0, "2 discarded, 0 refused")
    assert await jobs(database, "retry", other.id) == (
        1,
        "",
        f"{other.id} was not retried: The job is CANCELLED; only FAILED jobs can be retried.\n",
    )
    done = await AuditEntry.filter(actor_id="operator", subject_kind="job").order_by("id")
    assert [one.operation for one in done] == ["job.retried", "job.discarded", "job.discarded"]
    assert {one.request_id[:8] for one in done} == {"command-"}


async def test_a_worker_starts_nothing_of_a_paused_kind_until_it_is_resumed(
    database: Database,
) -> None:
    """Other kinds go on; a second worker that starts meanwhile knows of the pause too."""
    kinds = f"{CONFIRMATION_MAIL},{WEBHOOK_NOTICE}"
    workers = []
    try:
        for _ in range(2):
            workers.append(await start("worker", "--kinds", kinds, DATABASE_URL=database.url))
            await line_with(workers[-1], "Worker ")
            if len(workers) == 1:
                paused = await jobs(database, "pause", WEBHOOK_NOTICE)
                assert paused == (0, f"Paused {WEBHOOK_NOTICE}\n", "")
        waiting = await add(database, WEBHOOK_NOTICE, 0)
        for number in range(5):  # each wakes the loops of both kinds
            other = await add(database, CONFIRMATION_MAIL, number)
            await until(partial(Job.exists, id=other.id, state=JobState.DONE))
        assert (await Job.get(id=waiting.id)).state is JobState.READY
        told = await run("backlog", DATABASE_URL=database.url)
        assert f"paused    {WEBHOOK_NOTICE} since " in told[1]
        assert "kindPausedAt       2" in (await jobs(database, "show", waiting.id))[1]
        resumed = await jobs(database, "resume", WEBHOOK_NOTICE)
        assert resumed == (0, f"Resumed {WEBHOOK_NOTICE}\n", "")
        await until(lambda: Job.exists(id=waiting.id, state=JobState.DONE))
        again = await jobs(database, "resume", WEBHOOK_NOTICE)
        assert again == (0, f"{WEBHOOK_NOTICE} was not paused\n", "")
    finally:
        for worker in workers:
            await stop(worker, signal.SIGKILL)


async def test_a_job_is_discarded_beside_the_worker_that_runs_it(
    database: Database, act: ActorContext
) -> None:
    """The worker cannot store what it finds out later."""
    act = at(act, utc_now())
    contact, job = await asked(database, act)
    has_ended = asyncio.Event()

    async def hold(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
        await has_ended.wait()  # then the server breaks off the connection

    async with odd_server(hold) as url:
        worker = await start(
            *("worker", "--kinds", CONFIRMATION_MAIL),
            DATABASE_URL=database.url,
            SMTP_URL=url,
            SMTP_TIMEOUT_S="600",
            LOG_FORMAT="json",
        )
        try:
            await until(lambda: Job.exists(id=job.id, state=JobState.RUNNING))
            assert await jobs(database, "discard", job.id) == (0, f"discarded {job.id}\n", "")
            has_ended.set()
            assert worker.stderr is not None
            async with asyncio.timeout(ENOUGH_S):
                async for line in worker.stderr:
                    if b'"job_lost"' in line:
                        break
                else:
                    raise AssertionError
        finally:
            await stop(worker, signal.SIGKILL)
    job = await Job.get(id=job.id)
    assert (job.state, job.owner, job.due_at) == (JobState.CANCELLED, None, None)
    assert (await Confirmation.get()).mail_state is MailState.UNDELIVERABLE
    assert (await Contact.get(id=contact.id)).is_mail_given_up
