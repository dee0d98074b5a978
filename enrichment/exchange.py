"""Sends single GET requests with aiohttp, with limits on time and bytes."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import aiohttp
import structlog
from yarl import URL

from enrichment.endpoints import endpoint_name
from enrichment.errors import CompaniesHouseFault, ConnectionFailed, DocumentTooLarge, TimedOut

log = structlog.get_logger(__name__)

_CHUNK = 65_536


@dataclass(frozen=True, slots=True)
class RequestLimits:
    """Limits on a request: seconds, bytes of the answer after decompression, and attempts."""

    total_s: float = 30.0
    connect_s: float = 10.0
    json_bytes: int = 5_000_000
    document_bytes: int = 20_000_000
    attempts: int = 3
    wait_initial_s: float = 0.2
    wait_max_s: float = 1.0
    wait_jitter_s: float = 0.2


@dataclass(frozen=True, slots=True, repr=False)
class Answer:
    """An answer to one request; its body is read only if the status is 200."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""


NoteRequest = Callable[[str, int | None, float], object]
"""Listens to requests; it gets the endpoint, the status (None without an answer), and seconds."""


TraceCalls = Callable[[Callable[[URL], str]], aiohttp.TraceConfig]
"""Returns what traces the requests of a session; it gets a function that names an endpoint."""


def new_session(
    note: NoteRequest | None = None, trace: TraceCalls | None = None
) -> aiohttp.ClientSession:
    """Return an HTTP session without cookies, and without proxies and logins of the environment.

    Each request is reported to `note` when the head of its answer has come.
    """
    noted = [] if note is None else [_noted(note)]
    return aiohttp.ClientSession(
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        trace_configs=noted if trace is None else [*noted, trace(endpoint_name)],
    )


def _noted(note: NoteRequest) -> aiohttp.TraceConfig:
    async def started(_: Any, context: SimpleNamespace, __: Any) -> None:
        context.started = time.perf_counter()

    async def answered(
        _: Any, context: SimpleNamespace, given: aiohttp.TraceRequestEndParams
    ) -> None:
        seconds = time.perf_counter() - context.started
        note(endpoint_name(given.url), given.response.status, seconds)

    async def failed(
        _: Any, context: SimpleNamespace, given: aiohttp.TraceRequestExceptionParams
    ) -> None:
        note(endpoint_name(given.url), None, time.perf_counter() - context.started)

    trace = aiohttp.TraceConfig()
    trace.on_request_start.append(started)
    trace.on_request_end.append(answered)
    trace.on_request_exception.append(failed)
    return trace


def has_login(session: aiohttp.ClientSession) -> bool:
    """Return whether a session adds credentials to its requests."""
    return session.auth is not None or "Authorization" in session.headers


def place(url: URL) -> str:
    """Return host and path of a URL, for messages and logs: the query may have a signature."""
    return f"{url.host}{url.path}"


def wall_clock() -> float:
    """Return the time in epoch seconds, the unit in headers about the rate limit."""
    return time.time()


async def fetch(
    session: aiohttp.ClientSession,
    url: URL,
    headers: Mapping[str, str],
    *,
    limits: RequestLimits,
    most_bytes: int,
) -> Answer:
    """Send one GET without following redirects, and return the answer.

    Raises TimedOut, ConnectionFailed or DocumentTooLarge. The first two are raised outside of
    `except` blocks, so that they have no reference to aiohttp's request, which contains the API key
    or a signed URL.
    """
    timeout = aiohttp.ClientTimeout(total=limits.total_s, connect=limits.connect_s)
    fault: CompaniesHouseFault
    try:
        async with session.get(
            url,
            headers=headers,
            allow_redirects=False,
            timeout=timeout,
            middlewares=(_send_once(),),
        ) as response:
            is_success = response.status == 200  # noqa: PLR2004 - an HTTP status
            body = await _read(response, most_bytes) if is_success else b""
            answer = Answer(response.status, response.headers, body)
    except TimeoutError:
        fault = TimedOut(f"no answer in time from {place(url)}")
    except (aiohttp.ClientError, OSError, ValueError):
        fault = ConnectionFailed(f"no complete answer from {place(url)}")
    else:
        log.debug("companies_house.answered", where=place(url), status=answer.status)
        return answer
    log.info("companies_house.unanswered", where=place(url), code=fault.code)
    raise fault


def _send_once() -> aiohttp.ClientMiddlewareType:
    """Return a middleware that sends a request only once.

    Otherwise aiohttp would repeat a failed GET, without counting it against our request budget.
    """
    is_sent = False

    async def send(
        request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        nonlocal is_sent
        if is_sent:
            raise aiohttp.ClientConnectionError
        is_sent = True
        return await handler(request)

    return send


async def _read(response: aiohttp.ClientResponse, most_bytes: int) -> bytes:
    if (response.content_length or 0) > most_bytes:
        raise DocumentTooLarge
    body = bytearray()
    async for chunk in response.content.iter_chunked(_CHUNK):
        body += chunk
        if len(body) > most_bytes:
            raise DocumentTooLarge
    return bytes(body)
