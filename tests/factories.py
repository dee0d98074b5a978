"""Creates test data with the production code, and reads the stored rows."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from tortoise.connection import get_connection
from tortoise.models import Model

import models
from models import (
    ConsentEntry,
    Customer,
    CustomerClass,
    CustomerTemplate,
    EnrichmentRun,
    Job,
)
from models.changes.consent_recording import Recorded, correct, record
from models.changes.customer_class_editing import create_class
from models.changes.customer_editing import (
    change_class,
    create_customer,
    delete_customer,
    edit_customer,
)
from models.changes.customer_template_editing import save_template
from models.changes.import_file import FileWriter
from models.changes.import_run import NewImport, request_import
from models.changes.retirement import Retirement, retire_class
from models.jobs.job import JobState
from models.jobs.kinds import lookup_key
from models.rules.consent import ConsentBasis, ConsentMethod, EntryKind
from models.rules.enrichment_status import EnrichmentReason, EnrichmentStatus
from models.rules.errors import RefusalCode, Refused
from models.rules.profile import ProfileEntry, ValueSource
from models.storage.database import Database
from models.storage.identifiers import new_import_id
from models.tables.audit import ActorContext
from models.tables.customer_import import ImportFormat

TABLES: tuple[type[Model], ...] = tuple(getattr(models, name) for name in models.__all__)

Contents = dict[str, list[dict[str, Any]]]


def at(act: ActorContext, now: datetime) -> ActorContext:
    """Return the actor context with another current time."""
    return replace(act, now=now)


async def shipped(code: str) -> CustomerClass:
    """Return the shipped class with a code."""
    return await CustomerClass.get(code=code)


async def add_class(
    database: Database, act: ActorContext, name: str = "Partnership", **values: Any
) -> CustomerClass:
    """Add a class that is not shipped."""
    saved = await database.transaction(lambda: create_class(act, {"name": name, **values}))
    return saved.row


async def add_customer(
    database: Database, act: ActorContext, class_code: str = "CHARITY", **values: Any
) -> Customer:
    """Add a customer to a shipped class, or to the one that `class_id` names."""
    given: Mapping[str, Any] = {"name": "Acme", **values}
    if "class_id" not in given:
        given = {"class_code": class_code, **given}
    return await database.transaction(lambda: create_customer(act, given))


async def add_template(
    database: Database, act: ActorContext, name: str = "Standard", **values: Any
) -> CustomerTemplate:
    """Add a template for new customers."""
    return await database.transaction(lambda: save_template(act, None, {"name": name, **values}))


async def add_import(database: Database, act: ActorContext) -> str:
    """Request the import of a file with a header only; return the import's id."""
    writer = FileWriter(database, new_import_id(), act.now)
    await writer.write(b"name")
    await writer.end()
    wanted = NewImport(writer.import_id, ImportFormat.CSV, writer.sha256, writer.byte_count)
    await database.transaction(lambda: request_import(act, wanted, None))
    return writer.import_id


async def retire(
    database: Database,
    act: ActorContext,
    row: CustomerClass,
    replacement: CustomerClass | None = None,
    reason: str | None = "No longer sold",
) -> Retirement:
    """Retire a class and move its customers to the replacement, if there is one."""
    replacement_id = None if replacement is None else replacement.id
    return await database.transaction(
        lambda: retire_class(act, row.id, replacement_id, reason, None)
    )


IN_BACKGROUND = {"Event": "number", "EventGeneration": "identity", "Numbering": "last_number"}
"""Columns, by model, that the numbering of events sets at any time after a commit."""


