"""Fills every personal text column, erases, and searches the database for the texts (A18)."""

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest
from tortoise import fields
from tortoise.connection import get_connection
from tortoise.models import Model

from models import (
    ClassChange,
    Contact,
    Customer,
    EnrichmentRun,
    ProfileChange,
    Suggestion,
    UpstreamResponse,
)
from models.changes.contact_editing import create_contact
from models.changes.contact_erasure import erase_contact
from models.changes.customer_editing import delete_customer
from models.storage.database import Database
from models.storage.sql import is_postgres
from models.tables import personal_columns
from models.tables.audit import ActorContext
from models.tables.confirmation import Confirmation
from models.tables.personal_columns import Content, columns_of, columns_with
from tests.completeness import assert_complete
from tests.factories import (
    TABLES,
    add_customer,
    edit,
    erase,
    everything,
    move,
    record_consent,
)

ERASED_WITH = (Content.PERSONAL, Content.REFERENCE)
OF_CUSTOMERS = {
    *("audit_entry", "class_change", "confirmation", "consent_testimony", "contact"),
    *("contact_state", "customer", "enrichment_run", "profile_change", "suggestion"),
    "upstream_response",
}
"""The tables with personal text columns; each row belongs to a customer or a contact."""

OF_CONTACTS = {"audit_entry", "confirmation", "contact", "contact_state"}


class Kind(StrEnum):
    """A closed set of values."""

    OLD = "OLD"


async def world(database: Database, act: ActorContext) -> tuple[Customer, Contact]:
    """Create a customer and a contact, with a row in every table about them."""
    customer = await add_customer(
        database, act, "COMPANY_UK_LIMITED", company_number="00000101", external_reference="x"
    )
    await record_consent(database, act, customer)
    contact = await database.transaction(
        lambda: create_contact(act, customer.id, {"name": "Al", "email": "al@a.example"})
    )
    await Confirmation.create(
        kind="EMAIL_VERIFICATION",
        contact_id=contact.id,
        customer_id=customer.id,
        requested_at=act.now,
        requested_by_id="tok_1",
        requested_by="Tess",
    )
    await Suggestion.create(
        customer_id=customer.id, field="employees", entry={}, status="REJECTED", created_at=act.now
    )
    run = await EnrichmentRun.get(customer_id=customer.id)
    await ProfileChange.create(
        customer_id=customer.id,
        field="company_name",
        source="SANDBOX",
        run_id=run.id,
        changed_at=act.now,
    )
    await UpstreamResponse.create(run_id=run.id, step="profile", body=b"{}", retrieved_at=act.now)
    await move(database, act, customer, "SOLE_TRADER")  # which ends the run
    await UpstreamResponse.create(run_id=run.id, step="late", body=b"{}", retrieved_at=act.now)
    return customer, contact


def filled(model: type[Model], column: str, mark: str) -> Any:
    """Return a value for a column that contains a mark."""
    kind = model._meta.fields_map[column]
    if isinstance(kind, fields.JSONField):
        return {"name": mark}
    texts = (fields.CharField, fields.TextField, fields.BinaryField)
    assert isinstance(kind, texts), f"Say how to mark and find a value of {column}."
    return mark.encode() if isinstance(kind, fields.BinaryField) else mark


async def fill(belongs: Callable[[Model], bool], tables: set[str]) -> dict[str, str]:
    """Put a mark into each column of a row of each table; name the columns by their marks.

    Rows that must not be changed are copied instead.
    """
    marks: dict[str, str] = {}
    for model in TABLES:
        table = str(model._meta.db_table)
        columns = columns_with(model, *ERASED_WITH)
        if not columns or table not in tables:
            continue
        row = next(one for one in await model.all() if belongs(one))
        values = {}
        for column in sorted(columns):
            mark = f"§{len(marks):02d}"
            marks[mark] = f"{table}.{column}"
            values[column] = filled(model, column, mark)
        if table in {"customer", "contact"}:
            await model.filter(pk=row.pk).update(**values)
            continue
        copy = {name: getattr(row, name) for name in model._meta.db_fields}
        for own in ("id", "number", "step"):
            copy.pop(own, None)
        await model.create(
            **{**copy, **({"step": "x"} if "step" in columns_of(model) else {}), **values}
        )
    return marks


async def found(database: Database, marks: dict[str, str]) -> set[str]:
    """Return the columns whose marks are stored anywhere, including SQLite's files."""
    text = repr(await everything()).replace("\\xc2\\xa7", "§").encode()
    if not is_postgres():
        text += in_files(database)
    return {column for mark, column in marks.items() if mark.encode() in text}


def in_files(database: Database) -> bytes:
    """Return the bytes of the files of an SQLite database."""
    path = database.config["connections"]["default"]["credentials"]["file_path"]
    return b"".join(one.read_bytes() for one in Path(path).parent.glob(f"{Path(path).name}*"))


