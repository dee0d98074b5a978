"""Storing a lookup's result: the run, the customer's profile, and suggestions."""

from datetime import datetime, timedelta
from typing import Any

import orjson
import pytest

from models import AuditEntry, Customer, EnrichmentRun, Event, Job, Suggestion, UpstreamResponse
from models.changes.customer_editing import edit_customer
from models.changes.enrichment_result import Findings, note_running, note_waiting, store_findings
from models.changes.suggestion import resolve_suggestion
from models.jobs.job import LeaseLostError
from models.rules.enrichment_status import EnrichmentReason, EnrichmentStatus
from models.rules.errors import RefusalCode
from models.rules.profile import WANTED_FIELDS, ProfileEntry, ValueSource
from models.storage.database import Database
from models.tables.audit import ActorContext
from models.tables.enrichment import SuggestionStatus
from tests.clock import Clock
from tests.factories import Contents, add_customer, at, everything, refused

HOUR = timedelta(hours=1)


def entry(value: Any, source: ValueSource = ValueSource.REGISTER) -> ProfileEntry:
    return ProfileEntry(value=value, source=source, retrieved_at="2026-10-01T09:30:00+00:00")


def found(**entries: ProfileEntry) -> Findings:
    return Findings(
        EnrichmentStatus.SUCCEEDED, "REGISTER", entries=entries, details={"company_name": "ACME"}
    )


async def pending_run(database: Database, act: ActorContext, **values: Any) -> EnrichmentRun:
    customer = await add_customer(
        database, act, "COMPANY_UK_LIMITED", company_number="101", **values
    )
    return await EnrichmentRun.get(customer_id=customer.id)


async def store(
    database: Database, run: EnrichmentRun, findings: Findings, act: ActorContext
) -> None:
    await database.transaction(lambda: store_findings(run.id, 1, findings, act.now))


async def look_again(database: Database, act: ActorContext, customer_id: str) -> EnrichmentRun:
    await Job.all().delete()
    await database.transaction(lambda: edit_customer(act, customer_id, {}, None))
    return await EnrichmentRun.get(customer_id=customer_id, status=EnrichmentStatus.PENDING)


async def test_a_run_is_shown_while_it_is_worked_on_and_while_it_waits(
    database: Database, act: ActorContext
) -> None:
    """R87."""
    run = await pending_run(database, act)
    await database.transaction(lambda: note_running(run.id, 1))
    await run.refresh_from_db()
    assert (run.status, run.attempts, run.next_attempt_at) == (EnrichmentStatus.RUNNING, 1, None)
    assert (await Customer.get()).enrichment_status is EnrichmentStatus.RUNNING
    due = act.now + HOUR
    await database.transaction(
        lambda: note_waiting(run.id, 1, due, EnrichmentReason.REGISTER_UNAVAILABLE, None, act.now)
    )
    await run.refresh_from_db()
    assert (run.status, run.reason, run.next_attempt_at) == (
        EnrichmentStatus.RETRYING,
        EnrichmentReason.REGISTER_UNAVAILABLE,
        due,
    )
    await database.transaction(
        lambda: note_waiting(run.id, 0, due, EnrichmentReason.RATE_LIMITED, None, act.now)
    )
    await run.refresh_from_db()
    assert (run.status, run.attempts) == (EnrichmentStatus.PENDING, 0)
    customer = await Customer.get()
    assert customer.enrichment_status is EnrichmentStatus.PENDING
    assert customer.version == 1


async def test_what_was_found_ends_the_run_and_fills_the_customer(
    database: Database, act: ActorContext, clock: Clock
) -> None:
    """R84, R85, R86, R92: recorded in the audit trail as done by the system, and not as a save."""
    run = await pending_run(database, act, profile={"employees": entry(3, ValueSource.USER)})
    await UpstreamResponse.create(run=run, step="profile", body=b"{}", retrieved_at=act.now)
    later = at(act, clock.advance(HOUR))
    await store(database, run, found(incorporated_on=entry("2012-03-14")), later)
    await run.refresh_from_db()
    assert (run.status, run.reason, run.source) == (EnrichmentStatus.SUCCEEDED, None, "REGISTER")
    assert (run.finished_at, run.next_attempt_at) == (later.now, None)
    outcomes = {read["name"]: (read["outcome"], read["source"]) for read in run.fields_read}
    assert outcomes["incorporated_on"] == ("FOUND", "REGISTER")
    assert outcomes["employees"] == ("KEPT_USER_VALUE", None)
    assert outcomes["net_assets"] == ("NOT_FILED", None)
    customer = await Customer.get()
    assert customer.profile == {
        "incorporated_on": entry("2012-03-14"),
        "employees": entry(3, ValueSource.USER),
        "details": {"company_name": "ACME"},
    }
    assert customer.enrichment_status is EnrichmentStatus.SUCCEEDED
    assert await UpstreamResponse.all().count() == 0
    assert await EnrichmentRun.all().count() == await Job.all().count() == 1
    audited = await AuditEntry.filter(operation="customer.enriched").get()
    assert (audited.actor_id, audited.subject_id, audited.request_id) == (
        "system",
        customer.id,
        run.id,
    )
    event = await Event.get(type="customer.enriched")
    assert (event.subject_id, event.payload) == (
        customer.id,
        {"enrichmentRunId": run.id, "changedFields": ["details", "incorporatedOn"]},
    )


