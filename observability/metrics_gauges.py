"""Gauges that a scrape reads: slots and connections of this process, and work in the tables."""

import asyncio
import time
from collections.abc import Callable, Mapping
from datetime import datetime

from models.lists.lookup_monitor import AllowanceState, LookupMonitor
from models.lists.workload import JobGroup, Workload, read_workload
from models.storage.fault_log import report
from models.storage.pool_use import connection_pools
from observability.metrics import Family, Labels, gauge, gauge_family
from schema.base.request_slot import Limiters

CACHED_FOR_S = 10.0
"""Seconds for which counts of the tables are cached, however many scrape."""

SHARE = 100
"""Counts that took long are cached for this number of times as long, so that one per cent of the
time is spent on counting, but never for longer than MAX_CACHED_S.
"""

MAX_CACHED_S = 60.0

TIMEOUT_S = 5.0

RUNNING = gauge("requests_running", "Requests that hold a slot of a limiter now.", "limiter")
WAITING = gauge("requests_waiting", "Requests that wait for a slot of a limiter now.", "limiter")
WEBSOCKETS = gauge("websockets_open", "Open WebSockets that have signed in.")
CONNECTIONS = gauge(
    "database_connections",
    "PostgreSQL connections of the process: `used` or `idle`; none on SQLite.",
    *("pool", "state"),
)
POOL_SIZE = gauge(
    "database_pool_size", "Maximum PostgreSQL connections of a pool of the process.", "pool"
)
TABLES_READABLE = gauge(
    "tables_readable", "1 if the metrics from tables could be read for this scrape, else 0."
)
JOBS = gauge("jobs", "Jobs that have not ended.", "kind", "urgency", "state")
JOB_AGE_SECONDS = gauge(
    "job_oldest_age_seconds",
    "Time since the oldest of these jobs was added.",
    *("kind", "urgency", "state"),
)
WORKERS = gauge("workers_alive", "Workers with a heartbeat in the last 30 seconds.")
CALLS_LEFT = gauge(
    "register_budget_calls", "Requests to Companies House that the budget allows now."
)
CALLS_LIMIT = gauge(
    "register_budget_limit_calls", "Requests to Companies House allowed in a window of time."
)
PAUSE_SECONDS = gauge(
    "register_pause_seconds", "Time until the budget allows the next request to Companies House."
)
BLOCKED = gauge("register_blocked", "1 if Companies House refused the API key, else 0.")
LANES_DUE = gauge(
    "webhook_lanes_due", "Lanes of webhooks whose next delivery is due and not being sent."
)
LANE_AGE_SECONDS = gauge(
    "webhook_oldest_due_seconds", "Time for which the first of these lanes has been due."
)
DELIVERIES = gauge("webhook_deliveries_pending", "Deliveries of webhooks that have not ended.")
ENDPOINTS = gauge(
    "webhook_endpoints",
    "Webhook endpoints that are `failing` (active, the last attempt failed) or were `disabled` by"
    " the program.",
    "state",
)
IMPORTS_OPEN = gauge("imports_open", "Imports of files that have not ended.", "state")
IMPORT_ROWS = gauge("import_rows_waiting", "Rows of these imports that are not decided yet.")
UNNUMBERED = gauge("events_unnumbered", "Events that cannot be read yet; always 0 on SQLite.")
UNNUMBERED_SECONDS = gauge(
    "event_feed_lag_seconds", "Time since the oldest of these events happened."
)
CONSUMER_LAG = gauge(
    "event_consumer_lag_events",
    "Events that a consumer of the feed has not handled; `webhooks` appends the deliveries.",
    "consumer",
)
PROCESS_DEFINITIONS = (RUNNING, WAITING, WEBSOCKETS, CONNECTIONS, POOL_SIZE)
TABLE_DEFINITIONS = (
    *(TABLES_READABLE, JOBS, JOB_AGE_SECONDS, WORKERS, CALLS_LEFT, CALLS_LIMIT, PAUSE_SECONDS),
    *(BLOCKED, LANES_DUE, LANE_AGE_SECONDS, DELIVERIES, ENDPOINTS, IMPORTS_OPEN, IMPORT_ROWS),
    *(UNNUMBERED, UNNUMBERED_SECONDS, CONSUMER_LAG),
)


