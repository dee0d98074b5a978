"""Middlewares of the sandbox's APIs for the log, latency, API key, rate limit and random faults."""

import asyncio
import base64
import binascii
import random
from email.utils import formatdate

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from enrichment.sandbox import refusals
from enrichment.sandbox.config import SandboxConfig
from enrichment.sandbox.request_log import LoggedRequest, Origin, RequestLog
from enrichment.sandbox.throttle import Allowance, Throttle

KEY = web.RequestKey("key", str)

_EMPTY, _INVALID = "Empty Authorization header", "Invalid Authorization"
# The status that nginx logs for a client that disconnected early.
_GONE = 499
_FAULTS = (500, 502, 503, 504)


def origin_of(request: web.Request) -> Origin:
    """Return to which of the two APIs a request is sent, by its path; they share a port."""
    return "document" if request.path.startswith("/document/") else "api"


def key_in(header: str | None) -> str | None:
    """Return the API key in an Authorization header; None if the header is missing or invalid.

    The key is the user name of HTTP Basic authentication.
    """
    scheme, _, encoded = (header or "").partition(" ")
    try:
        name, colon, _ = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return name if scheme.lower() == "basic" and colon and name else None


def logging_middleware(log: RequestLog, config: SandboxConfig, origin: Origin | None) -> Middleware:
    """Return a middleware that logs each request with its status.

    If `origin` is None, the API is found by the path of each request.
    """

    @web.middleware
    async def record(request: web.Request, handler: Handler) -> web.StreamResponse:
        status, now = 500, config.clock()
        try:
            response = await handler(request)
            status = response.status
        except web.HTTPException as error:
            status = error.status
            raise
        except asyncio.CancelledError:
            status = _GONE
            raise
        finally:
            key = key_in(request.headers.get("Authorization"))
            place = origin or origin_of(request)
            log.add(LoggedRequest(now, place, request.method, request.path, status, key))
        return response

    return record


def gate_middleware(config: SandboxConfig) -> Middleware:
    """Return a middleware that checks API key and rate limit, and adds latency and faults."""
    throttle = Throttle(config.limit, config.window_s, config.is_window_rolling)
    chance = random.Random(config.seed)  # noqa: S311 - faults for tests, repeatable on purpose

    @web.middleware
    async def gate(request: web.Request, handler: Handler) -> web.StreamResponse:
        if config.latency_ms:
            await asyncio.sleep(config.latency_ms / 1000)
        header = request.headers.get("Authorization")
        key = key_in(header)
        if key is None or key.startswith("invalid"):
            return refusals.unauthorised(_INVALID if header else _EMPTY)
        if key.startswith("blocked"):
            return web.Response(status=403)
        now = config.clock()
        allowance = throttle.admit(key, now)
        headers = limit_headers(allowance, config, origin_of(request))
        headers["Date"] = formatdate(now, usegmt=True)
        if not allowance.is_allowed:
            if config.sends_retry_after:
                headers["Retry-After"] = str(max(allowance.reset_at - int(now), 1))
            return web.Response(status=429, headers=headers)
        request[KEY] = key
        if chance.random() < config.fault_rate:
            response: web.StreamResponse = refusals.broken(chance.choice(_FAULTS))
        else:
            response = await handler(request)
        if not response.prepared:
            for name, value in headers.items():
                response.headers.setdefault(name, value)
        return response

    return gate


def limit_headers(allowance: Allowance, config: SandboxConfig, origin: Origin) -> dict[str, str]:
    """Return the headers about the rate limit; the two APIs name one of them differently."""
    remaining = "X-Ratelimit-Remain" if origin == "api" else "X-Ratelimit-Remaining"
    return {
        "X-Ratelimit-Limit": str(allowance.limit),
        remaining: str(allowance.remaining),
        "X-Ratelimit-Reset": str(allowance.reset_at),
        "X-Ratelimit-Window": f"{config.window_s:g}s",
    }
