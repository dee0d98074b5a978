"""Lists of jobs, and what is shown of a job."""

from datetime import timedelta

import pytest

from models import (
    Job,
)
from models.jobs.job import JobState, finish
from models.jobs.kinds import CONFIRMATION_MAIL, ENRICH, IMPORT
from models.lists.job_list import (
    BadCursor,
    JobFilter,
    JobOrder,
    concerned,
    count_given_up,
    facts_of,
    list_jobs,
)
from models.rules.urgency import Urgency
from models.storage.database import Database
from models.tables.audit import ActorContext
from tests.clock import Clock
from tests.factories import add_import
from tests.job_subjects import asked, looked_up
from tests.queueing import add_keys, take


async def test_lists_of_jobs_are_filtered_and_go_on_after_a_page(
    database: Database, clock: Clock
) -> None:
    for number in range(5):
        await add_keys(database, clock, f"key {number}")
        clock.advance(timedelta(minutes=1))
    (claim,) = await take(database, clock)
    await database.transaction(lambda: finish(claim, JobState.FAILED, clock(), "TOO_SLOW"))
    ids = [str(one) for one in await Job.all().order_by("id").values_list("id", flat=True)]
    everyone = JobFilter()
    for order, wanted in ((JobOrder.NEWEST, ids[::-1]), (JobOrder.DUE, ids[1:])):
        found: list[str] = []
        after: str | None = None
        while True:
            page = await list_jobs(everyone, order, 2, after)
            found += [one.id for one in page.jobs]
            after = page.next
            if after is None:
                break
        assert found == wanted
        with pytest.raises(BadCursor):
            await list_jobs(everyone, order, 2, "job_1" if order is JobOrder.DUE else "a/b")
    for chosen, expected in (
        (JobFilter(states=(JobState.FAILED,)), ids[:1]),
        (JobFilter(reason="slow"), ids[:1]),
        (JobFilter(reason="%"), []),
        (JobFilter(kind="kind", urgency=Urgency.SAVED), ids),
        (JobFilter(urgency=Urgency.BULK), []),
        (JobFilter(created_before=clock() - timedelta(minutes=4)), ids[:1]),
    ):
        listed = await list_jobs(chosen, JobOrder.NEWEST, 9)
        assert sorted(one.id for one in listed.jobs) == expected
    assert await count_given_up() == {"kind": 1}


async def test_a_job_is_shown_with_its_subject_and_without_personal_data(
    database: Database, act: ActorContext, clock: Clock
) -> None:
    contact, mail = await asked(database, act)
    import_id = await add_import(database, act)
    await looked_up(database, act)
    (claim,) = await take(database, clock, kind=CONFIRMATION_MAIL)
    shown = {}
    for row in await Job.all():
        facts, about = facts_of(row), await concerned(row)
        assert "example.com" not in f"{facts}{about}"
        shown[row.kind] = about or {}
        if row.id == mail.id:
            assert (facts["state"], facts["leaseOwner"]) == ("RUNNING", claim.owner)
            assert (facts["dueAt"], facts["leaseEndsAt"]) == (None, "2026-10-01T09:30:30.000+00:00")
    assert shown[CONFIRMATION_MAIL]["contactId"] == contact.id
    assert shown[CONFIRMATION_MAIL]["mailState"] == "QUEUED"
    assert (shown[IMPORT]["importId"], shown[IMPORT]["importState"]) == (import_id, "WAITING")
    assert (shown[ENRICH]["enrichmentStatus"], shown[ENRICH]["runIsNewest"]) == ("PENDING", True)
