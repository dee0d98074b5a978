"""The register client over a real socket, against servers with all kinds of answers."""

import asyncio
import base64
import gzip
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import date
from email.utils import formatdate

import pytest
from aiohttp import web

from enrichment import errors
from enrichment.candidates import CompanyCandidate
from enrichment.client import RequestLimits
from models.rules.company_number import InvalidCompanyNumber
from tests.enrichment.wire import KEY, NO_WAITS, NOW, CountingLimiter, client_of, scripted

LINK = "https://frontend-doc-api.companieshouse.gov.uk/document/8_jg"
ENCODED_KEY = base64.b64encode(f"{KEY}:".encode()).decode()


@pytest.fixture
def limiter() -> CountingLimiter:
    return CountingLimiter()


async def test_the_key_is_sent_as_a_user_name_without_password(limiter: CountingLimiter) -> None:
    seen: list[web.Request] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append(request)
        return web.json_response({"company_number": "00000101"})

    async with scripted(answer) as url, client_of(url, limiter) as client:
        assert await client.company_profile("101") == {"company_number": "00000101"}
    assert [request.path_qs for request in seen] == ["/company/00000101"]
    assert seen[0].headers["Authorization"] == f"Basic {ENCODED_KEY}"
    assert seen[0].headers["Accept"] == "application/json"
    assert (limiter.acquired, limiter.searches) == (1, 0)


async def test_a_number_that_can_be_none_makes_no_request(limiter: CountingLimiter) -> None:
    async with client_of("http://127.0.0.1:1", limiter) as client:
        for ask in (client.company_profile, client.accounts_filings):
            with pytest.raises(InvalidCompanyNumber):
                await ask("../../123456789")
    assert limiter.acquired == 0


async def test_a_spent_budget_is_passed_on_without_a_request() -> None:
    limiter = CountingLimiter(room=0)
    async with client_of("http://127.0.0.1:1", limiter) as client:
        with pytest.raises(errors.BudgetSpent) as caught:
            await client.company_profile("00000101")
    assert caught.value.wait == 12.5
    assert limiter.held_off == []


async def test_a_budget_spent_between_attempts_ends_the_call() -> None:
    limiter = CountingLimiter(room=1)

    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=502)

    async with scripted(answer) as url, client_of(url, limiter) as client:
        with pytest.raises(errors.BudgetSpent):
            await client.company_profile("00000101")
    assert limiter.acquired == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 406, 409, 500])
@pytest.mark.parametrize("body", [b"", b"<html>", b'{"error":"x"}', b"\xff\xfe"])
async def test_an_error_is_known_by_its_status_whatever_its_body(
    limiter: CountingLimiter, status: int, body: bytes
) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=status, body=body)

    async with scripted(answer) as url, client_of(url, limiter) as client:
        with pytest.raises(errors.CompaniesHouseFault) as caught:
            await client.company_profile("00000101")
    assert caught.value.status == status
    assert limiter.acquired == 1


@pytest.mark.parametrize("status", [502, 503, 504])
async def test_a_gateway_error_is_tried_again_twice_and_each_attempt_is_budgeted(
    limiter: CountingLimiter, status: int
) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=status, text="<html>", content_type="text/html")

    async with scripted(answer) as url, client_of(url, limiter) as client:
        with pytest.raises(errors.GatewayError):
            await client.company_profile("00000101")
    assert limiter.acquired == 3
    assert limiter.held_off == []


async def test_a_gateway_that_says_when_to_return_is_not_asked_again(
    limiter: CountingLimiter,
) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=503, headers={"Retry-After": "20"})

    async with scripted(answer) as url, client_of(url, limiter) as client:
        with pytest.raises(errors.GatewayError) as caught:
            await client.company_profile("00000101")
    assert caught.value.retry_after == 20.0
    assert limiter.acquired == 1
    assert limiter.held_off == [20.0]


async def test_questions_that_get_no_answer_are_counted_for_all_processes(
    limiter: CountingLimiter,
) -> None:
    """R90: several failures in a row are an outage; any answer ends the row."""
    statuses = iter([503, 500, 404, 200, 502, 401])

    async def answer(_: web.Request) -> web.Response:
        return web.json_response({}, status=next(statuses))

    limits = replace(NO_WAITS, attempts=1)
    async with scripted(answer) as url, client_of(url, limiter, limits=limits) as client:
        for _ in range(6):
            with suppress(errors.CompaniesHouseFault):
                await client.company_profile("00000101")
    assert limiter.outcomes == [False, False, True, True, False, True]


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "17"}, 17.0),
        ({"retry-after": "Thu, 09 Oct 2025 08:53:30 GMT"}, 10.0),
        ({"x-ratelimit-reset": f"{NOW + 33:.0f}"}, 33.0),
        ({}, 300.0),
    ],
)
async def test_a_429_holds_everybody_off_once_and_is_not_tried_again(
    limiter: CountingLimiter, headers: dict[str, str], seconds: float
) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=429, headers=headers | {"X-Ratelimit-Remain": "0"})

    async with scripted(answer) as url, client_of(url, limiter) as client:
        with pytest.raises(errors.TooManyRequests) as caught:
            await client.company_profile("00000101")
    assert caught.value.retry_after == seconds
    assert limiter.held_off == [seconds]
    assert limiter.acquired == 1


