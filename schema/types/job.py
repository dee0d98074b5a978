"""The GraphQL types of background jobs, for those who operate the platform."""

from datetime import datetime

import strawberry

import models
from models.jobs.job import JobState
from models.lists.job_list import JobSort
from models.rules.job_action import ids_of
from models.rules.job_kind import JobKind
from models.rules.urgency import Urgency
from schema.base.descriptions import described_enum
from schema.base.field_mapping import computed, maps_to
from schema.base.node import Node

JobStateEnum = described_enum(
    JobState,
    "JobState",
    "The state of a background job.",
    {
        "READY": "A worker may start the job now.",
        "WAITING": "The job runs again at `dueAt`.",
        "RUNNING": "A worker runs the job.",
        "DONE": "The job has done its work.",
        "FAILED": "The job was given up after its last attempt.",
        "CANCELLED": "The job was discarded, or its work is not needed any more.",
    },
)
JobKindEnum = described_enum(
    JobKind,
    "JobKind",
    "What a background job does.",
    {
        "ENRICH": "It looks a customer up at Companies House.",
        "CONFIRMATION_MAIL": "It sends a contact a mail with a question, or deletes the stored"
        " copies of mails to an erased contact.",
        "WEBHOOK_NOTICE": "It tells the platform by email that a webhook endpoint fails.",
        "IMPORT": "It stores the rows of an imported file.",
    },
)
JobUrgencyEnum = described_enum(
    Urgency,
    "JobUrgency",
    "The urgency of a background job, by which workers choose the next one.",
    {
        "REQUESTED": "A user requested the job and waits for it.",
        "SAVED": "A user saved one customer.",
        "BULK": "One of many jobs, as of a class or an imported file.",
        "REFRESH": "A timer started the job.",
    },
)


def _kind(kind: str) -> JobKind | None:
    return JobKind(kind) if kind in set(JobKind) else None


def _due_at(state: JobState, due_at: datetime | None) -> datetime | None:
    return None if state is JobState.RUNNING else due_at


def _subject_ids(payload: object) -> list[str]:
    found = ids_of(payload).values()
    return [one for ids in found for one in ([ids] if isinstance(ids, str) else ids)]


@strawberry.type(
    description="A piece of work in the background. It is deleted 14 days after its end by default."
)
class Job(Node):
    kind: JobKindEnum | None = computed(  # type: ignore[valid-type]  # an enum with another name
        _kind,
        "kind",
        description="What the job does; null for a kind that this release does not know.",
    )
    state: JobStateEnum = strawberry.field(description="How far the job is.")  # type: ignore[valid-type]  # see above
    urgency: JobUrgencyEnum = computed(  # type: ignore[valid-type]  # see above
        Urgency, "urgency", description="How soon the job is started."
    )
    attempts: int = strawberry.field(
        name="attemptCount", description="The number of attempts so far that count."
    )
    reason: str | None = strawberry.field(
        description="The code of why the last attempt failed; null if none has."
    )
    subject_ids: list[strawberry.ID] = computed(
        _subject_ids,
        "payload",
        description="The ids of what the job is about, such as a customer and its lookup.",
    )
    reseller_id: strawberry.ID | None = strawberry.field(
        description="The id of the reseller in whose turn the job is started; null for the"
        " platform."
    )
    request_id: str | None = strawberry.field(
        description="The id of the request that caused the job, as in the log; null if none did."
    )
    created_at: datetime = strawberry.field(description="When the job was added, in UTC.")
    due_at: datetime | None = computed(
        _due_at,
        "state",
        "due_at",
        description="When the job was or is ready to be started, in UTC; null while it runs and"
        " after its end.",
    )
    started_at: datetime | None = strawberry.field(
        description="When the first attempt began, in UTC; null if none has."
    )
    finished_at: datetime | None = strawberry.field(
        description="When the job ended, in UTC; null if it has not."
    )


maps_to(Job, models.Job)


@strawberry.input(
    description="Conditions on the jobs to list; a job is listed if it meets all conditions that"
    " are set."
)
class JobFilter:
    """Conditions on jobs; null does not filter."""

    kind: JobKindEnum | None = strawberry.field(  # type: ignore[valid-type]  # see above
        default=None, description="Only jobs of this kind."
    )
    states: list[JobStateEnum] | None = strawberry.field(  # type: ignore[valid-type]  # see above
        default=None, description="Only jobs in one of these states."
    )
    urgency: JobUrgencyEnum | None = strawberry.field(  # type: ignore[valid-type]  # see above
        default=None, description="Only jobs of this urgency."
    )
    reason: str | None = strawberry.field(
        default=None,
        description="Only jobs whose last failed attempt has this code, such as `GAVE_UP`.",
    )


JobSortEnum = described_enum(
    JobSort,
    "JobSort",
    "The order of a list of background jobs.",
    {"CREATED_AT_DESC": "Newest first.", "CREATED_AT_ASC": "Oldest first."},
)
