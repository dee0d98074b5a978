"""Every personal text column is filled, erased, and looked for everywhere (A18)."""

from collections.abc import Callable
from typing import Any

import pytest
from tortoise import fields
from tortoise.connection import get_connection
from tortoise.models import Model

from models import Contact, Customer, EnrichmentRun, Suggestion, UpstreamResponse
from models.changes.contact_editing import create_contact
from models.changes.contact_erasure import erase_contact
from models.storage.database import Database
from models.storage.sql import is_postgres
from models.tables import personal_columns
from models.tables.audit import ActorContext
from models.tables.confirmation import Confirmation
from models.tables.personal_columns import Content, columns_with, text_columns
from tests.completeness import assert_complete
from tests.factories import TABLES, add_customer, erase, everything, move, record_consent

ERASED_WITH = (Content.PERSONAL, Content.REFERENCE)
OF_CUSTOMERS = {
    *("audit_entry", "class_change", "confirmation", "consent_testimony", "contact"),
    *("contact_state", "customer", "enrichment_run", "suggestion", "upstream_response"),
}
"""Tables with such columns; all of them are a customer's, or a contact's."""

OF_CONTACTS = {"audit_entry", "confirmation", "contact", "contact_state"}


async def world(database: Database, act: ActorContext) -> tuple[Customer, Contact]:
    """Make a customer with a row in every table that tells of it."""
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
    await UpstreamResponse.create(run_id=run.id, step="profile", body=b"{}", retrieved_at=act.now)
    await move(database, act, customer, "SOLE_TRADER")  # which ends the run
    await UpstreamResponse.create(run_id=run.id, step="late", body=b"{}", retrieved_at=act.now)
    return customer, contact


def filled(model: type[Model], column: str, mark: str) -> Any:
    """Make a value of a column that holds a mark."""
    kind = model._meta.fields_map[column]
    if isinstance(kind, fields.JSONField):
        return {"name": mark}
    return mark.encode() if isinstance(kind, fields.BinaryField) else mark


async def fill(belongs: Callable[[Model], bool], tables: set[str]) -> dict[str, str]:
    """Put a mark into each column of a row of each table; name the columns by their marks.

    What must not be changed is copied instead.
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
            **{**copy, **({"step": "x"} if "step" in text_columns(model) else {}), **values}
        )
    return marks


async def found(marks: dict[str, str]) -> set[str]:
    """Name the columns whose marks are stored anywhere, in the index of searches too."""
    text = repr(await everything()).replace("\\xc2\\xa7", "§")
    if not is_postgres():  # which has an index in the place of this table
        _, rows = await get_connection("default").execute_query("SELECT * FROM customer_search")
        text += repr([dict(row) for row in rows])
    return {column for mark, column in marks.items() if mark in text}


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


def test_what_is_declared_of_columns_is_about_columns_that_there_are() -> None:
    declared = personal_columns._DECLARED
    known = {str(one._meta.db_table): text_columns(one).keys() for one in TABLES}
    for table, contents in declared.items():
        for names in contents.values():
            assert set(names) <= known[table], table


def test_a_column_that_is_not_declared_is_personal() -> None:
    assert text_columns(Contact) == dict.fromkeys(
        ("name", "email", "address_salt"), Content.PERSONAL
    )


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
        assert await found(marks) == set(marks.values())
        await erase(database, act, customer)
    else:
        marks = await fill(belongs, OF_CONTACTS)
        assert await found(marks) == set(marks.values())
        await database.transaction(lambda: erase_contact(act, contact.id, None))
    assert await found(marks) == set(), (
        "Still stored after the erasure: blank these columns in delete_customer of"
        " models/changes/customer_editing.py, or in models/changes/contact_erasure.py; or declare"
        " that they cannot name a person, in models/tables/personal_columns.py."
    )
    assert {name.partition(".")[0] for name in marks.values()} == (
        OF_CUSTOMERS if is_whole else OF_CONTACTS
    )