@pytest.mark.parametrize(
    "name",
    ["X-Ratelimit-Remain", "X-Ratelimit-Remaining", "x-ratelimit-remain", "X-RATELIMIT-REMAINING"],
)
async def test_the_last_request_of_a_window_holds_off_until_its_reset(
    limiter: CountingLimiter, name: str
) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.json_response({}, headers={name: "0", "X-Ratelimit-Reset": f"{NOW + 42:.0f}"})

    async with scripted(answer) as url, client_of(url, limiter) as client:
        assert await client.company_profile("00000101") == {}
    assert limiter.held_off == [42.0]


@pytest.mark.parametrize("ours_is_ahead_s", [-3600, 3600])
@pytest.mark.parametrize(
    ("name", "as_written"),
    [
        ("X-Ratelimit-Reset", lambda at: f"{at:.0f}"),
        ("Retry-After", lambda at: formatdate(at, usegmt=True)),
    ],
)
async def test_waits_go_by_the_registers_clock_and_not_by_ours(
    limiter: CountingLimiter, name: str, as_written: Callable[[float], str], ours_is_ahead_s: int
) -> None:
    """A process whose clock is behind must not pause all others for 310 s instead of 5 s."""
    theirs = NOW - ours_is_ahead_s

    async def answer(_: web.Request) -> web.Response:
        at = formatdate(theirs, usegmt=True)
        return web.Response(status=429, headers={"Date": at, name: as_written(theirs + 5)})

    async with scripted(answer) as url, client_of(url, limiter) as client:
        with pytest.raises(errors.TooManyRequests):
            await client.company_profile("00000101")
    assert limiter.held_off == [5.0]


@pytest.mark.parametrize("told", ["", "yesterday", "Fri, 99 Foo 2026 00:00:00 GMT"])
async def test_where_the_register_tells_no_time_ours_counts(
    limiter: CountingLimiter, told: str
) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(
            status=429, headers={"Date": told, "X-Ratelimit-Reset": f"{NOW + 5:.0f}"}
        )

    async with scripted(answer) as url, client_of(url, limiter) as client:
        with pytest.raises(errors.TooManyRequests):
            await client.company_profile("00000101")
    assert limiter.held_off == [5.0]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b"null", b"\xff{}", b"[" * 100_000])
async def test_a_success_that_is_no_json_object_may_come_right_later(
    limiter: CountingLimiter, body: bytes
) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=body, content_type="application/json")

    async with scripted(answer) as url, client_of(url, limiter) as client:
        with pytest.raises(errors.BadPayload):
            await client.company_profile("00000101")


@pytest.mark.parametrize("is_compressed", [False, True])
async def test_json_beyond_the_cap_is_refused_by_its_size_when_unpacked(
    limiter: CountingLimiter, *, is_compressed: bool
) -> None:
    body = b'{"a":"' + b"x" * 50_000 + b'"}'

    async def answer(_: web.Request) -> web.Response:
        if is_compressed:
            return web.Response(body=gzip.compress(body), headers={"Content-Encoding": "gzip"})
        return web.Response(body=body)

    limits = replace(NO_WAITS, json_bytes=10_000)
    async with scripted(answer) as url, client_of(url, limiter, limits=limits) as client:
        with pytest.raises(errors.BadPayload, match="too large"):
            await client.company_profile("00000101")


async def test_a_connection_closed_in_the_middle_is_tried_again(limiter: CountingLimiter) -> None:
    calls = 0

    async def answer(request: web.Request) -> web.StreamResponse:
        nonlocal calls
        calls += 1
        if calls == 3:
            return web.json_response({"company_number": "00000101"})
        response = web.StreamResponse()
        response.content_length = 100
        await response.prepare(request)
        await response.write(b'{"company')
        assert request.transport is not None
        request.transport.close()
        return response

    async with scripted(answer) as url, client_of(url, limiter) as client:
        assert await client.company_profile("00000101") == {"company_number": "00000101"}
    assert limiter.acquired == 3


async def test_no_request_is_sent_that_the_budget_does_not_know_of(
    limiter: CountingLimiter,
) -> None:
    sent = 0

    async def answer(request: web.Request) -> web.Response:
        nonlocal sent
        sent += 1
        assert request.transport is not None
        request.transport.close()
        return web.Response()

    async with scripted(answer) as url, client_of(url, limiter) as client:
        with pytest.raises(errors.ConnectionFailed):
            await client.company_profile("00000101")
    assert sent == limiter.acquired == 3


