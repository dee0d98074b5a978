"""Finds, exports and erases the data about one person, by email address or by name.

The search covers every column that is not declared open (`models/tables/personal_columns.py`), so
it includes columns that somebody added and forgot to declare.
"""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto, unique
from typing import Any

from tortoise import fields
from tortoise.expressions import Q
from tortoise.models import Model

import models
from models.changes.audit_erasure import IDENTIFYING, NAMES_ERASED, erase_names
from models.changes.contact_erasure import erase_contact
from models.changes.customer_editing import delete_customer
from models.changes.mention_erasure import ERASABLE, erase_mentions
from models.rules.wanted_person import Wanted
from models.tables.audit import ActorContext, AuditEntry
from models.tables.confirmation import Confirmation
from models.tables.contact import Contact
from models.tables.contact_state import ContactState
from models.tables.customer import Customer
from models.tables.customer_class import CustomerClass
from models.tables.enrichment import EnrichmentRun
from models.tables.personal_columns import Content, columns_of
from models.tables.user import User

BATCH = 1_000
OWNERS = ("customer_id", "contact_id", "subject_id", "user_id")
CIRCUMSTANCES = (*OWNERS, "actor_id", "run_id", "operation")
"""Columns whose values decide what an erasure does with a row."""
OF_CONTACTS = frozenset({"contact", "contact_state", "confirmation", "audit_entry"})
SECRETS = frozenset({"hash", "salt", "address_salt", "shown_prefix"})
"""Columns that no export shows, as they are secrets, not data about the person."""

ERASURE = "Erased on request"


@unique
class ErasureAction(Enum):
    """What `subject erase` does with a value that mentions the person."""

    ERASED = auto()
    """Part of the person's own rows; it is erased with them."""
    ON_REQUEST = auto()
    """A text in somebody else's history; it is erased only if the operator requests that."""
    EVIDENCE = auto()
    """Evidence of the consent of a customer who is not erased; it stays."""
    CREDENTIAL = auto()
    """The name of a token, or of an actor's credential if the actor is not the person; it stays."""
    SIGN_IN = auto()
    """A user's id at the identity provider; it stays, so that they cannot return as a new user."""
    OTHER = auto()
    """Data of a customer, contact or user who is not the person; it stays, and can be edited."""


@dataclass(frozen=True, slots=True)
class Mention:
    """A value in the database that mentions the person.

    `owner_id` is the id of the contact, customer, user or other subject that the row belongs to;
    None if it belongs to none.
    """

    table: str
    row_id: str
    column: str
    action: ErasureAction
    owner_id: str | None = None


@dataclass(slots=True)
class Subjects:
    """The ids of the contacts, customers and users who are the person."""

    contacts: list[str] = field(default_factory=list)
    customers: list[str] = field(default_factory=list)
    """Only legal individuals, because the name of an organisation is not a person's name."""
    users: list[str] = field(default_factory=list)

    def only(self, ids: Iterable[str]) -> "Subjects":
        """Return a copy with only those subjects whose ids are in `ids`."""
        wanted = set(ids)
        groups = (self.contacts, self.customers, self.users)
        return Subjects(*([one for one in group if one in wanted] for group in groups))

    @property
    def ids(self) -> list[str]:
        """The ids of all subjects."""
        return [*self.contacts, *self.customers, *self.users]


async def mentions(wanted: Wanted, subjects: Subjects) -> list[Mention]:
    """Return every value in the database that mentions the person.

    `subjects` are the rows that are the person. Each mention says what erasing these rows would do
    with it (`action`).
    """
    found = []
    for model in _tables():
        contents = columns_of(model)
        columns = [name for name, content in contents.items() if content is not Content.OPEN]
        known = [name for name in CIRCUMSTANCES if name in model._meta.db_fields]
        async for row in _rows(model, [*columns, *known] if columns else []):
            held = [one for one in columns if row[one] is not None and wanted.is_in(row[one])]
            if not held:
                continue
            table, row_id = str(model._meta.db_table), str(row[model._meta.pk_attr])
            if "run_id" in row:
                row["customer_id"] = (await EnrichmentRun.get(id=row["run_id"])).customer_id
            owners = (row.get(name) for name in OWNERS)
            owner_id = next((one for one in owners if one is not None), None)
            for column in held:
                action = _erasure_action(
                    subjects, table, column, contents[column], {"id": row_id, **row}
                )
                found.append(Mention(table, row_id, column, action, owner_id))
    return found


def _erasure_action(
    subjects: Subjects, table: str, column: str, content: Content, row: Mapping[str, Any]
) -> ErasureAction:
    """Return what erasing `subjects` would do with a row's column that mentions the person."""
    if content is Content.STAFF and column in {"issuer", "subject"}:
        return ErasureAction.SIGN_IN
    if content is Content.STAFF:
        is_theirs = table == "app_user" and row["id"] in subjects.users
    elif content is Content.ACTOR:
        done_by = {row.get("actor_id"), row.get("user_id")}
        is_theirs = table == "audit_entry" and not done_by.isdisjoint(subjects.users)
    else:
        is_theirs = _is_of(subjects, table, column, row)
    if is_theirs:
        return ErasureAction.ERASED
    return (
        ErasureAction.CREDENTIAL if content is Content.ACTOR else _action_for_others(table, column)
    )


