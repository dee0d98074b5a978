"""Root fields of background jobs."""

import strawberry

from models.tables.access import Scope
from resolvers import job as job_resolvers
from schema.base.connection import CountedConnection
from schema.base.operation import operation
from schema.base.permissions import Requires
from schema.types.job import Job
from schema.types.job_changes import (
    DiscardJobsPayload,
    PauseJobsPayload,
    ResumeJobsPayload,
    RetryJobsPayload,
)

ADMINISTERS_JOBS = Requires(Scope.JOBS_ADMINISTER)


@strawberry.type
class JobQuery:
    job: Job | None = operation(
        job_resolvers.job,
        ADMINISTERS_JOBS,
        "One background job by its id; null if there is none.",
    )
    jobs: CountedConnection[Job] | None = operation(
        job_resolvers.jobs, ADMINISTERS_JOBS, "Background jobs of the platform."
    )


@strawberry.type
class JobMutation:
    retry_jobs: RetryJobsPayload | None = operation(
        job_resolvers.retry_jobs,
        ADMINISTERS_JOBS,
        "Run jobs again that were given up (`FAILED`). A lookup gets a new run. A job whose work is"
        " not needed any more is refused.",
    )
    discard_jobs: DiscardJobsPayload | None = operation(
        job_resolvers.discard_jobs,
        ADMINISTERS_JOBS,
        "End jobs for good that have not ended, or were given up, and what they are about: a lookup"
        " and an import are cancelled, and a mail counts as undeliverable. If a worker runs the"
        " job, its result is not stored.",
    )
    pause_jobs: PauseJobsPayload | None = operation(
        job_resolvers.pause_jobs,
        ADMINISTERS_JOBS,
        "Let workers start no job of a kind; running jobs go on to their end. A kind that was"
        " paused already stays paused.",
    )
    resume_jobs: ResumeJobsPayload | None = operation(
        job_resolvers.resume_jobs,
        ADMINISTERS_JOBS,
        "Let workers start jobs of a kind again. A kind that was not paused stays as it is.",
    )