async def test_nobody_listening_is_a_failed_connection(limiter: CountingLimiter) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response()

    async with scripted(answer) as url:
        pass
    async with client_of(url, limiter) as client:
        with pytest.raises(errors.ConnectionFailed):
            await client.company_profile("00000101")
    assert limiter.acquired == 3


async def test_rubbish_instead_of_http_is_a_failed_connection(limiter: CountingLimiter) -> None:
    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"\x16\x03\x01 not http at all\r\n\r\n")
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, client_of(f"http://127.0.0.1:{port}", limiter) as client:
        with pytest.raises(errors.ConnectionFailed):
            await client.company_profile("00000101")


async def test_an_answer_that_never_ends_times_out_and_is_not_tried_again(
    limiter: CountingLimiter,
) -> None:
    finished = asyncio.Event()

    async def answer(_: web.Request) -> web.Response:
        await finished.wait()
        return web.Response()

    limits = replace(NO_WAITS, total_s=0.05)
    async with scripted(answer) as url, client_of(url, limiter, limits=limits) as client:
        with pytest.raises(errors.TimedOut):
            await client.company_profile("00000101")
        finished.set()
    assert limiter.acquired == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_json_answer_that_redirects_is_not_followed(
    limiter: CountingLimiter, status: int
) -> None:
    paths: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        paths.append(request.path)
        return web.Response(status=status, headers={"Location": "/elsewhere"})

    async with scripted(answer) as url, client_of(url, limiter) as client:
        with pytest.raises(errors.RedirectRefused):
            await client.company_profile("00000101")
        with pytest.raises(errors.RedirectRefused):
            await client.document_metadata(LINK)
    assert paths == ["/company/00000101", "/document/8_jg"]


def page(total: int, *types: str) -> web.Response:
    items = [{"transaction_id": f"tx{n}", "type": kind} for n, kind in enumerate(types)]
    return web.json_response({"total_count": total, "items": items})


@pytest.mark.parametrize(
    ("pages", "starts", "items"),
    [
        ([page(1, "AA")], [None], 1),
        ([page(250, "AA01", "AA")], [None], 2),
        ([page(250, "AA01"), page(250, "AAMD")], [None, "100"], 2),
        ([page(900, "AA01"), page(900, "AA01"), page(900, "AA01")], [None, "100", "200"], 3),
        ([page(100, "AA01")], [None], 1),
        ([page(101, "AA01"), page(101)], [None, "100"], 1),
        ([web.json_response({"total_count": "many", "items": None})], [None], 0),
    ],
)
async def test_filings_are_paged_only_until_accounts_are_seen(
    limiter: CountingLimiter, pages: list[web.Response], starts: list[str | None], items: int
) -> None:
    bodies = [bytes(str(response.text), "utf-8") for response in pages]
    asked: list[str | None] = []

    async def answer(request: web.Request) -> web.Response:
        assert request.path == "/company/00000101/filing-history"
        assert request.query["category"] == "accounts"
        assert request.query["items_per_page"] == "100"
        asked.append(request.query.get("start_index"))
        return web.Response(body=bodies[len(asked) - 1], content_type="application/json")

    async with scripted(answer) as url, client_of(url, limiter) as client:
        payload = await client.accounts_filings("00000101")
    assert asked == starts
    assert len(payload["items"]) == items
    assert limiter.acquired == len(starts)


async def test_a_search_gives_candidates_and_passes_over_malformed_hits(
    limiter: CountingLimiter,
) -> None:
    hit = {
        "company_number": "101",
        "title": "SANDBOX ALPHA TRADING LIMITED",
        "company_status": "active",
        "company_type": "ltd",
        "date_of_creation": "2012-03-14",
        "address_snippet": "1 Sandbox Street",
    }
    queries: list[dict[str, str]] = []

    async def answer(request: web.Request) -> web.Response:
        queries.append(dict(request.query))
        return web.json_response({"items": [None, {}, {"title": "X"}, hit, hit | {"title": "B"}]})

    async with scripted(answer) as url, client_of(url, limiter) as client:
        assert await client.search_companies("   ") == []
        found = await client.search_companies("  alpha & co  ltd?x=1 ", limit=1)
    assert queries == [{"q": "alpha & co ltd?x=1", "items_per_page": "1"}]
    assert (limiter.acquired, limiter.searches) == (1, 1)
    assert found == [
        CompanyCandidate(
            company_number="00000101",
            title="SANDBOX ALPHA TRADING LIMITED",
            status="active",
            type="ltd",
            incorporated_on=date(2012, 3, 14),
            address_snippet="1 Sandbox Street",
        )
    ]


def test_the_caps_are_those_agreed() -> None:
    assert RequestLimits() == RequestLimits(
        total_s=30.0,
        json_bytes=5_000_000,
        document_bytes=20_000_000,
        attempts=3,
    )
    assert NO_WAITS.attempts == 3