def web_families(limiters: Limiters, websockets: int) -> list[Family]:
    """Return the gauges that only a process with the API has."""
    kinds = {
        "intake": limiters.intake,
        "documents": limiters.documents,
        "queries": limiters.queries,
        "mutations": limiters.mutations,
    }
    return [
        gauge_family(RUNNING, {(name,): one.running for name, one in kinds.items()}),
        gauge_family(WAITING, {(name,): one.waiting for name, one in kinds.items()}),
        gauge_family(WEBSOCKETS, websockets),
    ]


def pool_families() -> list[Family]:
    """Return the gauges of the pools of database connections."""
    pools = connection_pools()
    states: dict[Labels, float] = {}
    for name, pool in pools.items():
        states[name, "used"], states[name, "idle"] = pool.used, pool.idle
    return [
        gauge_family(CONNECTIONS, states),
        gauge_family(POOL_SIZE, {(name,): pool.size for name, pool in pools.items()}),
    ]


class TableGauges:
    """Reads the gauges of the tables, at most once in CACHED_FOR_S seconds.

    `seconds` is a monotonic clock.
    """

    def __init__(
        self,
        lookups: LookupMonitor,
        clock: Callable[[], datetime],
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._lookups = lookups
        self._clock = clock
        self._seconds = seconds
        self._reading = asyncio.Lock()
        self._read_again_at = float("-inf")
        self._families: list[Family] = []

    async def families(self) -> list[Family]:
        """Return the gauges; only TABLES_READABLE if the database does not answer in time."""
        async with self._reading:
            started = self._seconds()
            if started >= self._read_again_at:
                self._families = await self._read()
                ended = self._seconds()
                wanted = max(CACHED_FOR_S, SHARE * (ended - started))
                self._read_again_at = ended + min(wanted, MAX_CACHED_S)
        return self._families

    async def _read(self) -> list[Family]:
        now = self._clock()
        try:
            async with asyncio.timeout(TIMEOUT_S):
                load, allowance = await read_workload(now), await self._lookups.allowance(now)
        except Exception as error:
            report("metrics_not_read", error)
            return [gauge_family(TABLES_READABLE, 0)]
        return [gauge_family(TABLES_READABLE, 1), *_of_load(load), *_of_allowance(allowance)]


def _of_load(load: Workload) -> list[Family]:
    states: dict[Labels, float] = {
        ("failing",): load.failing_endpoints,
        ("disabled",): load.disabled_endpoints,
    }
    return [
        gauge_family(JOBS, _by_group(load.jobs)),
        gauge_family(JOB_AGE_SECONDS, _by_group(load.job_ages)),
        gauge_family(WORKERS, load.workers),
        gauge_family(LANES_DUE, load.due_lanes),
        gauge_family(LANE_AGE_SECONDS, load.due_lane_age),
        gauge_family(DELIVERIES, load.pending_deliveries),
        gauge_family(ENDPOINTS, states),
        gauge_family(IMPORTS_OPEN, {(state,): n for state, n in load.imports.items()}),
        gauge_family(IMPORT_ROWS, load.import_rows),
        gauge_family(UNNUMBERED, load.unnumbered_events),
        gauge_family(UNNUMBERED_SECONDS, load.unnumbered_age),
        gauge_family(CONSUMER_LAG, {(name,): n for name, n in load.consumer_lags.items()}),
    ]


def _of_allowance(allowance: AllowanceState) -> list[Family]:
    return [
        gauge_family(CALLS_LEFT, allowance.calls_left),
        gauge_family(CALLS_LIMIT, allowance.limit),
        gauge_family(PAUSE_SECONDS, allowance.pause.total_seconds()),
        gauge_family(BLOCKED, int(allowance.blocked_at is not None)),
    ]


def _by_group(numbers: Mapping[JobGroup, float]) -> dict[Labels, float]:
    return {(one.kind, one.urgency, one.state): number for one, number in numbers.items()}
