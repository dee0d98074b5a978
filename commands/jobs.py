"""`manage.py jobs`: shows background jobs, retries and discards them, and pauses kinds of them."""

import asyncio
import re
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import click
import orjson

from commands.running import read, read_settings, report_problem, run_change, with_database
from models.changes.job_administration import discard_job, pause_kind, resume_kind, retry_job
from models.jobs.job import Job, JobState
from models.jobs.job_pause import paused_kinds
from models.jobs.kinds import WEBHOOK
from models.lists.job_list import (
    BadCursor,
    JobFilter,
    JobOrder,
    JobPage,
    concerned,
    facts_of,
    given_up,
    list_jobs,
)
from models.rules.job_action import JobRefused, ids_of
from models.rules.urgency import Urgency
from models.storage.database import Database
from models.tables.access import OPERATOR
from models.tables.audit import ActorContext
from opening import utc_now
from workers import KINDS

PAGE = 50
MAX_PAGE = 1_000
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
AGE = re.compile(rf"(\d{{1,6}})([{''.join(UNITS)}])")

jobs_cli = click.Group("jobs", help="Background jobs: list, retry, discard, pause, resume.")

of_job = click.argument("job_id", help="The id that `jobs list` shows.")
of_kind = click.argument("kind", type=click.Choice((*KINDS, WEBHOOK)))
with_kind = click.option("--kind", type=click.Choice(KINDS), help="Only jobs of this kind.")
with_reason = click.option(
    "--reason", help="Only jobs whose last failure has a code that contains this text."
)
as_json = click.option("--json", "is_json", is_flag=True, help="Print each job as a line of JSON.")


def _age(_: click.Context, __: click.Parameter, text: str | None) -> timedelta | None:
    """Return the length of time in a text such as `90m`; raises BadParameter for another text."""
    if text is None:
        return None
    found = AGE.fullmatch(text)
    if found is None:
        raise click.BadParameter("Use a number and one of s, m, h and d, for example 90m or 2d.")
    return timedelta(**{UNITS[found[2]]: int(found[1])})


@jobs_cli.command("list")
@with_kind
@click.option(
    "--state",
    "states",
    type=click.Choice([one.value for one in JobState], case_sensitive=False),
    multiple=True,
    help="Only jobs in this state; may be repeated. FAILED jobs were given up.",
)
@click.option(
    "--urgency",
    type=click.Choice([one.name for one in Urgency], case_sensitive=False),
    help="Only jobs of this urgency.",
)
@click.option(
    "--older-than", callback=_age, help="Only jobs that were added before this time, such as 90m."
)
@with_reason
@click.option(
    "--order",
    type=click.Choice([one.value for one in JobOrder]),
    default=JobOrder.NEWEST.value,
    help="Newest first, or most due first without jobs that have ended.",
)
@click.option(
    "--limit",
    type=click.IntRange(1, MAX_PAGE),
    default=PAGE,
    help="The maximum number of jobs to print.",
)
@click.option(
    "--after", help="Go on after an earlier page, which has printed this text at its end."
)
@as_json
def list_command(
    *,
    kind: str | None,
    states: tuple[str, ...],
    urgency: str | None,
    older_than: timedelta | None,
    reason: str | None,
    order: str,
    limit: int,
    after: str | None,
    is_json: bool,
) -> None:
    """List jobs, without personal data."""
    wanted = JobFilter(
        kind,
        [JobState(one) for one in states],
        None if urgency is None else Urgency[urgency],
        None if older_than is None else utc_now() - older_than,
        reason,
    )

    async def look() -> JobPage:
        return await list_jobs(wanted, JobOrder(order), limit, after)

    try:
        page = read(look)
    except BadCursor:
        raise click.BadParameter(
            "Use the text that the page before has printed, with the same --order.",
            param_hint="--after",
        ) from None
    if is_json:
        for job in page.jobs:
            print(orjson.dumps(facts_of(job)).decode())
    else:
        for line in _table(page.jobs):
            print(line)
    if page.next is not None:
        # Not on standard output, where each line is a job.
        print(f"There are more: --after {page.next}", file=sys.stderr)


@jobs_cli.command("show")
@of_job
@as_json
def show(*, job_id: str, is_json: bool) -> None:
    """Show a job, and the state of what it is about, without personal data."""

    async def look() -> dict[str, Any] | None:
        row = await Job.get_or_none(id=job_id)
        if row is None:
            return None
        since = (await paused_kinds()).get(row.kind)
        paused = None if since is None else since.isoformat(timespec="seconds")
        return {**facts_of(row), "kindPausedAt": paused, "concerns": await concerned(row)}

    facts = read(look)
    if facts is None:
        report_problem("command_refused", "There is no job with this id.", code="NO_SUCH_JOB")
        sys.exit(1)
    if is_json:
        print(orjson.dumps(facts).decode())
        return
    for name, value in _flat(facts):
        print(f"{name:<18} {'-' if value is None else value}")


