"""The lookup from the job to the stored profile, against the sandbox over a real socket."""

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

import orjson
import pytest
import structlog
from aiohttp import web

from enrichment.client import CompaniesHouse, companies_house
from enrichment.company_lookup import CompanyLookup
from enrichment.endpoints import Endpoints
from enrichment.lookup_attempt import FRESH_FOR
from enrichment.rate_limit import Allowance, SharedBudget
from enrichment.sandbox import SandboxConfig, describe_catalogue
from models import Customer, EnrichmentRun, Job, RateLimit, Suggestion, UpstreamResponse
from models.changes.customer_editing import delete_customer
from models.jobs.job import Claim, JobState, LeaseLostError
from models.jobs.kinds import ENRICH
from models.jobs.worker import JobKindOptions, Worker
from models.rules.enrichment_status import EnrichmentReason, EnrichmentStatus
from models.rules.profile import ACCOUNTS_FIELDS, WANTED_FIELDS, ProfileEntry, ValueSource
from models.storage.database import Database
from models.tables.audit import ActorContext
from tests.clock import Clock
from tests.enrichment.lookup_desk import AMPLE, Desk, desk_of
from tests.enrichment.wire import NO_WAITS, scripted
from tests.factories import add_customer
from tests.queueing import take

SUCCEEDED, PARTIAL = EnrichmentStatus.SUCCEEDED, EnrichmentStatus.PARTIAL
PENDING, RETRYING = EnrichmentStatus.PENDING, EnrichmentStatus.RETRYING
FAILED = EnrichmentStatus.FAILED
WELL = [("api", 200), ("api", 200), ("document", 200), ("document", 302), ("storage", 200)]


@pytest.fixture
async def desk(database: Database, act: ActorContext, clock: Clock) -> AsyncIterator[Desk]:
    async with desk_of(database, act, clock) as made:
        yield made


async def stored(customer: Customer) -> Customer:
    return await Customer.get(id=customer.id)


