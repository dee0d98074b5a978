"""The inputs and payloads of mutations of background jobs."""

import strawberry

from schema.base.mutation_fields import MutationPayload, dry_run
from schema.types.job import Job, JobKindEnum

IDS = "The ids of the jobs, at most 100. One that is repeated counts once."
JOBS = "The jobs as they are now, in the order of the `ids`; empty after an error."
PAUSED = "All kinds of jobs that are paused now."


@strawberry.input(description="The jobs to run again: all of them, or none after an error.")
class RetryJobsInput:
    ids: list[strawberry.ID] = strawberry.field(description=IDS)
    dry_run: bool | None = dry_run()


@strawberry.type(description="The result of running jobs again.")
class RetryJobsPayload(MutationPayload):
    jobs: list[Job] = strawberry.field(default_factory=list, description=JOBS)


@strawberry.input(description="The jobs to end for good: all of them, or none after an error.")
class DiscardJobsInput:
    ids: list[strawberry.ID] = strawberry.field(description=IDS)
    dry_run: bool | None = dry_run()


@strawberry.type(description="The result of discarding jobs.")
class DiscardJobsPayload(MutationPayload):
    jobs: list[Job] = strawberry.field(default_factory=list, description=JOBS)


@strawberry.input(description="The kind of jobs to pause.")
class PauseJobsInput:
    kind: JobKindEnum = strawberry.field(description="The kind of jobs.")  # type: ignore[valid-type]  # an enum with another name
    dry_run: bool | None = dry_run()


@strawberry.type(description="The result of pausing a kind of jobs.")
class PauseJobsPayload(MutationPayload):
    paused_kinds: list[JobKindEnum] = strawberry.field(default_factory=list, description=PAUSED)  # type: ignore[valid-type]  # see above


@strawberry.input(description="The kind of jobs to resume.")
class ResumeJobsInput:
    kind: JobKindEnum = strawberry.field(description="The kind of jobs.")  # type: ignore[valid-type]  # see above
    dry_run: bool | None = dry_run()


@strawberry.type(description="The result of resuming a kind of jobs.")
class ResumeJobsPayload(MutationPayload):
    paused_kinds: list[JobKindEnum] = strawberry.field(default_factory=list, description=PAUSED)  # type: ignore[valid-type]  # see above
