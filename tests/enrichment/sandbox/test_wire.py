"""The sandbox's HTTP interface, tested with a plain HTTP client."""

from pathlib import Path
from typing import Any

import orjson
import pytest
from yarl import URL

from enrichment.sandbox import LoggedRequest, SandboxConfig, sandbox_server
from tests.enrichment.sandbox.calling import ALPHA, Clock, calling


@pytest.mark.parametrize(
    ("header", "error"),
    [
        (None, "Empty Authorization header"),
        ("Basic", "Invalid Authorization"),
        ("Basic !!!", "Invalid Authorization"),
        ("Bearer dGVzdDo=", "Invalid Authorization"),
        ("Basic Og==", "Invalid Authorization"),  # an empty user name
        ("Basic aW52YWxpZC1rZXk6", "Invalid Authorization"),  # invalid-key:
    ],
)
async def test_a_request_without_a_good_key_is_unauthorised(header: str | None, error: str) -> None:
    async with calling() as caller:
        headers = {} if header is None else {"Authorization": header}
        for path in (ALPHA, "/document/x", "/search/companies?q=a", "/nowhere"):
            status, given, body = await caller.ask(path, key=None, **headers)
            assert status == 401
            assert orjson.loads(body) == {"error": error, "type": "ch:service"}
            assert given["ch-authentication-error"] == error


async def test_a_blocked_key_is_forbidden() -> None:
    async with calling() as caller:
        assert (await caller.ask(ALPHA, key="blocked-key"))[0] == 403


async def test_an_unknown_company_is_not_found_and_a_long_number_breaks_the_server() -> None:
    async with calling() as caller:
        for path in ("/company/00000401", "/company/00000401/filing-history"):
            assert (await caller.ask(path))[0] == 404
        status, _, body = await caller.ask("/company/000000101")
        assert status == 500
        assert orjson.loads(body)["error"] == "Internal server error"
        _, _, body = await caller.ask("/company/00000401")
        assert orjson.loads(body) == {
            "errors": [{"type": "ch:service", "error": "company-profile-not-found"}]
        }


async def test_each_api_spells_what_is_left_in_its_own_way_and_both_count_together() -> None:
    clock = Clock()
    async with calling(clock=clock) as caller:
        _, first, _ = await caller.ask(ALPHA)
        clock.now += 100
        _, second, _ = await caller.ask("/document/unknown")
    assert first["x-ratelimit-remain"] == "599"
    assert second["x-ratelimit-remaining"] == "598"
    assert "x-ratelimit-remaining" not in first
    assert "x-ratelimit-remain" not in second
    for headers in (first, second):
        assert headers["x-ratelimit-limit"] == "600"
        assert headers["x-ratelimit-reset"] == "1760000300"
        assert headers["x-ratelimit-window"] == "300s"


@pytest.mark.parametrize("sends_retry_after", [True, False])
async def test_over_the_limit_is_429_until_the_window_ends(*, sends_retry_after: bool) -> None:
    clock = Clock()
    async with calling(limit=2, window_s=10, clock=clock, sends_retry_after=sends_retry_after) as c:
        assert [(await c.ask(ALPHA))[0] for _ in range(3)] == [200, 200, 429]
        clock.now += 4
        _, headers, body = await c.ask(ALPHA)
        assert headers.get("retry-after") == ("6" if sends_retry_after else None)
        assert headers["x-ratelimit-remain"] == "0"
        assert headers["x-ratelimit-reset"] == "1760000010"
        assert body == b""
        assert (await c.ask(ALPHA, key="another-key"))[0] == 200
        clock.now += 6
        assert (await c.ask(ALPHA))[0] == 200


async def test_a_refused_key_does_not_use_up_the_window() -> None:
    async with calling(limit=1) as caller:
        for key in ("invalid", "blocked"):
            for _ in range(3):
                await caller.ask(ALPHA, key=key)
        assert (await caller.ask(ALPHA))[0] == 200


async def test_a_profile_has_what_the_register_always_sends() -> None:
    async with calling() as caller:
        profile = await caller.json("/company/00000102")
        bare = await caller.json("/company/00000306")
    assert profile["company_name"] == "SANDBOX BRAVO HOLDINGS PLC"
    assert (profile["type"], profile["company_status"]) == ("plc", "active")
    assert profile["accounts"]["accounting_reference_date"] == {"day": "31", "month": "12"}
    assert profile["accounts"]["last_accounts"]["type"] == "full"
    assert profile["accounts"]["next_accounts"]["period_end_on"] == "2026-12-31"
    assert profile["links"]["filing_history"] == "/company/00000102/filing-history"
    assert {"company_name", "company_number", "type", "can_file", "links"} <= set(bare)
    assert "date_of_creation" not in bare
    assert "registered_office_address" not in bare


