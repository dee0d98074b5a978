"""The work that waits, counted in the tables."""

from datetime import timedelta

import pytest

from models import CustomerImport, Event, Heartbeat, Job, WebhookEndpoint, WebhookLane
from models.jobs.event_consumers import EventConsumer
from models.jobs.job import JobState, NewJob
from models.jobs.webhook_lane import EVENT_LEAD
from models.jobs.webhook_queue import CURSOR, FIRST_LEAD
from models.lists.workload import JobGroup, Workload, read_workload
from models.rules.urgency import Urgency
from models.storage.database import Database
from models.tables.audit import ActorContext
from models.tables.customer_import import ImportConflict, ImportFormat, ImportState
from models.tables.numbering import Numbering
from tests.clock import Clock
from tests.factories import add_customer
from tests.queueing import add
from tests.webhook_world import stored_endpoint

pytestmark = pytest.mark.storage

MINUTE = timedelta(minutes=1)


@pytest.mark.usefixtures("database")
async def test_an_empty_database_has_no_work(clock: Clock) -> None:
    assert await read_workload(clock()) == Workload()


async def test_jobs_are_counted_by_kind_urgency_and_state(database: Database, clock: Clock) -> None:
    start = clock()
    await add(database, clock, NewJob("enrich", "first", urgency=Urgency.SAVED))
    clock.now = start + MINUTE
    await add(
        database,
        clock,
        NewJob("enrich", "second", urgency=Urgency.SAVED),
        NewJob("enrich", "third", urgency=Urgency.BULK),
        NewJob("import", "fourth", urgency=Urgency.BULK),
        NewJob("import", "fifth", urgency=Urgency.BULK),
        NewJob("import", "sixth", urgency=Urgency.BULK),
    )
    await Job.filter(live_key="fourth").update(state=JobState.RUNNING)
    await Job.filter(live_key="fifth").update(state=JobState.DONE, live_key=None, due_at=None)
    await Job.filter(live_key="sixth").update(state=JobState.WAITING, created_at=start - MINUTE)
    found = await read_workload(start + 3 * MINUTE)
    saved = JobGroup("enrich", "SAVED", "READY")
    bulk = JobGroup("enrich", "BULK", "READY")
    running = JobGroup("import", "BULK", "RUNNING")
    waiting = JobGroup("import", "BULK", "WAITING")
    assert found.jobs == {saved: 2, bulk: 1, running: 1, waiting: 1}
    assert found.job_ages == {saved: 180, bulk: 120, running: 120, waiting: 240}


@pytest.mark.usefixtures("database")
async def test_workers_count_while_their_heartbeats_are_new(clock: Clock) -> None:
    now = clock()
    for name, ago in (("new", 1), ("other", 29), ("old", 31)):
        await Heartbeat.create(worker=name, seen_at=now - timedelta(seconds=ago))
    assert (await read_workload(now)).workers == 2


@pytest.mark.usefixtures("database")
async def test_lanes_are_late_if_a_sender_could_send_them(clock: Clock) -> None:
    now = clock()
    active = await stored_endpoint(now, None, failing_since=now)
    resting = await stored_endpoint(now, None, open_at=now + MINUTE)
    disabled = await stored_endpoint(now, None, is_active=False, disabled_at=now)
    await stored_endpoint(now, None, is_active=False, disabled_at=now, deleted_at=now)
    for endpoint, ago, tail in (
        (active, MINUTE, 3),
        (active, 2 * MINUTE, 2),
        (active, EVENT_LEAD + 3 * MINUTE, 5),
        (active, FIRST_LEAD + MINUTE, 4),  # it goes ahead of all
        (active, -MINUTE, 1),  # a sender holds it
        (resting, 9 * MINUTE, 1),
        (disabled, 9 * MINUTE, 1),
    ):
        await WebhookLane.create(
            id=f"{endpoint.id}.{tail}", endpoint_id=endpoint.id, due_at=now - ago, tail=tail, done=0
        )
    found = await read_workload(now)
    assert (found.due_lanes, found.due_lane_age) == (4, 180)
    assert found.pending_deliveries == 17
    assert (found.failing_endpoints, found.disabled_endpoints) == (1, 1)


@pytest.mark.usefixtures("database")
async def test_imports_count_until_they_end(clock: Clock) -> None:
    for state, live, rows, done in (
        (ImportState.RUNNING, "one", 10, 4),
        (ImportState.WAITING, "two", None, 0),
        (ImportState.DONE, None, 10, 10),
    ):
        await CustomerImport.create(
            format=ImportFormat.CSV,
            sha256="0" * 64,
            byte_count=1,
            on_conflict=ImportConflict.REFUSE,
            state=state,
            row_count=rows,
            done_count=done,
            created_at=clock(),
            caller="caller",
            live_caller=live,
            permissions=[],
            requested_by_id="caller",
            requested_by="Tess",
            request_id="request-1",
        )
    found = await read_workload(clock())
    assert found.imports == {"RUNNING": 1, "WAITING": 1}
    assert found.import_rows == 6


async def test_consumers_of_events_lag_by_their_cursors(
    database: Database, clock: Clock, act: ActorContext
) -> None:
    await Numbering.filter(name="event").update(last_number=50)
    await EventConsumer.create(name="billing", last_number=20)
    await EventConsumer.create(name=CURSOR, last_number=20)
    assert (await read_workload(clock())).consumer_lags == {"billing": 30, CURSOR: 0}
    await stored_endpoint(clock(), None)
    assert (await read_workload(clock())).consumer_lags == {"billing": 30, CURSOR: 30}
    await WebhookEndpoint.all().update(is_active=False)
    await add_customer(database, act)
    await Event.all().update(at=clock() - MINUTE)
    found = await read_workload(clock())
    expected = (await Event.all().count(), 60) if database.is_postgres else (0, 0)
    assert (found.unnumbered_events, found.unnumbered_age) == expected
