"""Counts the work that waits in the tables: jobs, webhooks, imports and events, for metrics.

No statement reads more than the index of work that has not ended, and callers cache the result.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from models.jobs.heartbeat import MAX_SILENCE, Heartbeat
from models.jobs.job import IS_DUE_LATER, IS_READY, JobState
from models.jobs.webhook_fan_out import is_any_endpoint
from models.jobs.webhook_lane import EVENT_LEAD
from models.jobs.webhook_queue import CURSOR, FIRST_LEAD
from models.rules.urgency import Urgency
from models.storage.sql import among, is_postgres, run, to_database
from models.storage.tenant_scope import bind_tenant, preserve_tenant_scope
from models.tables.event import EVENT
from models.tables.webhook import WebhookLane

_DUE_LANES = """
SELECT count(*), min(CASE WHEN l.due_at > ? THEN l.due_at END),
  min(CASE WHEN l.due_at > ? AND l.due_at <= ? THEN l.due_at END)
FROM webhook_lane AS l JOIN webhook_endpoint AS e ON e.id = l.endpoint_id
WHERE l.due_at IS NOT NULL AND l.due_at <= ? AND e.is_active
  AND (e.open_at IS NULL OR e.open_at <= ?)"""


@dataclass(frozen=True, slots=True)
class JobGroup:
    """What jobs are counted together by."""

    kind: str
    urgency: str
    state: str


@dataclass(frozen=True, slots=True)
class Workload:
    """The work that waits, at one instant. Ages are in seconds, 0 if nothing waits."""

    jobs: Mapping[JobGroup, int] = field(default_factory=dict)
    """Jobs that have not ended."""
    job_ages: Mapping[JobGroup, float] = field(default_factory=dict)
    """Seconds since the oldest job of a group was added."""
    workers: int = 0
    """Workers that have stored a heartbeat lately."""
    due_lanes: int = 0
    """Lanes of webhooks whose next delivery is due, but is not being sent."""
    due_lane_age: float = 0.0
    """Seconds since the first of them was due, without those that go ahead of all.

    Of a lane with events of imports only, the time after EVENT_LEAD counts anew.
    """
    pending_deliveries: int = 0
    failing_endpoints: int = 0
    """Active webhook endpoints that failed at their last attempt."""
    disabled_endpoints: int = 0
    """Webhook endpoints that the program disabled."""
    imports: Mapping[str, int] = field(default_factory=dict)
    """Imports that have not ended, by state."""
    import_rows: int = 0
    """Rows of these imports that are not decided yet, as far as they are counted."""
    unnumbered_events: int = 0
    """Events that cannot be read yet; on SQLite there are none."""
    unnumbered_age: float = 0.0
    consumer_lags: Mapping[str, int] = field(default_factory=dict)
    """By consumer of events, the number of events that it has not handled."""


async def read_workload(now: datetime) -> Workload:
    """Return the work of all tenants that waits at `now`, by the workers' clock."""
    with preserve_tenant_scope():
        bind_tenant(None)
        jobs, ages = await _jobs(now)
        due_lanes, due_age = await _due_lanes(now)
        ((pending,),) = await run(
            "SELECT sum(tail - done) FROM webhook_lane WHERE due_at IS NOT NULL", ()
        )
        ((failing, disabled),) = await run(
            "SELECT sum(CASE WHEN is_active AND failing_since IS NOT NULL THEN 1 ELSE 0 END),"
            " sum(CASE WHEN disabled_at IS NOT NULL THEN 1 ELSE 0 END)"
            " FROM webhook_endpoint WHERE deleted_at IS NULL",
            (),
        )
        imports = await run(
            "SELECT state, count(*), sum(row_count - done_count) FROM customer_import"
            " WHERE live_caller IS NOT NULL GROUP BY state",
            (),
        )
        unnumbered, unnumbered_age = await _unnumbered(now)
        return Workload(
            jobs,
            ages,
            await Heartbeat.filter(
                seen_at__gt=now - MAX_SILENCE, seen_at__lt=now + MAX_SILENCE
            ).count(),
            due_lanes,
            due_age,
            int(pending or 0),
            int(failing or 0),
            int(disabled or 0),
            {state: int(count) for state, count, _ in imports},
            sum(int(rows or 0) for *_, rows in imports),
            unnumbered,
            unnumbered_age,
            await _consumer_lags(),
        )


async def _jobs(now: datetime) -> tuple[dict[JobGroup, int], dict[JobGroup, float]]:
    ready = await run(
        f"SELECT kind, urgency, count(*), min(id) FROM job WHERE {IS_READY} GROUP BY kind, urgency",  # noqa: S608  # constants only
        (),
    )
    later = await run(
        "SELECT kind, urgency, state, count(*), min(created_at) FROM job"  # noqa: S608  # constants only
        f" WHERE {IS_DUE_LATER} GROUP BY kind, urgency, state",
        (),
    )
    # Ids grow with time, and the index of ready jobs has them, unlike `created_at`.
    oldest = among("id", [row[3] for row in ready])
    text = f"SELECT id, created_at FROM job WHERE {oldest.text}"  # noqa: S608  # a parameter
    added: dict[str, Any] = {}
    if ready:
        added |= [(row[0], row[1]) for row in await run(text, oldest.parameters)]
    counts: dict[JobGroup, int] = {}
    ages: dict[JobGroup, float] = {}
    rows = [
        *((kind, urgency, JobState.READY.value, n, added.get(i)) for kind, urgency, n, i in ready),
        *later,
    ]
    for kind, urgency, state, number, created_at in rows:
        group = JobGroup(kind, Urgency(urgency).name, str(state))
        counts[group] = int(number)
        ages[group] = _age(created_at, now)
    return counts, ages


async def _due_lanes(now: datetime) -> tuple[int, float]:
    column = WebhookLane._meta.fields_map["due_at"]
    led = now - EVENT_LEAD
    at, since, ahead = (to_database(column, one) for one in (now, led, now - FIRST_LEAD / 2))
    ((count, late, first),) = await run(_DUE_LANES, (since, ahead, since, at, at))
    return int(count), max(_age(late, now), _age(first, led))


async def _unnumbered(now: datetime) -> tuple[int, float]:
    if not is_postgres():  # a trigger numbers events at once
        return 0, 0.0
    ((count, since),) = await run("SELECT count(*), min(at) FROM event WHERE number IS NULL", ())
    return int(count), _age(since, now)


async def _consumer_lags() -> dict[str, int]:
    ((newest,),) = await run("SELECT last_number FROM numbering WHERE name = ?", (EVENT,))
    lags = {
        name: max(int(newest) - int(last), 0)
        for name, last in await run("SELECT name, last_number FROM event_consumer", ())
    }
    if CURSOR in lags and not await is_any_endpoint():
        lags[CURSOR] = 0  # the cursor stands still while there is nobody to deliver to
    return lags


def _age(since: Any, now: datetime) -> float:
    """Return the seconds since a stored instant; 0 if there is none, or it lies ahead."""
    if since is None:
        return 0.0
    at = since if isinstance(since, datetime) else datetime.fromisoformat(since)
    return max((now - at) / timedelta(seconds=1), 0.0)