async def test_filings_can_be_narrowed_to_a_category_and_paged() -> None:
    path = "/company/00000101/filing-history"
    async with calling() as caller:
        everything = await caller.json(path)
        accounts = await caller.json(f"{path}?category=accounts,nonsense")
        second = await caller.json(f"{path}?category=accounts&items_per_page=1&start_index=1")
        beyond = await caller.json(f"{path}?start_index=99&items_per_page=500")
    assert everything["total_count"] == 5
    assert everything["items_per_page"] == 25
    assert [item["type"] for item in accounts["items"]] == ["AA", "AA01", "AA"]
    assert accounts["kind"] == "filing-history"
    assert accounts["filing_history_status"] == "filing-history-available"
    assert second["items"] == accounts["items"][1:2]
    assert (second["start_index"], second["items_per_page"], second["total_count"]) == (1, 1, 3)
    assert (beyond["items"], beyond["items_per_page"]) == ([], 100)
    newest = accounts["items"][0]
    assert newest["action_date"] == newest["description_values"]["made_up_date"] == "2025-12-31"
    assert "paper_filed" not in newest


async def test_a_search_finds_names_and_numbers() -> None:
    async with calling() as caller:
        hits = await caller.json("/search/companies?q=sandbox%20busy&items_per_page=1")
        assert (hits["total_results"], len(hits["items"])) == (2, 1)
        assert hits["items"][0]["title"] == "SANDBOX BUSY ONE LIMITED"
        drawn = await caller.json("/search/companies?q=90000001")
        assert [hit["company_number"] for hit in drawn["items"]] == ["90000001"]
        assert (await caller.json("/search/companies?q=nobody"))["items"] == []


async def test_faults_are_drawn_alike_from_the_same_seed() -> None:
    async def draw(seed: int) -> list[int]:
        async with calling(fault_rate=0.5, seed=seed) as caller:
            return [(await caller.ask(ALPHA))[0] for _ in range(30)]

    first = await draw(1)
    assert first == await draw(1)
    assert set(first) == {200, 500, 502, 503, 504}
    async with calling(fault_rate=1.0) as caller:
        assert (await caller.ask(ALPHA))[0] >= 500


async def test_a_gateway_error_is_a_page_of_html() -> None:
    async with calling() as caller:
        status, headers, body = await caller.ask("/company/00000411")
        assert status == 502
        assert headers["content-type"].startswith("text/html")
        assert body.startswith(b"<html>")
        assert (await caller.ask("/company/00000411"))[0] == 200
        assert (await caller.ask("/company/00000411", key="a-fresh-key"))[0] == 502


async def test_every_request_is_logged_without_secrets_of_its_query(tmp_path: Path) -> None:
    log, clock = tmp_path / "requests.jsonl", Clock()
    async with calling(log=log, clock=clock) as caller:
        link = await caller.accounts_link()
        _, headers, _ = await caller.ask(f"{link}/content")
        await caller.ask(headers["location"], key=None)
        await caller.ask(ALPHA, key=None)
        requests = list(caller.sandbox.requests)
    assert requests[0] == LoggedRequest(
        time=1_760_000_000.0,
        origin="api",
        method="GET",
        path="/company/00000101/filing-history",
        status=200,
        key="test-key",
    )
    assert [(entry.origin, entry.status, entry.key) for entry in requests[1:]] == [
        ("document", 302, "test-key"),
        ("storage", 200, None),
        ("api", 401, None),
    ]
    written = [orjson.loads(line) for line in log.read_bytes().splitlines()]
    assert [LoggedRequest(**line) for line in written] == requests
    assert b"X-Amz" not in log.read_bytes()


@pytest.mark.parametrize(
    "settings",
    [{"fault_rate": 1.5}, {"fault_rate": -0.1}, {"limit": 0}, {"window_s": 0}, {"latency_ms": -1}],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"must be|is a share"):
        SandboxConfig(**settings)


async def test_both_apis_share_the_port_that_was_asked_for() -> None:
    async with sandbox_server() as first:
        port = URL(first.api_url).port
        assert first.document_url == first.api_url
        with pytest.raises(OSError, match="address already in use"):
            async with sandbox_server(SandboxConfig(port=port or 0)):
                pass
    async with sandbox_server(SandboxConfig(port=port or 0)) as again:
        assert again.api_url == first.api_url
