"""Sends the deliveries of webhooks: claims lanes, posts, and stores what came of it."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import structlog

from models.jobs.webhook_claim import LANES_PER_ENDPOINT, LaneClaim, claim_lanes, release_lane
from models.jobs.webhook_outcomes import (
    Attempt,
    AttemptResult,
    Circumstances,
    find_failing,
    skip_missing,
    store_attempts,
)
from models.rules.webhook_retry import WebhookPolicy
from models.storage.database import Database
from models.storage.fault_log import report
from models.tables.webhook import WEBHOOKS, WebhookEndpoint
from notifications.webhooks.poster import Poster

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class SenderOptions:
    """Settings of a sender."""

    slots: int = 64
    """The maximum number of lanes that it sends at the same time."""
    lease: timedelta = timedelta(seconds=30)
    """For how long a lane is claimed, and is not sent after a sender was killed.

    It is renewed by each post, which takes 15 s at most.
    """
    margin: timedelta = timedelta(seconds=18)
    """No post begins if less than this is left of the lease."""
    poll: timedelta = timedelta(seconds=1)
    gather_s: float = 0.02
    """Seconds for which further wake-ups are awaited, so that more lanes are claimed at once."""
    grace_s: float = 5.0
    """How long a stopping sender waits for its posts."""
    look_every: timedelta = timedelta(minutes=1)
    """How often endpoints that fail for long are looked for."""


NoteDelivery = Callable[[AttemptResult, datetime], object]
"""Listens to attempts; it gets each result, and when the delivery was appended."""


class Sender:
    """Sends deliveries until `stop` is called. A sender that is killed leaves its leases to end.

    Then another sender posts again what was posted but not stored: at least once, in order.
    """

    def __init__(
        self,
        database: Database,
        poster: Poster,
        clock: Callable[[], datetime],
        policy: WebhookPolicy | None = None,
        options: SenderOptions | None = None,
        random_number: Callable[[], float] = random.random,
        note: NoteDelivery | None = None,
    ) -> None:
        self._database = database
        self._poster = poster
        self._clock = clock
        self._policy = policy or WebhookPolicy()
        self._options = options or SenderOptions()
        self._random = random_number
        self._note = note
        self._running: dict[asyncio.Task[None], LaneClaim] = {}
        self._woken = asyncio.Event()
        self._stopping = asyncio.Event()
        self._outcomes = _OutcomeStore(database, self._circumstances)
        self._looked_at: datetime | None = None

    def stop(self) -> None:
        """Claim nothing more; `run` returns when the running posts have ended."""
        self._stopping.set()
        self._woken.set()

    async def run(self) -> None:
        """Send deliveries until `stop` is called; errors are logged and do not end the loop."""
        with self._database.signals.watching(WEBHOOKS) as signalled:
            self._woken = signalled
            while not self._stopping.is_set():
                signalled.clear()
                try:
                    if self._database.may_write:
                        await self._look_after_failing()
                        await self._fill()
                except Exception as error:
                    report("webhook_sender_stumbled", error)
                await self._wait(signalled)
        await self._wind_down()

    async def send_due(self) -> int:
        """Send all that is due now, and what follows it at once; return how many lanes it took."""
        lanes = 0
        while started := await self._fill():
            lanes += started
            await asyncio.gather(*self._running)
        return lanes

    async def _fill(self) -> int:
        """Claim due lanes for the free slots, and start to send them; return how many."""
        free = self._options.slots - len(self._running)
        if free <= 0:
            return 0
        busy = Counter(lane.endpoint.id for lane in self._running.values())
        full = [endpoint_id for endpoint_id, n in busy.items() if n >= LANES_PER_ENDPOINT]
        now, lease = self._clock(), self._options.lease
        claims = await claim_lanes(self._database, free, full, lease, now)
        for one in claims:
            task = asyncio.create_task(self._send(one, now + lease))
            self._running[task] = one
            task.add_done_callback(self._ended)
        return len(claims)

    def _ended(self, task: asyncio.Task[None]) -> None:
        del self._running[task]
        self._woken.set()

    async def _send(self, lane: LaneClaim, lease_ends: datetime) -> None:
        try:
            await self._send_deliveries(lane, lease_ends)
        except Exception as error:
            report("webhook_not_stored", error, lane_id=lane.lane_id)  # its lease runs out

    async def _send_deliveries(self, lane: LaneClaim, lease_ends: datetime) -> None:
        endpoint: WebhookEndpoint | None = lane.endpoint
        if not lane.deliveries:
            await self._database.transaction(
                partial(skip_missing, lane.lane_id, lane.owner, lane.upto, self._clock())
            )
        for place, (delivery, body) in enumerate(lane.deliveries, start=1):
            is_late = lease_ends - self._clock() < self._options.margin
            if endpoint is None:
                return
            if self._stopping.is_set() or is_late:
                await release_lane(lane.lane_id, lane.owner, self._clock())
                return
            result = await self._poster.post(endpoint, delivery.event_id, body)
            if self._note is not None:
                self._note(result, delivery.created_at)
            lease = self._options.lease if place < len(lane.deliveries) else None
            lease_ends = self._clock() + self._options.lease
            attempt = Attempt(delivery, lane.owner, result, lease)
            endpoint = await self._outcomes.store(attempt)
            if result.error is not None:
                log.info(
                    "webhook_failed",
                    delivery_id=delivery.id,
                    error=result.error.value,
                    status=result.status,
                )
                return

    async def _look_after_failing(self) -> None:
        now = self._clock()
        if self._looked_at is None or now - self._looked_at >= self._options.look_every:
            self._looked_at = now
            await self._database.transaction(lambda: find_failing(self._circumstances()))

    def _circumstances(self) -> Circumstances:
        return Circumstances(self._clock(), self._random, self._policy)

    async def _wait(self, signalled: asyncio.Event) -> None:
        try:
            async with asyncio.timeout(self._options.poll.total_seconds()):
                await signalled.wait()
            await asyncio.sleep(self._options.gather_s)
        except TimeoutError:
            pass

    async def _wind_down(self) -> None:
        if not self._running:
            return
        running = dict(self._running)
        _, late = await asyncio.wait(running, timeout=self._options.grace_s)
        for task in late:
            task.cancel()  # a post is aborted; a transaction goes on to its end
        await asyncio.gather(*late, return_exceptions=True)
        await self._outcomes.finish()
        for task in late:
            lane = running[task]
            await release_lane(lane.lane_id, lane.owner, self._clock())


class _OutcomeStore:
    """Stores outcomes; those that come while a transaction runs are stored together in the next."""

    def __init__(self, database: Database, circumstances: Callable[[], Circumstances]) -> None:
        self._database = database
        self._circumstances = circumstances
        self._waiting: list[tuple[Attempt, asyncio.Future[WebhookEndpoint | None]]] = []
        self._storing: asyncio.Task[None] | None = None

    async def store(self, attempt: Attempt) -> WebhookEndpoint | None:
        """Store an attempt; return its endpoint as it is now, None if the lane must not go on."""
        future: asyncio.Future[WebhookEndpoint | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((attempt, future))
        if self._storing is None or self._storing.done():
            self._storing = asyncio.create_task(self._store_all())
        return await future

    async def finish(self) -> None:
        """Wait until all that is known is stored."""
        if self._storing is not None:
            await asyncio.wait([self._storing])

    async def _store_all(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            attempts = [attempt for attempt, _ in batch]
            try:
                endpoints = await self._database.transaction(partial(self._store, attempts))
            except Exception as error:
                for _, future in batch:
                    if not future.done():
                        future.set_exception(error)
                continue
            for attempt, future in batch:
                if not future.done():
                    future.set_result(endpoints.get(attempt.delivery.id))

    async def _store(self, attempts: Sequence[Attempt]) -> dict[str, WebhookEndpoint]:
        return await store_attempts(attempts, self._circumstances())
