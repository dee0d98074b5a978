"""Client and sandbox together: each company of the catalogue behaves as described."""

from dataclasses import replace
from datetime import date

import pytest

from enrichment import errors
from enrichment.client import CompaniesHouse
from enrichment.filings import AccountsFiling, choose_content_type, latest_accounts
from enrichment.profile import CompanyRecord, read_profile
from enrichment.sandbox import Sandbox, SandboxConfig, describe_catalogue, sandbox_server
from models.rules.company_type import family_of
from tests.enrichment.wire import KEY, NO_WAITS, NOW, CountingLimiter, client_of

TROUBLED = {"00000402", "00000403", "00000411", "00000412", "00000413", "00000414", "00000415"}
TROUBLED |= {"00000416", "00000417"}
PROFILES = [number for number, name, _ in describe_catalogue() if name and number not in TROUBLED]


async def read(client: CompaniesHouse, number: str) -> CompanyRecord:
    return read_profile(await client.company_profile(number), requested=number)


async def newest(client: CompaniesHouse, number: str) -> AccountsFiling:
    filing = latest_accounts(await client.accounts_filings(number))
    assert filing is not None
    return filing


async def document(client: CompaniesHouse, number: str) -> bytes:
    filing = await newest(client, number)
    assert filing.metadata_link is not None
    kind = choose_content_type(await client.document_metadata(filing.metadata_link))
    assert kind is not None
    return await client.document_content(filing.metadata_link, kind)


def asked(sandbox: Sandbox, origin: str) -> int:
    return sum(request.origin == origin for request in sandbox.requests)


@pytest.mark.parametrize("number", PROFILES)
async def test_every_untroubled_profile_can_be_read(number: str) -> None:
    limiter = CountingLimiter()
    async with sandbox_server() as sandbox, client_of(sandbox.api_url, limiter) as client:
        record = await read(client, number)
    assert record.number == number
    assert record.name.startswith("SANDBOX ")
    assert not client.endpoints.is_register