def test_every_table_with_personal_columns_is_erased_with_customers_or_is_of_users() -> None:
    personal = {str(one._meta.db_table) for one in TABLES if columns_with(one, *ERASED_WITH)}
    assert_complete(
        "OF_CUSTOMERS in tests/models/changes/test_erasure_complete.py",
        OF_CUSTOMERS,
        personal,
        "the table, with a row in world; or declare its text columns that cannot name a person in"
        " models/tables/personal_columns.py",
    )
    staff = {str(one._meta.db_table) for one in TABLES if columns_with(one, Content.STAFF)}
    assert staff == {"access_token", "app_user"}


def test_the_page_on_personal_data_names_every_table_with_personal_columns() -> None:
    page = Path("docs/auditors/privacy.md").read_text(encoding="utf-8")
    stored = page.partition("## What is stored where")[2].partition("## ")[0]
    columns = (*ERASED_WITH, Content.STAFF)
    tables = {str(one._meta.db_table) for one in TABLES if columns_with(one, *columns)}
    assert {table for table in tables if f"`{table}`" not in stored} == set(), (
        "Name these in the table of docs/auditors/privacy.md, with what erases them."
    )


def test_what_is_declared_of_columns_is_about_columns_that_there_are() -> None:
    declared = personal_columns._DECLARED
    known = {str(one._meta.db_table): columns_of(one).keys() for one in TABLES}
    for table, contents in declared.items():
        for names in contents.values():
            assert set(names.split()) <= known[table], table


def test_a_column_that_is_not_declared_is_personal() -> None:
    """A column of any type, also if named like an id; foreign keys are not personal."""

    class Passport(Model):
        id = fields.CharField(max_length=40, primary_key=True)
        contact: fields.ForeignKeyRelation[Contact] = fields.ForeignKeyField("models.Contact")
        passport_id = fields.CharField(max_length=40)
        born_on = fields.DateField()
        height_cm = fields.IntField()
        is_resident = fields.BooleanField()
        kind = fields.CharEnumField(Kind)
        created_at = fields.DatetimeField()

    names = ("passport_id", "born_on", "height_cm", "is_resident", "kind")
    assert columns_of(Passport) == dict.fromkeys(names, Content.PERSONAL)
    assert columns_with(Passport, Content.PERSONAL) == set(names)
    assert "customer_id" not in columns_of(ClassChange)


@pytest.mark.parametrize("is_whole", [True, False], ids=["customer", "contact"])
async def test_nothing_that_was_filled_in_is_left(
    database: Database, act: ActorContext, is_whole: bool
) -> None:
    customer, contact = await world(database, act)

    def belongs(row: Model) -> bool:
        owners = ("contact_id", "subject_id") if not is_whole else ("customer_id",)
        ids = {row.pk, *(getattr(row, name, None) for name in owners)}
        return (customer.id if is_whole else contact.id) in ids or hasattr(row, "run_id")

    if is_whole:
        marks = await fill(belongs, OF_CUSTOMERS)
        assert await found(database, marks) == set(marks.values())
        await erase(database, act, customer)
    else:
        marks = await fill(belongs, OF_CONTACTS)
        assert await found(database, marks) == set(marks.values())
        await database.transaction(lambda: erase_contact(act, contact.id, None))
    assert await found(database, marks) == set(), (
        "Still stored after the erasure: blank these columns in delete_customer of"
        " models/changes/customer_editing.py, or in models/changes/contact_erasure.py; or declare"
        " that they cannot name a person, in models/tables/personal_columns.py."
    )
    assert {name.partition(".")[0] for name in marks.values()} == (
        OF_CUSTOMERS if is_whole else OF_CONTACTS
    )


FORMER, NAME = "\u0292\u0259\u0259", "\u014b\u0259\u0259"
"""Names that are one term each in the search index, which stores common prefixes only once."""


async def terms() -> int:
    """Return the number of terms in the search index."""
    _, rows = await get_connection("default").execute_query(
        "SELECT count(*) AS parts FROM customer_search_data WHERE id > 10"
    )
    return int(rows[0]["parts"])


async def test_sqlites_files_do_not_remember_an_erased_customer_nor_its_former_names(
    database: Database, act: ActorContext
) -> None:
    """A18: neither in the search index, nor in free pages, nor in the write-ahead log."""
    if database.is_postgres:
        pytest.skip("VACUUM and archived WAL are the operator's there")
    other = await add_customer(database, act, name="Other")
    customer = await add_customer(database, act, name=FORMER)
    await edit(database, act, customer, {"name": NAME})
    assert [name.encode() in in_files(database) for name in (FORMER, NAME)] == [True, True]
    await erase(database, act, customer)
    assert [name.encode() in in_files(database) for name in (FORMER, NAME)] == [False, False]
    assert await terms() == 1
    await erase(database, act, other)
    assert await terms() == 0


async def test_an_erasure_that_is_only_tried_leaves_sqlites_log_alone(
    database: Database, act: ActorContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    emptied: list[str] = []

    async def note(path: str) -> None:
        emptied.append(path)

    monkeypatch.setattr("models.storage.database.truncate_wal", note)
    customer = await add_customer(database, act)

    async def work() -> None:
        await delete_customer(act, customer.id, None)

    await database.transaction(work, dry_run=True)
    assert emptied == []
    await database.transaction(work)
    assert len(emptied) == (0 if database.is_postgres else 1)
