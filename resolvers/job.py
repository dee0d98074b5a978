"""The queries and mutations of background jobs."""

from typing import Annotated

import strawberry

from models.changes import job_administration, job_batches
from models.jobs.job_pause import paused_kinds
from models.lists.job_list import JobFilter as Wanted
from models.lists.job_list import JobSort
from models.rules.job_kind import JobKind
from models.tables.audit import ActorContext
from resolvers.listing import listed_rows
from resolvers.outcome import Outcome, outcome
from resolvers.run_mutation import Input, run_mutation
from schema.base.connection import CountedConnection
from schema.base.context import Info
from schema.base.pagination import After, Before, First, Last
from schema.base.projections import read_by_id
from schema.types.job import Job, JobFilter, JobSortEnum
from schema.types.job_changes import (
    DiscardJobsInput,
    DiscardJobsPayload,
    PauseJobsInput,
    PauseJobsPayload,
    ResumeJobsInput,
    ResumeJobsPayload,
    RetryJobsInput,
    RetryJobsPayload,
)


async def job(
    info: Info,
    id: Annotated[strawberry.ID, strawberry.argument(description="The id of the job.")],
) -> Job | None:
    return await read_by_id(info, Job, id)


async def jobs(
    info: Info,
    first: First = None,
    after: After = None,
    last: Last = None,
    before: Before = None,
    filter: Annotated[
        JobFilter | None,
        strawberry.argument(description="Conditions on the jobs to list. Null lists all jobs."),
    ] = None,
    sort: Annotated[
        JobSortEnum | None,  # type: ignore[valid-type]  # an enum with another name
        strawberry.argument(description="The order of the list; by default newest first."),
    ] = JobSort.CREATED_AT_DESC,
) -> CountedConnection[Job]:
    order: JobSort = sort or JobSort.CREATED_AT_DESC
    return await listed_rows(
        info,
        Job,
        order,
        _wanted(filter).condition(),
        first=first,
        after=after,
        last=last,
        before=before,
    )


def _wanted(given: JobFilter | None) -> Wanted:
    if given is None:
        return Wanted()
    kind: JobKind | None = given.kind
    return Wanted(
        None if kind is None else kind.value,
        given.states or (),
        given.urgency,
        reason=given.reason,
    )


async def retry_jobs(info: Info, input: Input[RetryJobsInput]) -> RetryJobsPayload:
    async def work(act: ActorContext) -> Outcome:
        return outcome(jobs=await job_batches.retry_jobs(act, input.ids))

    return await run_mutation(info, input, work, RetryJobsPayload)


async def discard_jobs(info: Info, input: Input[DiscardJobsInput]) -> DiscardJobsPayload:
    async def work(act: ActorContext) -> Outcome:
        return outcome(jobs=await job_batches.discard_jobs(act, input.ids))

    return await run_mutation(info, input, work, DiscardJobsPayload)


async def pause_jobs(info: Info, input: Input[PauseJobsInput]) -> PauseJobsPayload:
    async def work(act: ActorContext) -> Outcome:
        await job_administration.pause_kind(act, JobKind(input.kind))
        return await _paused()

    return await run_mutation(info, input, work, PauseJobsPayload)


async def resume_jobs(info: Info, input: Input[ResumeJobsInput]) -> ResumeJobsPayload:
    async def work(act: ActorContext) -> Outcome:
        await job_administration.resume_kind(act, JobKind(input.kind))
        return await _paused()

    return await run_mutation(info, input, work, ResumeJobsPayload)


async def _paused() -> Outcome:
    known = set(JobKind)
    return outcome(paused_kinds=[kind for kind in await paused_kinds() if kind in known])