async def test_a_company_takes_four_requests_and_the_key_never_reaches_storage() -> None:
    limiter = CountingLimiter()
    async with sandbox_server() as sandbox, client_of(sandbox.api_url, limiter) as client:
        assert (await read(client, "00000101")).incorporated_on == date(2012, 3, 14)
        assert b"SANDBOX ALPHA TRADING LIMITED" in await document(client, "00000101")
    places = [(request.origin, request.status, request.key) for request in sandbox.requests]
    assert places == [
        ("api", 200, KEY),
        ("api", 200, KEY),
        ("document", 200, KEY),
        ("document", 302, KEY),
        ("storage", 200, None),
    ]
    assert limiter.acquired == 4
    assert limiter.held_off == []


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("00000101", {"status": "active", "type": "ltd", "jurisdiction": "england-wales"}),
        ("00000102", {"type": "plc"}),
        ("SC000110", {"jurisdiction": "scotland"}),
        ("NI000111", {"jurisdiction": "northern-ireland"}),
        ("00000107", {"subtype": "community-interest-company"}),
        ("00000203", {"has_filing_history": False, "last_accounts_on": None}),
        ("00000301", {"status": "dissolved", "ceased_on": date(2026, 2, 3)}),
        ("00000302", {"status": "liquidation"}),
        ("00000303", {"accounts_overdue": True, "accounts_next_due_on": date(2026, 9, 30)}),
        ("00000304", {"is_address_default": True}),
        ("00000305", {"is_address_disputed": True, "is_address_undeliverable": True}),
        ("00000306", {"registered_address": None, "incorporated_on": None, "status": None}),
        ("00000307", {"status": "status-of-tomorrow", "sic_codes": ("61900", "01110")}),
        ("00000307", {"accounts_overdue": True, "accounts_next_due_on": date(2027, 9, 30)}),
        ("OC000310", {"type": "llp"}),
    ],
)
async def test_a_profile_shows_what_its_line_says(number: str, expected: dict[str, object]) -> None:
    limiter = CountingLimiter()
    async with sandbox_server() as sandbox, client_of(sandbox.api_url, limiter) as client:
        record = await read(client, number)
    assert {name: getattr(record, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("number", "family"),
    [("00000101", "LIMITED"), ("00000102", "PLC"), ("00000106", "LIMITED"), ("00000308", None)],
)
async def test_the_register_type_names_the_class(number: str, family: str | None) -> None:
    limiter = CountingLimiter()
    async with sandbox_server() as sandbox, client_of(sandbox.api_url, limiter) as client:
        assert family_of((await read(client, number)).type) == family


async def test_accounts_that_are_missing_or_odd_are_told_apart() -> None:
    limiter = CountingLimiter()
    async with sandbox_server() as sandbox, client_of(sandbox.api_url, limiter) as client:
        paper = await newest(client, "00000201")
        assert (paper.paper_filed, paper.period_end_on) == (True, date(2025, 12, 31))
        assert paper.metadata_link is not None
        assert choose_content_type(await client.document_metadata(paper.metadata_link)) is None
        assert latest_accounts(await client.accounts_filings("00000202")) is None
        with pytest.raises(errors.NotFound):
            await client.accounts_filings("00000203")
        assert (await newest(client, "00000204")).metadata_link is None
        assert (await newest(client, "00000105")).is_group
        assert (await newest(client, "00000108")).type == "AAMD"
        assert (await document(client, "00000107")).startswith(b"PK")


@pytest.mark.parametrize(
    ("number", "fault", "requests"),
    [
        ("00000401", errors.NotFound, 1),
        ("00000402", errors.TooManyRequests, 1),
        ("00000403", errors.TooManyRequests, 1),
        ("00000412", errors.GatewayError, 3),
        ("00000413", errors.GatewayError, 3),
        ("00000414", errors.ServerError, 1),
        ("00000416", errors.BadPayload, 1),
    ],
)
async def test_a_troubled_profile_is_a_fault(
    number: str, fault: type[errors.CompaniesHouseFault], requests: int
) -> None:
    limiter = CountingLimiter()
    async with sandbox_server() as sandbox, client_of(sandbox.api_url, limiter) as client:
        with pytest.raises(fault) as caught:
            await client.company_profile(number)
    assert type(caught.value) is fault
    assert limiter.acquired == asked(sandbox, "api") == requests


@pytest.mark.parametrize("number", ["00000411", "00000415"])
async def test_a_blip_is_over_within_the_call(number: str) -> None:
    limiter = CountingLimiter()
    async with sandbox_server() as sandbox, client_of(sandbox.api_url, limiter) as client:
        assert (await read(client, number)).number == number
    assert limiter.acquired == asked(sandbox, "api") == 2


@pytest.mark.parametrize(
    ("number", "lost_calls"), [("00000402", 1), ("00000403", 1), ("00000412", 1), ("00000416", 1)]
)
async def test_a_trouble_that_passes_is_over_on_a_later_call(number: str, lost_calls: int) -> None:
    limiter = CountingLimiter()
    async with sandbox_server() as sandbox, client_of(sandbox.api_url, limiter) as client:
        for _ in range(lost_calls):
            with pytest.raises(errors.TransientFault):
                await client.company_profile(number)
        assert (await read(client, number)).number == number


async def test_a_429_says_how_long_with_and_without_retry_after() -> None:
    limiter = CountingLimiter()
    config = SandboxConfig(clock=lambda: NOW)
    async with sandbox_server(config) as sandbox, client_of(sandbox.api_url, limiter) as client:
        for number in ("00000402", "00000403"):
            with pytest.raises(errors.TooManyRequests):
                await client.company_profile(number)
    assert limiter.held_off == [2.0, 3.0]


async def test_the_sandboxs_own_limit_holds_the_client_off_until_the_window_ends() -> None:
    limiter = CountingLimiter()
    config = SandboxConfig(limit=2, window_s=60, clock=lambda: NOW)
    async with sandbox_server(config) as sandbox, client_of(sandbox.api_url, limiter) as client:
        await client.company_profile("00000101")
        await client.company_profile("00000102")
        assert limiter.held_off == [60.0]
        with pytest.raises(errors.TooManyRequests) as caught:
            await client.company_profile("00000103")
    assert caught.value.retry_after == 60.0
    assert limiter.held_off == [60.0, 60.0]


@pytest.mark.parametrize(
    ("key", "fault"), [("invalid-key", errors.Unauthorised), ("blocked-key", errors.Forbidden)]
)
async def test_a_refused_key_blocks_all_work(
    key: str, fault: type[errors.CompaniesHouseFault]
) -> None:
    limiter = CountingLimiter()
    async with sandbox_server() as sandbox, client_of(sandbox.api_url, limiter, key=key) as client:
        with pytest.raises(errors.Blocked) as caught:
            await client.company_profile("00000101")
    assert type(caught.value) is fault
    assert limiter.acquired == 1


async def test_a_slow_profile_times_out() -> None:
    limiter = CountingLimiter()
    limits = replace(NO_WAITS, total_s=0.1)
    async with (
        sandbox_server() as sandbox,
        client_of(sandbox.api_url, limiter, limits=limits) as client,
    ):
        with pytest.raises(errors.TimedOut):
            await client.company_profile("00000417")


async def test_an_expired_link_is_replaced_within_the_call() -> None:
    limiter = CountingLimiter()
    async with sandbox_server() as sandbox, client_of(sandbox.api_url, limiter) as client:
        assert b"SANDBOX EXPIRING LIMITED" in await document(client, "00000504")
    stored = [request.status for request in sandbox.requests if request.origin == "storage"]
    assert stored == [403, 200]
    assert limiter.acquired == 4


async def test_a_redirect_astray_is_refused_and_an_enormous_document_is_cut_off() -> None:
    limiter = CountingLimiter()
    async with sandbox_server() as sandbox, client_of(sandbox.api_url, limiter) as client:
        with pytest.raises(errors.RedirectRefused):
            await document(client, "00000505")
        assert asked(sandbox, "storage") == 0
        with pytest.raises(errors.DocumentTooLarge):
            await document(client, "00000506")
        assert asked(sandbox, "storage") == 1


async def test_a_type_the_document_does_not_exist_in_is_not_acceptable() -> None:
    limiter = CountingLimiter()
    async with sandbox_server() as sandbox, client_of(sandbox.api_url, limiter) as client:
        filing = await newest(client, "00000101")
        assert filing.metadata_link is not None
        with pytest.raises(errors.NotAcceptable):
            await client.document_content(filing.metadata_link, "application/zip")


async def test_a_name_search_offers_candidates() -> None:
    limiter = CountingLimiter()
    async with sandbox_server() as sandbox, client_of(sandbox.api_url, limiter) as client:
        found = await client.search_companies("sandbox alpha")
        assert len(await client.search_companies("sandbox", limit=7)) == 7
    assert [(one.company_number, one.status) for one in found] == [("00000101", "active")]
    assert found[0].address_snippet == "101 Sandbox Street, Testford, England, ZZ1 1ZZ"