def size_of(contents: Contents) -> int:
    """Return the approximate size of all rows in bytes."""
    return sum(
        len(str(value)) if isinstance(value, str) else len(orjson.dumps(value, default=str))
        for rows in contents.values()
        for row in rows
        for value in row.values()
        if value is not None
    )


async def test_a_lookup_that_changed_nothing_writes_little(
    database: Database, act: ActorContext, clock: Clock
) -> None:
    """R96: the audit trail has only changed values; a lookup that changes none adds no entry."""
    run = await pending_run(database, act)

    def as_of(instant: datetime, employees: int) -> Findings:
        read = {name: entry("1000.00") for name in WANTED_FIELDS}
        read["registered_address"] = entry({"address_line_1": "1 High Street " * 3})
        read["employees"] = entry(employees)
        for one in read.values():
            one["retrieved_at"] = instant.isoformat()
        details = {"company_name": "ACME " * 20, "retrieved_at": instant.isoformat()}
        return Findings(EnrichmentStatus.SUCCEEDED, "REGISTER", entries=read, details=details)

    await store(database, run, as_of(act.now, 3), act)
    before = size_of(await everything())
    later = at(act, clock.advance(HOUR))
    again = await look_again(database, later, run.customer_id)
    await store(database, again, as_of(later.now, 3), later)
    assert size_of(await everything()) - before < 1_000
    audited = await AuditEntry.filter(request_id=again.id).get()
    assert (audited.before, audited.after) == ({}, {})
    profile = (await Customer.get()).profile
    assert profile["employees"]["retrieved_at"] == later.now.isoformat()

    last = await look_again(database, later, run.customer_id)
    await store(database, last, as_of(later.now, 4), later)
    audited = await AuditEntry.filter(request_id=last.id).get()
    assert set(audited.before) == set(audited.after) == {"employees"}


async def test_a_lookup_that_found_nothing_leaves_the_profile(
    database: Database, act: ActorContext
) -> None:
    """R85, R86."""
    typed = {"employees": entry(3, ValueSource.USER)}
    run = await pending_run(database, act, profile=typed)
    nothing = Findings(
        EnrichmentStatus.NOT_FOUND, "REGISTER", reason=EnrichmentReason.UNKNOWN_COMPANY_NUMBER
    )
    await store(database, run, nothing, act)
    customer = await Customer.get()
    assert (customer.profile, customer.enrichment_status) == (typed, EnrichmentStatus.NOT_FOUND)
    await run.refresh_from_db()
    assert run.fields_read == []
    told = await Event.filter(type__not="customer.created").values_list("type", "payload")
    assert list(told) == [("customer.enrichment_failed", {"enrichmentRunId": run.id})]


async def test_a_stale_answer_is_dropped(database: Database, act: ActorContext) -> None:
    """R89."""
    run = await pending_run(database, act)
    await database.transaction(
        lambda: edit_customer(act, run.customer_id, {"company_number": "102"}, None)
    )
    before = await everything()
    with pytest.raises(LeaseLostError):
        await store(database, run, found(incorporated_on=entry("2012-03-14")), act)
    with pytest.raises(LeaseLostError):
        await database.transaction(lambda: note_running(run.id, 2))
    assert await everything() == before


async def test_a_run_ends_once(database: Database, act: ActorContext) -> None:
    """R89."""
    run = await pending_run(database, act)
    await store(database, run, found(), act)
    before = await everything()
    with pytest.raises(LeaseLostError):
        await store(database, run, found(employees=entry(9)), act)
    assert await everything() == before


async def suggested(database: Database, act: ActorContext) -> Suggestion:
    run = await pending_run(database, act, profile={"employees": entry(3, ValueSource.USER)})
    await store(database, run, found(employees=entry(12)), act)
    return await Suggestion.get()


