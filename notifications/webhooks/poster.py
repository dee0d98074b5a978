"""Posts one webhook, and says what came of it."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from time import perf_counter

import aiohttp
import structlog

from models.jobs.webhook_outcomes import AttemptResult
from models.rules.text import without_controls
from models.rules.webhook_retry import AttemptError, asked_wait, error_of
from models.rules.webhook_target import faults_of_url
from models.storage.secret_cipher import UnreadableSecretError
from models.tables.webhook import MAX_ANSWER_LENGTH, WebhookEndpoint, WebhookOptions
from notifications.webhooks.safe_session import UnsafeTargetError
from notifications.webhooks.signing import signed_headers

log = structlog.get_logger(__name__)

MAX_READ = 16_384
ANSWER_S = 2.0
"""Seconds in which the body of an answer is read, which nothing depends on."""

"""Characters that PostgreSQL stores in no text."""


class Poster:
    """Posts webhooks by a session of `open_session`."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        options: WebhookOptions,
        clock: Callable[[], datetime],
    ) -> None:
        self._session = session
        self._options = options
        self._clock = clock

    async def post(
        self, endpoint: WebhookEndpoint, event_id: str, body: bytes | None
    ) -> AttemptResult:
        """Post a body to an endpoint, once; None stands for an event that was deleted."""
        started_at, started = self._clock(), perf_counter()

        def result(error: AttemptError) -> AttemptResult:
            return AttemptResult(started_at, _since(started), error=error)

        if body is None:
            return result(AttemptError.EVENT_DELETED)
        if faults_of_url(endpoint.url, allows_private=self._options.allows_private):
            return result(AttemptError.UNSAFE_TARGET)
        try:
            headers = signed_headers(
                event_id, body, self._secrets(endpoint, started_at), started_at
            )
        except UnreadableSecretError:
            log.warning("webhook_secret_unreadable", endpoint_id=endpoint.id)
            return result(AttemptError.SECRET_UNREADABLE)
        try:
            status, answer, retry_after = await self._exchange(endpoint.url, body, headers)
        except (aiohttp.ClientError, OSError, ValueError) as fault:
            return result(_error_of(fault))
        return AttemptResult(
            started_at,
            _since(started),
            status,
            error_of(status),
            answer,
            asked_wait(retry_after, self._clock()),
        )

    def _secrets(self, endpoint: WebhookEndpoint, now: datetime) -> list[str]:
        stored = [endpoint.secret]
        until = endpoint.old_secret_until
        if endpoint.old_secret is not None and until is not None and until > now:
            stored.append(endpoint.old_secret)
        return [self._options.cipher.decrypt(one, endpoint.id) for one in stored]

    async def _exchange(
        self, url: str, body: bytes, headers: Mapping[str, str]
    ) -> tuple[int, str, str | None]:
        more = {"Content-Type": "application/json", **headers}
        async with self._session.post(
            url, data=body, headers=more, allow_redirects=False
        ) as response:
            answer = await _beginning(response)
            return response.status, answer, response.headers.get("Retry-After")


async def _beginning(response: aiohttp.ClientResponse) -> str:
    """Return the first characters of an answer; closes the connection of a long or slow one."""
    read = bytearray()
    is_whole = False
    with suppress(aiohttp.ClientError, OSError, TimeoutError):
        async with asyncio.timeout(ANSWER_S):
            async for chunk in response.content.iter_chunked(MAX_READ):
                read += chunk
                if len(read) >= MAX_READ:
                    break
            else:
                is_whole = True
    if not is_whole:
        response.close()
    text = bytes(read[: 4 * MAX_ANSWER_LENGTH]).decode(errors="replace")
    return without_controls(text[:MAX_ANSWER_LENGTH], keep="\t\r\n")


def _error_of(fault: BaseException) -> AttemptError:
    reason = getattr(fault, "os_error", fault)
    if isinstance(reason, UnsafeTargetError) or isinstance(fault, aiohttp.InvalidURL):
        return AttemptError.UNSAFE_TARGET
    if isinstance(fault, TimeoutError):
        return AttemptError.TIMED_OUT
    if isinstance(fault, aiohttp.ClientSSLError):
        return AttemptError.TLS_FAILED
    if isinstance(fault, aiohttp.ClientConnectorError):
        return AttemptError.CONNECT_FAILED
    return AttemptError.BROKEN_ANSWER


def _since(started: float) -> timedelta:
    return timedelta(seconds=perf_counter() - started)