@jobs_cli.command("retry")
@click.argument("job_id", required=False)
@click.option("--all", "is_all", is_flag=True, help="Retry all jobs that were given up.")
@with_kind
@with_reason
@click.option("--yes", "is_meant", is_flag=True, help="Do not ask before many jobs are changed.")
def retry(
    *, job_id: str | None, is_all: bool, kind: str | None, reason: str | None, is_meant: bool
) -> None:
    """Run a job that was given up again; or, with --all, all of a kind or with a reason."""
    _change(retry_job, "retried", _chosen(job_id, kind, reason, is_all=is_all, is_meant=is_meant))


@jobs_cli.command("discard")
@click.argument("job_id", required=False)
@click.option("--all", "is_all", is_flag=True, help="Discard all jobs that were given up.")
@with_kind
@with_reason
@click.option("--yes", "is_meant", is_flag=True, help="Do not ask before many jobs are changed.")
def discard(
    *, job_id: str | None, is_all: bool, kind: str | None, reason: str | None, is_meant: bool
) -> None:
    """End a job for good; or, with --all, all given-up ones of a kind or with a reason.

    A lookup ends as CANCELLED, an unsent mail as undeliverable, and an import as CANCELLED. If a
    worker runs the job, its result is not stored; a mail that is just being sent may still arrive.
    """
    chosen = _chosen(job_id, kind, reason, is_all=is_all, is_meant=is_meant)
    _change(discard_job, "discarded", chosen)


@jobs_cli.command("pause")
@of_kind
def pause_command(kind: str) -> None:
    """Let all workers start no job of a kind until `resume`; running jobs end as usual.

    The kind `webhook` is the sending of webhooks.
    """

    async def work(act: ActorContext) -> bool:
        return await pause_kind(act, kind)

    print(f"Paused {kind}" if run_change(work) else f"{kind} was paused already")


@jobs_cli.command("resume")
@of_kind
def resume_command(kind: str) -> None:
    """Let workers start jobs of a kind again."""

    async def work(act: ActorContext) -> bool:
        return await resume_kind(act, kind)

    print(f"Resumed {kind}" if run_change(work) else f"{kind} was not paused")


def _chosen(
    job_id: str | None, kind: str | None, reason: str | None, *, is_all: bool, is_meant: bool
) -> list[str]:
    """Return the ids of the jobs to change; asks before there are many."""
    if (job_id is None) != is_all:
        raise click.UsageError("Name either a job, or --all.")
    if job_id is not None:
        if kind is not None or reason is not None:
            raise click.UsageError("--kind and --reason need --all.")
        return [job_id]

    async def look() -> list[str]:
        return await given_up(kind, reason)

    ids = read(look)
    if not is_meant and ids:
        count = f"{len(ids):,} job{'s' * (len(ids) != 1)}"
        click.confirm(f"{count} that were given up will be changed. Go on?", abort=True)
    return ids


Change = Callable[[ActorContext, str], Awaitable[Job]]


def _change(change: Change, done: str, ids: Sequence[str]) -> None:
    """Change jobs, each in a transaction of its own, so that an interruption undoes none.

    The reasons of refusals are printed; the command then exits with status 1.
    """
    request_id = f"command-{uuid4()}"

    async def work(database: Database) -> int:
        await database.check_schema()
        refused = 0
        for job_id in ids:
            act = ActorContext(OPERATOR, utc_now(), request_id)
            try:
                await database.transaction(partial(change, act, job_id))
            except JobRefused as why:
                refused += 1
                problem = f"{job_id} was not {done}: {why.message}"
                report_problem("command_refused", problem, code=why.code)
            else:
                print(f"{done} {job_id}", flush=True)
        return refused

    refused = asyncio.run(with_database(read_settings(), work))
    if len(ids) != 1:
        print(f"{len(ids) - refused:,} {done}, {refused:,} refused")
    if refused:
        sys.exit(1)


COLUMNS = ("ID", "KIND", "STATE", "URGENCY", "TRIES", "ADDED", "DUE", "REASON", "ABOUT")


def _table(jobs: Sequence[Job]) -> Iterator[str]:
    """Yield a heading, and a line for each job, with columns as wide as their widest value."""
    rows = [COLUMNS, *map(_cells, jobs)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield "  ".join(cells).rstrip()


def _cells(job: Job) -> tuple[str, ...]:
    facts, ids = facts_of(job), ids_of(job.payload)
    about = next((one for one in ids.values() if isinstance(one, str)), "-")
    return (
        job.id,
        job.kind,
        job.state.value,
        facts["urgency"],
        str(job.attempts),
        _short(facts["createdAt"]),
        _short(facts["dueAt"] or facts["leaseEndsAt"]),
        job.reason or "-",
        about,
    )


def _short(instant: str | None) -> str:
    """Return an instant to the second, as `2026-10-01T09:30:00Z`."""
    return "-" if instant is None else f"{instant[:19]}Z"


def _flat(facts: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in facts.items():
        if isinstance(value, dict):
            yield from value.items()
        elif isinstance(value, list):
            yield name, " ".join(value)
        else:
            yield name, value