def _is_of(subjects: Subjects, table: str, column: str, row: Mapping[str, Any]) -> bool:
    """Return whether erasing `subjects` erases this column of a row.

    Not for columns with the name of an actor or a user.
    """
    customer_id = row["id"] if table == "customer" else row.get("customer_id")
    of_contact = {row["id"], row.get("contact_id"), row.get("subject_id")}
    if customer_id in subjects.customers:
        return True
    if table in OF_CONTACTS and not of_contact.isdisjoint(subjects.contacts):
        return True
    if table == "audit_entry" and row["subject_id"] in subjects.users:
        operation = row["operation"]
        return operation != NAMES_ERASED if column == "reason" else operation in IDENTIFYING
    return False


def _action_for_others(table: str, column: str) -> ErasureAction:
    """Return what an erasure does with a column's value in a row that belongs to somebody else."""
    if column in ERASABLE.get(table, ()):
        return ErasureAction.ON_REQUEST
    if table == "consent_testimony":
        return ErasureAction.EVIDENCE
    return ErasureAction.CREDENTIAL if table == "access_token" else ErasureAction.OTHER


async def subjects_of(wanted: Wanted) -> Subjects:
    """Return the contacts, customers and users who are or were the person.

    A row matches if its name or email address, now or earlier, equals the wanted one exactly.
    """
    contacts: set[str] = set()
    for model, key in ((Contact, "id"), (ContactState, "contact_id"), (Confirmation, "contact_id")):
        columns = [one for one in ("name", "email") if one in model._meta.db_fields]
        async for row in _rows(model, [key, *columns]):
            if wanted.is_named(row.get("name")) or wanted.is_at(row["email"]):
                contacts.add(str(row[key]))
    users = [
        str(row["id"])
        async for row in _rows(User, ["name", "email"])
        if wanted.is_named(row["name"]) or wanted.is_at(row["email"])
    ]
    return Subjects(sorted(contacts), await _individuals(wanted), users)


async def _individuals(wanted: Wanted) -> list[str]:
    """Return the ids of legal individuals with the wanted name, now or in the audit trail."""
    if wanted.name is None:
        return []
    classes = {one.id for one in await CustomerClass.all() if one.flags.is_legal_individual}
    individuals, found = set(), set()
    async for row in _rows(Customer, ["name", "customer_class_id"]):
        if row["customer_class_id"] in classes:
            individuals.add(str(row["id"]))
            if wanted.is_named(row["name"]):
                found.add(str(row["id"]))
    async for row in _rows(AuditEntry, ["subject_id", "before", "after"]):
        if row["subject_id"] in individuals and any(
            wanted.is_named(values.get("name")) for values in (row["before"], row["after"])
        ):
            found.add(str(row["subject_id"]))
    return sorted(found)


async def erase(act: ActorContext, subjects: Subjects) -> None:
    """Erase contacts, customers and users.

    Refuses a user who is not disabled; the transaction is then rolled back, so that nothing is
    erased.
    """
    for contact_id in subjects.contacts:
        await erase_contact(act, contact_id, None)
    for customer_id in subjects.customers:
        await delete_customer(act, customer_id, None)
    for user_id in subjects.users:
        await erase_names(act, user_id, ERASURE)


async def erase_mentioned(act: ActorContext, found: Sequence[Mention]) -> None:
    """Erase those mentions whose action is ON_REQUEST."""
    asked = [one for one in found if one.action is ErasureAction.ON_REQUEST]
    await erase_mentions(
        act,
        sorted({one.row_id for one in asked if one.table == "class_change"}),
        sorted({one.row_id for one in asked if one.table == "audit_entry"}),
    )


async def confirmations_of(subjects: Subjects) -> list[str]:
    """Return the ids of the confirmations of the contacts and customers.

    Stored copies of mails are found by these ids.
    """
    of_any = Q(contact_id__in=subjects.contacts) | Q(customer_id__in=subjects.customers)
    return [str(one) for one in await Confirmation.filter(of_any).values_list("id", flat=True)]


async def records_of(subject_id: str) -> dict[str, list[dict[str, Any]]]:
    """Return the rows about a contact, customer or user, by table, without the columns SECRETS."""
    found: dict[str, list[dict[str, Any]]] = {}
    for model in _tables():
        rows: dict[str, dict[str, Any]] = {}
        for name in ("id", *OWNERS):
            if isinstance(model._meta.fields_map.get(name), fields.CharField):
                for row in await model.filter(**{name: subject_id}).values():
                    rows[str(row[model._meta.pk_attr])] = row
        if rows:
            found[str(model._meta.db_table)] = [
                {name: value for name, value in row.items() if name not in SECRETS}
                for _, row in sorted(rows.items())
            ]
    return found


def _tables() -> list[type[Model]]:
    return [getattr(models, name) for name in models.__all__]


async def _rows(model: type[Model], columns: list[str]) -> AsyncIterator[dict[str, Any]]:
    """Yield the given columns of all rows, read in batches; yields nothing without columns."""
    key = model._meta.pk_attr
    last: Any = None
    while columns:
        query = model.all() if last is None else model.filter(**{f"{key}__gt": last})
        rows = await query.order_by(key).limit(BATCH).values(*{key, *columns})
        for row in rows:
            yield row
        if len(rows) < BATCH:
            return
        last = rows[-1][key]
