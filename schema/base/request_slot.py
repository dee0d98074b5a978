"""Runs each step of a request in a slot of a limiter, with one deadline for waiting and running."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from time import perf_counter
from types import TracebackType
from typing import Any, Self

from models.storage.time_slice import use_slice
from schema.base.concurrency import ConcurrencyLimiter, ConcurrencyLimits, QueueFull, Slot
from schema.base.errors import ClientGone, ErrorCode, RequestRefused, overloaded, rate_limited
from schema.base.loop_share import LoopShare
from schema.base.request_notes import note_wait


@dataclass(frozen=True, slots=True)
class Limiters:
    """The concurrency limiters of a process."""

    intake: ConcurrencyLimiter
    """Limits how many requests are decoded and prepared at once, to protect the event loop."""
    documents: ConcurrencyLimiter
    """Allows one long document at a time to be parsed and validated in a thread."""
    queries: ConcurrencyLimiter
    """Limits how many queries run at once, to protect the event loop and the read pool."""
    mutations: ConcurrencyLimiter
    """Limits how many mutations run at once, to protect the write pool.

    More mutations than queries may run at once, because mutations mostly wait for the disk.
    """
    query_timeout_s: float
    """The maximum seconds from the start of a request to the end of its query; 0 is no limit."""
    share: LoopShare

    @classmethod
    def of(cls, settings: Any) -> Self:
        """Return new limiters for a process, according to its settings."""
        share = LoopShare()

        def limiter(running: int, caller_running: int) -> ConcurrencyLimiter:
            waiting, caller_waiting = settings.waiting_requests, settings.caller_waiting_requests
            limits = ConcurrencyLimits(running, waiting, caller_running, caller_waiting)
            return ConcurrencyLimiter(limits, share=share)

        return cls(
            intake=limiter(settings.running_requests, settings.caller_running_requests),
            documents=limiter(1, 1),
            queries=limiter(settings.running_requests, settings.caller_running_requests),
            mutations=limiter(settings.writing_requests, settings.caller_writing_requests),
            query_timeout_s=settings.query_timeout_s,
            share=share,
        )

    def request(self, caller: str, is_gone: Callable[[], bool] | None = None) -> "RequestSlot":
        """Return the slot and deadline of a caller's request, as a context manager.

        `is_gone` returns whether the client has disconnected; then a request that waits for a slot
        is abandoned.
        """
        return RequestSlot(self, caller, is_gone)

    @asynccontextmanager
    async def part(
        self, caller: str, limiter: ConcurrencyLimiter | None = None
    ) -> AsyncIterator[None]:
        """Hold a slot for a part of work that has begun, such as one event of a subscription.

        The slot is taken from `limiter`, by default that of queries. It is granted even if too many
        requests wait already.
        """
        limiter = limiter or self.queries
        slot = limiter.try_acquire(caller)
        if slot is None:
            started = perf_counter()
            slot = await limiter.wait(caller, is_exempt=True)
            note_wait(perf_counter() - started)
        try:
            yield
        finally:
            slot.release()


class RequestSlot:
    """The slot and the deadline of one request, as an asynchronous context manager.

    Entering the context sets only the deadline. The `enter_…` methods wait for the slot of the next
    step, and release the slot of the step before.
    """

    __slots__ = (
        "_caller",
        "_deadline",
        "_has_begun",
        "_is_gone",
        "_limiters",
        "_regaining",
        "_slot",
    )

    def __init__(
        self, limiters: Limiters, caller: str, is_gone: Callable[[], bool] | None = None
    ) -> None:
        self._is_gone = is_gone
        self._limiters = limiters
        self._caller = caller
        self._slot: Slot | None = None
        self._deadline: asyncio.Timeout | None = None
        self._has_begun = False
        self._regaining: asyncio.Lock | None = None

    async def __aenter__(self) -> Self:
        if self._limiters.query_timeout_s:
            self._deadline = asyncio.timeout(self._limiters.query_timeout_s)
            await self._deadline.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            await self.end_deadline(kind, error, traceback)
        finally:
            if self._slot is not None:
                self._slot.release()
            else:
                self._limiters.share.leave()

    async def end_deadline(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the deadline; raises RequestRefused (TIMEOUT) if `error` came from its passing."""
        deadline, self._deadline = self._deadline, None
        if deadline is None:
            return
        try:
            await deadline.__aexit__(kind, error, traceback)
        except TimeoutError:
            raise self._timeout() from None

    def enter_intake(self) -> Awaitable[None]:
        """Change to a slot for decoding and preparing the request."""
        return self._enter(self._limiters.intake)

    def enter_documents(self) -> Awaitable[None]:
        """Change to the slot for reading a long document in a thread."""
        return self._enter(self._limiters.documents)

    def enter_queries(self) -> Awaitable[None]:
        """Change to a slot for queries."""
        return self._enter(self._limiters.queries)

    async def enter_mutations(self) -> None:
        """Change to a slot for mutations, and remove the deadline.

        A transaction cannot be stopped halfway, and the client must learn its outcome.
        """
        await self._enter(self._limiters.mutations)
        if self._deadline is not None and not self._deadline.expired():
            self._deadline.reschedule(None)

    def start_work(self) -> None:
        """Record that the operation starts to run; before, it waited or was prepared."""
        self._has_begun = True
        use_slice(self)

    def may_continue(self) -> bool:
        """Return whether the caller may still use this iteration of the event loop."""
        return self._limiters.share.try_enter(self._caller) is not None

    async def wait(self) -> None:
        """Wait until the caller may use the event loop: now, or in a later iteration."""
        await self._limiters.share.wait(self._caller)

    @asynccontextmanager
    async def without_slot(self) -> AsyncIterator[None]:
        """Release the slot while another service is called, and wait for a slot afterwards.

        Several fields of an operation may do this at the same time.
        """
        slot = self._slot
        if slot is None:
            yield
            return
        slot.release()
        try:
            yield
        except Exception:
            await self._regain()
            raise
        await self._regain()

    async def _regain(self) -> None:
        if self._regaining is None:
            self._regaining = asyncio.Lock()
        async with self._regaining:
            if self._slot is None or not self._slot.is_held:
                self._slot = self._limiters.queries.try_acquire(self._caller)
                if self._slot is None:
                    await self._wait(self._limiters.queries, is_exempt=True)

    async def _enter(self, limiter: ConcurrencyLimiter) -> None:
        slot = self._slot
        if slot is not None:
            if slot.is_held and slot.limiter is limiter:
                return
            slot.release()
        self._slot = limiter.try_acquire(self._caller)
        if self._slot is None:
            await self._wait(limiter)

    async def _wait(self, limiter: ConcurrencyLimiter, *, is_exempt: bool = False) -> None:
        started = perf_counter()
        try:
            self._slot = await limiter.wait(self._caller, is_exempt=is_exempt)
        except QueueFull as full:
            raise refused(full) from None
        finally:
            note_wait(perf_counter() - started)
        self._withdraw_if_gone()

    async def check_client_connected(self) -> None:
        """Raise ClientGone if the client disconnected right after it had sent the request.

        The check takes an iteration of the event loop, so call it only for slow requests.
        """
        if self._is_gone is not None:
            await asyncio.sleep(0)
            self._withdraw_if_gone()

    def _withdraw_if_gone(self) -> None:
        if self._is_gone is not None and not self._has_begun and self._is_gone():
            if self._slot is not None:
                self._slot.release()
            raise ClientGone

    def _timeout(self) -> RequestRefused:
        limit = self._limiters.query_timeout_s
        if self._has_begun:
            return RequestRefused(
                ErrorCode.TIMEOUT,
                f"A query may take at most {limit:g} s, so this one was stopped. Request less data"
                " at once.",
                limit=limit,
            )
        return RequestRefused(
            ErrorCode.TIMEOUT,
            f"The request waited {limit:g} s in the queue and was not started, so nothing was done."
            " Try again later.",
            limit=limit,
        )


def refused(full: QueueFull) -> RequestRefused:
    """Return the error that the client gets for QueueFull."""
    if full.is_own:
        return rate_limited(
            f"{full.limit} of your requests are already waiting, which is the limit. Send fewer"
            " requests at once.",
            full.retry_after,
            full.limit,
        )
    return overloaded(full.retry_after, full.limit)