def ended(lines: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the log lines that say how attempts of jobs ended."""
    return [line for line in lines if line["event"] in {"job_done", "job_put_back"}]


async def run_of(customer: Customer) -> EnrichmentRun:
    newest = await EnrichmentRun.filter(customer_id=customer.id).order_by("-id").first()
    assert newest is not None
    return newest


# fmt: off
ALL = {"FOUND": 8}
NOT_FILED, UNREADABLE = {"FOUND": 2, "NOT_FILED": 6}, {"FOUND": 2, "UNREADABLE": 6}
NO_EMPLOYEES = {"FOUND": 7, "NOT_FILED": 1}
CASES: dict[str, tuple[EnrichmentStatus, EnrichmentReason | None, dict[str, int], str | None]] = {
    # status, reason, fields by outcome, net assets
    "00000101": (SUCCEEDED, None, ALL, "140000"),  # small company
    "00000102": (SUCCEEDED, None, ALL, "2283494"),  # PLC, in a class for limited ones (A21)
    "00000103": (SUCCEEDED, None, ALL, "181410"),  # micro-entity
    "00000104": (SUCCEEDED, None, NO_EMPLOYEES, "100"),  # dormant, without employees
    "00000105": (SUCCEEDED, None, ALL, "120028"),  # group accounts (A23)
    "00000106": (SUCCEEDED, None, ALL, "111432"),  # by guarantee (A21)
    "00000107": (SUCCEEDED, None, ALL, "208406"),  # in a zip package
    "00000108": (SUCCEEDED, None, ALL, "116169"),  # the amended accounts are used
    "00000109": (SUCCEEDED, None, ALL, "-30000"),  # losses
    "SC000110": (SUCCEEDED, None, ALL, "251985"),
    "NI000111": (SUCCEEDED, None, ALL, "138840"),
    "00000201": (PARTIAL, EnrichmentReason.ACCOUNTS_PDF_ONLY, UNREADABLE, None),  # A24
    "00000202": (PARTIAL, EnrichmentReason.NO_ACCOUNTS_YET, NOT_FILED, None),
    "00000203": (PARTIAL, EnrichmentReason.NO_ACCOUNTS_YET, NOT_FILED, None),
    "00000204": (PARTIAL, EnrichmentReason.ACCOUNTS_UNAVAILABLE, UNREADABLE, None),
    "00000205": (PARTIAL, EnrichmentReason.EMPLOYEES_NOT_DISCLOSED, NO_EMPLOYEES, "102641"),
    "00000301": (SUCCEEDED, None, ALL, "216767"),
    "00000302": (SUCCEEDED, None, ALL, "120485"),
    "00000303": (SUCCEEDED, None, ALL, "372887"),
    "00000304": (SUCCEEDED, None, ALL, "277900"),
    "00000305": (SUCCEEDED, None, ALL, "251338"),
    "00000306": (SUCCEEDED, None, {"FOUND": 6, "NOT_FILED": 2}, "208440"),  # no address
    "00000307": (SUCCEEDED, None, ALL, "105807"),  # values that the register may add later
    "00000308": (PARTIAL, EnrichmentReason.NOT_LIMITED_OR_PLC, {"FOUND": 2}, None),
    "00000309": (SUCCEEDED, None, ALL, "59618"),
    "OC000310": (PARTIAL, EnrichmentReason.NOT_LIMITED_OR_PLC, {"FOUND": 2}, None),
    "00000402": (RETRYING, EnrichmentReason.RATE_LIMITED, {}, None),
    "00000403": (RETRYING, EnrichmentReason.RATE_LIMITED, {}, None),
    "00000411": (SUCCEEDED, None, ALL, "165985"),  # a short fault is retried at once
    "00000412": (RETRYING, EnrichmentReason.REGISTER_UNAVAILABLE, {}, None),
    "00000413": (RETRYING, EnrichmentReason.REGISTER_UNAVAILABLE, {}, None),
    "00000414": (RETRYING, EnrichmentReason.REGISTER_UNAVAILABLE, {}, None),
    "00000415": (SUCCEEDED, None, ALL, "204073"),
    "00000416": (RETRYING, EnrichmentReason.REGISTER_UNAVAILABLE, {}, None),
    "00000501": (PARTIAL, EnrichmentReason.ACCOUNTS_UNREADABLE, UNREADABLE, None),
    "00000502": (PARTIAL, EnrichmentReason.IDENTITY_MISMATCH, UNREADABLE, None),
    "00000503": (PARTIAL, EnrichmentReason.ACCOUNTS_UNREADABLE, UNREADABLE, None),
    "00000504": (SUCCEEDED, None, ALL, "227472"),  # the link had expired
    "00000505": (PARTIAL, EnrichmentReason.ACCOUNTS_UNAVAILABLE, UNREADABLE, None),
    "00000506": (PARTIAL, EnrichmentReason.ACCOUNTS_UNAVAILABLE, UNREADABLE, None),
    "00000401": (EnrichmentStatus.NOT_FOUND, EnrichmentReason.UNKNOWN_COMPANY_NUMBER, {}, None),
    "90000001": (SUCCEEDED, None, ALL, "277240"),
}
# fmt: on
SLOW = "00000417"  # takes five seconds, and the client's own tests cover it


def test_every_company_of_the_catalogue_has_its_case() -> None:
    numbers = {number for number, _, _ in describe_catalogue() if not number.startswith("9")}
    assert set(CASES) - {"90000001"} == numbers - {SLOW}


@pytest.mark.parametrize("number", CASES)
async def test_a_company_of_the_catalogue_ends_as_it_should(desk: Desk, number: str) -> None:
    """R84, R85, R87, R88, A21, A22, A23, A24."""
    status, reason, outcomes, net_assets = CASES[number]
    customer = await desk.add(number)
    with structlog.testing.capture_logs() as lines:
        assert await desk.worker.run_due() == 1
    customer, run = await stored(customer), await run_of(customer)
    assert (run.status, run.reason) == (status, reason)
    assert [(line.get("outcome"), line.get("reason")) for line in ended(lines)] == [
        (None if status is RETRYING else status, reason)
    ]
    assert customer.enrichment_status is status
    assert Counter(read["outcome"] for read in run.fields_read) == outcomes
    assert customer.profile.get("net_assets", {}).get("value") == net_assets
    found = {read["name"] for read in run.fields_read if read["outcome"] == "FOUND"}
    assert found == customer.profile.keys() - {"details"}
    assert {customer.profile[name]["source"] for name in found} <= {ValueSource.SANDBOX}
    assert (await Job.get()).state is (JobState.WAITING if status is RETRYING else JobState.DONE)
    if status is not RETRYING:
        assert run.finished_at == desk.clock()
        assert await UpstreamResponse.all().count() == 0


async def test_a_number_that_was_stored_before_and_has_no_form_of_today_is_not_found(
    desk: Desk,
) -> None:
    """R88: the register is not asked, and the lookup is not retried."""
    customer = await desk.add("00000101")
    await Customer.filter(id=customer.id).update(company_number="VODAFONE")
    await EnrichmentRun.filter(customer_id=customer.id).update(company_number="VODAFONE")
    await desk.worker.run_due()
    run = await run_of(customer)
    assert (run.status, run.reason) == (
        EnrichmentStatus.NOT_FOUND,
        EnrichmentReason.UNKNOWN_COMPANY_NUMBER,
    )
    assert desk.asked() == []


async def test_a_success_fills_everything_with_its_source(desk: Desk) -> None:
    """R84, R86, A22."""
    customer = await desk.add("00000101")
    await desk.worker.run_due()
    assert desk.asked() == WELL
    profile = (await stored(customer)).profile
    origin = {"source": "SANDBOX", "retrieved_at": "2026-10-01T09:30:00+00:00"}
    assert profile["registered_address"] == {
        **origin,
        "value": {
            "care_of": None,
            "premises": None,
            "po_box": None,
            "address_line_1": "101 Sandbox Street",
            "address_line_2": None,
            "locality": "Testford",
            "region": None,
            "postal_code": "ZZ1 1ZZ",
            "country": "England",
        },
    }
    assert profile["incorporated_on"] == {**origin, "value": "2012-03-14"}
    values = {name: profile[name]["value"] for name in ACCOUNTS_FIELDS}
    assert values == {
        "employees": 12,
        "fixed_assets": "120000",
        "current_assets": "80000",
        "total_assets": "200000",
        "total_assets_less_current_liabilities": "155000",
        "net_assets": "140000",
    }
    for name in ACCOUNTS_FIELDS:
        entry = profile[name]
        assert (entry["source"], entry["period_end_on"]) == ("SANDBOX", "2025-12-31")
        assert (entry["filed_on"], entry["scope"]) == ("2026-07-19", "COMPANY")
        assert entry["is_derived"] is (name == "total_assets")
        assert entry["is_group_accounts"] is False
        assert entry.get("currency") == (None if name == "employees" else "GBP")
    details = profile["details"]
    assert (details["company_name"], details["company_type"], details["company_status"]) == (
        "SANDBOX ALPHA TRADING LIMITED",
        "ltd",
        "active",
    )
    assert details["accounts_period_end_on"] == "2025-12-31"


async def test_group_accounts_give_the_companys_own_figures_and_say_so(desk: Desk) -> None:
    """A23."""
    customer = await desk.add("00000105")
    await desk.worker.run_due()
    entry = (await stored(customer)).profile["net_assets"]
    assert (entry["value"], entry["scope"], entry["is_group_accounts"]) == (
        "120028",
        "COMPANY",
        True,
    )


async def test_accounts_on_paper_are_named_with_their_date_and_no_older_year_is_shown(
    desk: Desk,
) -> None:
    """A24."""
    customer = await desk.add("00000101")
    await desk.worker.run_due()
    assert "net_assets" in (await stored(customer)).profile
    old = (await stored(customer)).profile
    await desk.edit(customer, {"company_number": "00000201"})
    await Customer.filter(id=customer.id).update(profile=old)
    await desk.worker.run_due()
    profile = (await stored(customer)).profile
    assert profile.keys() == {"registered_address", "incorporated_on", "details"}
    assert profile["details"]["accounts_period_end_on"] == "2025-12-31"
    assert profile["details"]["accounts_filed_on"] == "2026-07-19"


async def test_what_a_user_typed_is_kept_and_what_differs_suggested(desk: Desk) -> None:
    """R86."""
    typed = ProfileEntry(value=7, source=ValueSource.USER)
    same = ProfileEntry(value="140000.00", source=ValueSource.USER, currency="GBP")
    customer = await desk.add("00000101", profile={"employees": typed, "net_assets": same})
    await desk.worker.run_due()
    customer = await stored(customer)
    assert customer.profile["employees"] == typed
    assert customer.profile["net_assets"] == same
    suggestion = await Suggestion.get()
    assert (suggestion.field, suggestion.entry["value"]) == ("employees", 12)
    outcomes = {read["name"]: read["outcome"] for read in (await run_of(customer)).fields_read}
    assert outcomes == {
        **dict.fromkeys(WANTED_FIELDS, "FOUND"),
        "employees": "KEPT_USER_VALUE",
        "net_assets": "KEPT_USER_VALUE",
    }


async def test_a_lookup_is_no_save(desk: Desk) -> None:
    """R92."""
    customer = await desk.add("00000101")
    await desk.worker.run_due()
    assert await desk.worker.run_due() == 0
    assert await EnrichmentRun.all().count() == 1
    assert (await stored(customer)).version == customer.version


async def test_a_busy_register_is_asked_again_after_the_time_that_it_named(desk: Desk) -> None:
    """R90: Retry-After pauses all processes."""
    customer = await desk.add("00000402")
    await desk.worker.run_due()
    other = await desk.add("00000101")
    run = await run_of(customer)
    assert (run.status, run.attempts) == (RETRYING, 1)
    assert run.next_attempt_at is not None
    assert run.next_attempt_at >= desk.clock() + timedelta(seconds=2)
    desk.clock.advance(timedelta(seconds=1))
    desk.asked()
    await desk.worker.run_due()
    assert desk.asked() == []
    assert ((await run_of(other)).status, (await run_of(other)).attempts) == (PENDING, 0)
    desk.clock.advance(timedelta(seconds=60))
    await desk.worker.run_due()
    assert (await run_of(customer)).status is (await run_of(other)).status is SUCCEEDED


async def test_an_outage_is_outlasted(desk: Desk) -> None:
    """R83, R90."""
    customer = await desk.add("00000412")
    for attempts in (1, 2):
        await desk.worker.run_due()
        run = await run_of(customer)
        if attempts == 1:
            assert (run.status, run.attempts) == (RETRYING, 1)
        desk.clock.advance(timedelta(minutes=5))
    assert (run.status, run.attempts) == (SUCCEEDED, 2)


async def test_a_register_that_stays_down_is_given_up_in_the_end(desk: Desk) -> None:
    """R87, R90."""
    customer = await desk.add("00000414")
    attempts = 0
    while (await run_of(customer)).status is not FAILED:
        attempts += await desk.worker.run_due()
        desk.clock.advance(timedelta(hours=4))
    run = await run_of(customer)
    assert (run.reason, run.attempts) == (EnrichmentReason.GAVE_UP, attempts)
    assert 10 <= attempts <= 30
    customer = await stored(customer)
    assert (customer.enrichment_status, customer.profile) == (FAILED, {})
    assert (await Job.get()).state is JobState.FAILED


async def test_an_unknown_number_is_asked_for_once(desk: Desk) -> None:
    """R90: a 404 is not retried."""
    await desk.add("00000401")
    await desk.worker.run_due()
    desk.clock.advance(timedelta(days=1))
    assert await desk.worker.run_due() == 0
    assert desk.asked() == [("api", 404)]


async def test_an_empty_budget_holds_no_slot_and_counts_no_attempt(
    database: Database, act: ActorContext, clock: Clock
) -> None:
    """R90: received answers are not requested again, and no further lookup starts."""
    tight = Allowance(limit=24, window=timedelta(minutes=1))  # a call each 2.5 seconds
    async with desk_of(database, act, clock, allowance=tight) as desk:
        customer, later = await desk.add("00000101"), await desk.add("00000102")
        while (await run_of(customer)).status is not SUCCEEDED:
            await desk.worker.run_due()
            run = await run_of(customer)
            if run.status is not SUCCEEDED:
                assert (run.status, run.reason, run.attempts) == (
                    PENDING,
                    EnrichmentReason.RATE_LIMITED,
                    0,
                )
                assert await Job.filter(state=JobState.RUNNING).count() == 0
            assert (await run_of(later)).status is PENDING
            clock.advance(timedelta(milliseconds=100))
        assert (await run_of(customer)).attempts == 1
        assert desk.asked() == WELL


@pytest.mark.parametrize(
    ("key", "code", "status"),
    [("invalid-key", "UNAUTHORISED", 401), ("blocked-key", "FORBIDDEN", 403)],
)
async def test_a_refused_key_stops_everything_until_an_operator_has_looked(
    database: Database, act: ActorContext, clock: Clock, key: str, code: str, status: int
) -> None:
    """R90: a 401 is not retried, and other lookups wait without using an attempt."""
    async with desk_of(database, act, clock, key=key) as desk:
        first = await desk.add("00000101")
        with structlog.testing.capture_logs() as lines:
            await desk.worker.run_due()
        assert [(line["outcome"], line["reason"]) for line in ended(lines)] == [
            ("FAILED", "BLOCKED")
        ]
        run = await run_of(first)
        assert (run.status, run.reason) == (FAILED, EnrichmentReason.BLOCKED)
        assert await desk.budget.blocked_reason() == code
        assert desk.asked() == [("api", status)]
        second = await desk.add("00000102")
        for _ in range(3):
            assert await desk.worker.run_due() == 0
            clock.advance(timedelta(minutes=5))
        run = await run_of(second)
        assert (run.status, run.reason, run.attempts) == (PENDING, EnrichmentReason.BLOCKED, 0)
        assert desk.asked() == []
        await desk.budget.unblock()
        await desk.worker.run_due()
        assert desk.asked() == [("api", status)]


async def claimed(desk: Desk) -> Claim:
    (job,) = await take(desk.database, desk.clock, kind=ENRICH, quota=desk.budget.quota)
    return job


async def test_an_attempt_that_crashed_late_costs_no_request_again(desk: Desk) -> None:
    """R90: also days later, because the values are stored with the date of the answer."""
    customer = await desk.add("00000101")
    await desk.lookup.run(await claimed(desk))  # the result is not stored
    assert desk.asked() == WELL
    assert await UpstreamResponse.all().count() == 4
    assert (await Job.get()).calls_left == 0
    retrieved_at = desk.clock()
    desk.clock.advance(FRESH_FOR - timedelta(seconds=1))
    before = await RateLimit.get()
    assert await desk.worker.run_due() == 1
    assert desk.asked() == []
    assert (await RateLimit.get()).free_at == before.free_at  # no call is counted without a request
    customer = await stored(customer)
    assert customer.profile["net_assets"]["value"] == "140000"
    assert customer.profile["net_assets"]["retrieved_at"] == retrieved_at.isoformat()


async def test_a_kept_answer_that_has_gone_stale_is_asked_for_again(desk: Desk) -> None:
    """R90."""
    await desk.add("00000101")
    await desk.lookup.run(await claimed(desk))
    desk.clock.advance(FRESH_FOR)
    desk.asked()
    await desk.worker.run_due()
    assert desk.asked() == WELL


async def test_an_answer_is_not_kept_for_a_lookup_that_another_worker_has(desk: Desk) -> None:
    """R89: so a worker that lost its lease sends no more requests."""
    await desk.add("00000101")
    late = await claimed(desk)
    desk.clock.advance(timedelta(minutes=1))
    await claimed(desk)
    with pytest.raises(LeaseLostError):
        await desk.lookup.run(late)
    assert desk.asked() == [("api", 200)]
    assert await UpstreamResponse.all().count() == 0


async def cleared_number(desk: Desk, customer: Customer) -> None:
    await desk.edit(customer, {"company_number": None})


async def changed_number(desk: Desk, customer: Customer) -> None:
    await desk.edit(customer, {"company_number": "00000102"})


async def erased(desk: Desk, customer: Customer) -> None:
    await desk.database.transaction(lambda: delete_customer(desk.act, customer.id, None))


@pytest.mark.parametrize("meanwhile", [cleared_number, changed_number, erased])
async def test_an_answer_that_comes_too_late_is_dropped(
    desk: Desk,
    meanwhile: Callable[[Desk, Customer], Awaitable[None]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """R89: nor is the answer kept for later."""
    customer = await desk.add("00000101")
    first = await run_of(customer)
    ask = CompaniesHouse.accounts_filings

    async def ask_meanwhile(client: CompaniesHouse, number: str) -> dict[str, Any]:
        monkeypatch.undo()
        await meanwhile(desk, customer)
        return await ask(client, number)

    monkeypatch.setattr(CompaniesHouse, "accounts_filings", ask_meanwhile)
    await desk.worker.run_due()
    await first.refresh_from_db()
    assert first.status is EnrichmentStatus.CANCELLED
    assert (await stored(customer)).profile == {}
    assert await UpstreamResponse.filter(run_id=first.id).count() == 0
    desk.asked()
    await desk.worker.run_due()
    if meanwhile is changed_number:
        details = (await stored(customer)).profile["details"]
        assert details["company_name"] == "SANDBOX BRAVO HOLDINGS PLC"
    else:
        assert desk.asked() == []


async def test_the_profile_is_there_while_the_accounts_keep_failing(
    database: Database, act: ActorContext, clock: Clock
) -> None:
    """R85: known values are stored, also if the lookup gives up on the rest."""
    down = SandboxConfig(clock=lambda: clock().timestamp(), fault_rate=1.0)
    async with desk_of(database, act, clock, config=down) as desk:
        await _only_the_profile_is_known(desk)


async def _only_the_profile_is_known(desk: Desk) -> None:
    customer = await desk.add("00000413")
    run = await EnrichmentRun.get(customer_id=customer.id)
    profile = {
        "company_number": "00000413",
        "company_name": "ACME LIMITED",
        "type": "ltd",
        "date_of_creation": "2012-03-14",
        "links": {"filing_history": "/company/00000413/filing-history"},
    }
    await UpstreamResponse.create(
        run=run, step="profile", body=orjson.dumps(profile), retrieved_at=desk.clock()
    )
    await desk.worker.run_due()
    waiting = await Customer.get(id=customer.id)
    assert waiting.enrichment_status is RETRYING
    assert waiting.profile["incorporated_on"]["value"] == "2012-03-14"
    desk.clock.advance(timedelta(minutes=10))
    job = await claimed(desk)

    async def give_up() -> None:
        await desk.lookup.note_failure(job, "GAVE_UP", is_bare=False)

    await desk.database.transaction(give_up)
    await run.refresh_from_db()
    assert (run.status, run.reason) == (PARTIAL, EnrichmentReason.ACCOUNTS_UNAVAILABLE)
    outcomes = {read["name"]: read["outcome"] for read in run.fields_read}
    assert outcomes["incorporated_on"] == "FOUND"
    assert {outcomes[name] for name in ACCOUNTS_FIELDS} == {"UNREADABLE"}


async def test_a_profile_with_null_characters_is_stored_without_them(
    database: Database, act: ActorContext, clock: Clock
) -> None:
    """R84: PostgreSQL cannot store U+0000; it must not make every attempt of a lookup fail."""

    async def answer(_: web.Request) -> web.Response:
        profile = {
            "company_number": "00000101",
            "company_name": "AC\0ME \0LIMITED\0",
            "type": "ltd",
            "company_status": "\0",
            "registered_office_address": {"address_line_1": "1 High\0 Street"},
            "sic_codes": ["619\0", "\0"],
            "previous_company_names": [{"name": "O\0LD"}, {"name": "\0"}],
        }
        return web.json_response(profile)

    budget = SharedBudget("key", clock, AMPLE)
    async with (
        scripted(answer) as url,
        companies_house(
            endpoints=Endpoints(url, url), api_key="key", limiter=budget, limits=NO_WAITS
        ) as client,
    ):
        line = JobKindOptions(CompanyLookup(database, client, budget, clock), budget.quota)
        customer = await add_customer(database, act, "COMPANY_UK_LIMITED", company_number="101")
        assert await Worker("w", database, {ENRICH: line}, clock).run_due() == 1
    assert (await run_of(customer)).reason is EnrichmentReason.NO_ACCOUNTS_YET
    profile = (await stored(customer)).profile
    details = profile["details"]
    assert (details["company_name"], details["company_status"]) == ("ACME LIMITED", None)
    assert details["sic_codes"] == ["00619"]
    assert [previous["name"] for previous in details["previous_names"]] == ["OLD"]
    assert profile["registered_address"]["value"]["address_line_1"] == "1 High Street"
