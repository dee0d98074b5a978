"""The register client of a server: opened on first use, and closed once."""

import asyncio

import pytest
from aiohttp import web

from enrichment.endpoints import Endpoints
from enrichment.register import Register
from tests.enrichment.wire import KEY, CountingLimiter, scripted


async def test_two_that_need_it_at_once_share_a_client_until_it_is_closed() -> None:
    async def handle(_: web.Request) -> web.Response:
        return web.json_response({"items": []})

    async with scripted(handle) as url:
        limiter = CountingLimiter()
        register = Register(Endpoints(url, url), KEY, limiter)
        one, other = await asyncio.gather(register.client(), register.client())
        assert one is other
        assert await one.search_companies("acme") == []
        assert limiter.searches == 1
        await register.close()
        with pytest.raises(RuntimeError, match="closed"):
            await one.search_companies("acme")


async def test_a_register_that_nobody_asked_is_closed_all_the_same() -> None:
    await Register(Endpoints(), KEY, CountingLimiter()).close()


async def test_a_key_that_cannot_be_sent_is_refused_before_anybody_asks() -> None:
    with pytest.raises(ValueError, match="1 to 200 visible characters") as caught:
        Register(Endpoints(), "with:colon", CountingLimiter())
    assert "with:colon" not in str(caught.value)