async def everything() -> Contents:
    """Return all rows of all tables, without the columns IN_BACKGROUND."""
    # Most tables are empty, and one statement that says so is cheaper than one a table.
    having_rows = " UNION ALL ".join(
        f"SELECT '{model.__name__}' AS name WHERE EXISTS (SELECT 1 FROM \"{model._meta.db_table}\")"
        for model in TABLES
    )
    found: Contents = {model.__name__: [] for model in TABLES}
    for row in await get_connection("default").execute_query_dict(having_rows):
        model = getattr(models, row["name"])
        rows = await model.all().order_by(model._meta.pk_attr).values()
        for own in rows:
            own.pop(IN_BACKGROUND.get(row["name"]), None)
        found[row["name"]] = rows
    return found


@asynccontextmanager
async def refused(code: RefusalCode, *path: str) -> AsyncIterator[pytest.ExceptionInfo[Refused]]:
    """Assert that the block raises Refused with one error, and changes no row.

    `code` and `path` are those of the error.
    """
    before = await everything()
    with pytest.raises(Refused) as caught:
        yield caught
    assert [(refusal.code, refusal.path) for refusal in caught.value.refusals] == [(code, path)]
    assert await everything() == before


def entry(value: Any, source: ValueSource = ValueSource.USER) -> ProfileEntry:
    """Return a profile entry with a value and its source."""
    return ProfileEntry(value=value, source=source, retrieved_at="2026-10-01T09:30:00+00:00")


async def edit(
    database: Database,
    act: ActorContext,
    customer: Customer,
    values: dict[str, Any],
    version: int | None = None,
) -> Customer:
    """Save fields of a customer."""
    return await database.transaction(lambda: edit_customer(act, customer.id, values, version))


async def move(
    database: Database,
    act: ActorContext,
    customer: Customer,
    code: str,
    reason: str | None = "Grew",
) -> Customer:
    """Move a customer to a shipped class."""
    row = await shipped(code)
    return await database.transaction(lambda: change_class(act, customer.id, row.id, reason, None))


async def erase(database: Database, act: ActorContext, customer: Customer) -> None:
    """Delete a customer."""
    await database.transaction(lambda: delete_customer(act, customer.id, None))


GRANTED = {
    "basis": ConsentBasis.TERMS_ACCEPTED,
    "given_by": "Ann Example",
    "given_by_role": "Director",
    "method": ConsentMethod.ONLINE,
    "evidence_reference": "crm/4711",
    "document_name": "Terms and Conditions",
    "document_version": "2026-1",
    "covers_emailing": True,
    "statement": "We email itemised bills and call records.",
}
"""The fields of a complete record of consent."""


async def record_consent(
    database: Database,
    act: ActorContext,
    customer: Customer,
    kind: EntryKind = EntryKind.GRANT,
    key: str | None = None,
    version: int | None = None,
    **values: Any,
) -> Recorded:
    """Add an entry to the ledger of a customer."""
    given = {**GRANTED, **values} if kind is EntryKind.GRANT else values
    return await database.transaction(lambda: record(act, customer.id, kind, given, key, version))


async def correct_consent(
    database: Database,
    act: ActorContext,
    entry: ConsentEntry,
    kind: EntryKind | None = None,
    key: str | None = None,
    **values: Any,
) -> Recorded:
    """Add an entry that corrects another."""
    return await database.transaction(
        lambda: correct(act, entry.id, kind, values, "Mistyped", key, None)
    )


async def end_lookups(
    status: EnrichmentStatus,
    now: datetime,
    reason: EnrichmentReason | None = None,
    **of_customers: Any,
) -> None:
    """End the newest lookup of each of some customers with a status, as a worker would."""
    ids = await Customer.filter(**of_customers).values_list("id", flat=True)
    ended = {"status": status, "reason": reason, "finished_at": now, "next_attempt_at": None}
    for customer_id in ids:
        latest = await EnrichmentRun.filter(customer_id=customer_id).order_by("-id").first()
        if latest is not None:
            await EnrichmentRun.filter(id=latest.id).update(**ended)
            await Customer.filter(id=customer_id).update(enrichment_status=status)
            await Job.filter(live_key=lookup_key(str(customer_id))).update(
                state=JobState.DONE, live_key=None, due_at=None, finished_at=now
            )