async def test_a_value_that_differs_from_the_users_becomes_a_suggestion(
    database: Database, act: ActorContext
) -> None:
    """R86."""
    suggestion = await suggested(database, act)
    assert (suggestion.field, suggestion.entry) == ("employees", entry(12))
    assert (suggestion.status, suggestion.created_at) == (SuggestionStatus.OPEN, act.now)
    assert (await Customer.get()).profile["employees"] == entry(3, ValueSource.USER)


async def test_an_accepted_suggestion_replaces_the_users_value(
    database: Database, act: ActorContext, clock: Clock
) -> None:
    """R86, R96."""
    suggestion = await suggested(database, act)
    later = at(act, clock.advance(HOUR))
    await database.transaction(
        lambda: resolve_suggestion(later, SuggestionStatus.ACCEPTED, suggestion.id, 1)
    )
    customer = await Customer.get()
    assert customer.profile["employees"] == entry(12)
    assert (customer.version, customer.last_modified_at) == (2, later.now)
    await suggestion.refresh_from_db()
    assert (suggestion.status, suggestion.settled_at, suggestion.settled_by) == (
        SuggestionStatus.ACCEPTED,
        later.now,
        "Tess Tester",
    )
    audited = await AuditEntry.filter(operation="suggestion.accepted").get()
    assert audited.before == {"employees": entry(3, ValueSource.USER)}
    before = await everything()
    await database.transaction(
        lambda: resolve_suggestion(later, SuggestionStatus.ACCEPTED, suggestion.id, None)
    )
    assert await everything() == before


async def test_a_rejected_suggestion_is_not_made_again(
    database: Database, act: ActorContext
) -> None:
    """R86."""
    suggestion = await suggested(database, act)
    await database.transaction(
        lambda: resolve_suggestion(act, SuggestionStatus.REJECTED, suggestion.id, None)
    )
    assert (await Customer.get()).profile["employees"] == entry(3, ValueSource.USER)
    run = await look_again(database, act, suggestion.customer_id)
    await store(database, run, found(employees=entry(12)), act)
    assert await Suggestion.all().count() == 1
    run = await look_again(database, act, suggestion.customer_id)
    await store(database, run, found(employees=entry(13)), act)
    fresh = await Suggestion.filter(status=SuggestionStatus.OPEN).get()
    assert fresh.entry == entry(13)


async def test_a_settled_suggestion_is_not_settled_otherwise(
    database: Database, act: ActorContext
) -> None:
    """R86."""
    suggestion = await suggested(database, act)
    await database.transaction(
        lambda: resolve_suggestion(act, SuggestionStatus.REJECTED, suggestion.id, None)
    )
    async with refused(RefusalCode.SUGGESTION_SETTLED, "id"):
        await database.transaction(
            lambda: resolve_suggestion(act, SuggestionStatus.ACCEPTED, suggestion.id, None)
        )
    before = await everything()
    await database.transaction(
        lambda: resolve_suggestion(act, SuggestionStatus.REJECTED, suggestion.id, None)
    )
    assert await everything() == before
    async with refused(RefusalCode.NOT_FOUND, "id"):
        await database.transaction(
            lambda: resolve_suggestion(act, SuggestionStatus.ACCEPTED, "sug_none", None)
        )


async def test_an_older_version_of_the_customer_settles_nothing(
    database: Database, act: ActorContext
) -> None:
    """R101."""
    suggestion = await suggested(database, act)
    async with refused(RefusalCode.VERSION_CONFLICT, "expectedVersion"):
        await database.transaction(
            lambda: resolve_suggestion(act, SuggestionStatus.ACCEPTED, suggestion.id, 9)
        )


async def test_an_open_suggestion_is_replaced_by_the_next_answer(
    database: Database, act: ActorContext
) -> None:
    """R86."""
    suggestion = await suggested(database, act)
    run = await look_again(database, act, suggestion.customer_id)
    await store(database, run, found(employees=entry(12)), act)
    assert (await Suggestion.get()).status is SuggestionStatus.OPEN
    run = await look_again(database, act, suggestion.customer_id)
    await store(database, run, found(), act)
    assert (await Suggestion.get()).status is SuggestionStatus.WITHDRAWN


async def test_typing_the_registers_value_leaves_nothing_to_suggest(
    database: Database, act: ActorContext
) -> None:
    """R86."""
    suggestion = await suggested(database, act)
    typed = {"profile": {"employees": entry(12, ValueSource.USER)}}
    await Job.all().delete()
    await database.transaction(lambda: edit_customer(act, suggestion.customer_id, typed, None))
    run = await EnrichmentRun.get(status=EnrichmentStatus.PENDING)
    await store(database, run, found(employees=entry(12)), act)
    await suggestion.refresh_from_db()
    assert suggestion.status is SuggestionStatus.WITHDRAWN
