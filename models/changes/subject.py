"""Finds, exports and erases what is stored of one person, by email address or by name.

It goes through every column that is not declared open
(`models/tables/personal_columns.py`), so it also looks through
columns that were added and forgotten.
"""

import re
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from tortoise import fields
from tortoise.expressions import Q
from tortoise.models import Model

import models
from models.changes.audit_erasure import erase_names
from models.changes.contact_erasure import erase_contact
from models.changes.customer_editing import delete_customer
from models.rules.email_address import email_key
from models.tables.audit import ActorContext
from models.tables.confirmation import Confirmation
from models.tables.contact import Contact
from models.tables.contact_state import ContactState
from models.tables.customer import Customer
from models.tables.customer_class import CustomerClass
from models.tables.personal_columns import Content, columns_of
from models.tables.user import User

BATCH = 1_000
OWNERS = ("customer_id", "contact_id", "subject_id", "user_id")
SECRETS = frozenset({"hash", "salt", "address_salt", "shown_prefix"})
"""Columns that no export shows: they prove or open something, and say nothing of the person."""

ERASURE = "Erased on request"


@dataclass(frozen=True, slots=True)
class Wanted:
    """The person to look for, by one of the two."""

    email: str | None = None
    name: str | None = None

    def is_in(self, value: object) -> bool:
        """Tell whether a stored value mentions the person, as a word of its own."""
        words = [re.compile(rf"(?<!\w){re.escape(one)}(?!\w)") for one in self._all]
        return any(word.search(_folded(text)) for text in _texts(value) for word in words)

    def is_named(self, name: str | None) -> bool:
        """Tell whether a name is the one that is wanted."""
        return name is not None and self.name is not None and _folded(name) == _folded(self.name)

    def is_at(self, email: str | None) -> bool:
        """Tell whether an email address is the one that is wanted."""
        is_given = email is not None and self.email is not None
        return is_given and email_key(email or "") == email_key((self.email or "").strip())

    @property
    def _all(self) -> set[str]:
        if self.email is None:
            return {_folded(self.name or "")}
        return {_folded(self.email), _folded(email_key(self.email.strip()))}


@dataclass(frozen=True, slots=True)
class Mention:
    """A place where the person is mentioned; `owner_id` is whose row it is, if anybody's."""

    table: str
    row_id: str
    column: str
    content: Content
    owner_id: str | None = None


@dataclass(slots=True)
class Subjects:
    """The contacts, customers and users that are the person, by their ids."""

    contacts: list[str] = field(default_factory=list)
    customers: list[str] = field(default_factory=list)
    """Only legal individuals: the name of an organisation is no person's."""
    users: list[str] = field(default_factory=list)

    def only(self, ids: Iterable[str]) -> "Subjects":
        """Return those of these ids."""
        wanted = set(ids)
        groups = (self.contacts, self.customers, self.users)
        return Subjects(*([one for one in group if one in wanted] for group in groups))

    @property
    def ids(self) -> list[str]:
        """Return all ids."""
        return [*self.contacts, *self.customers, *self.users]


async def mentions(wanted: Wanted) -> list[Mention]:
    """Return every place in the database where the person is mentioned."""
    found = []
    for model in _tables():
        contents = columns_of(model)
        columns = [name for name, content in contents.items() if content is not Content.OPEN]
        owners = [name for name in OWNERS if name in model._meta.db_fields]
        async for row in _rows(model, [*columns, *owners] if columns else []):
            found += [
                Mention(
                    str(model._meta.db_table),
                    str(row[model._meta.pk_attr]),
                    column,
                    contents[column],
                    next((row[name] for name in owners if row[name] is not None), None),
                )
                for column in columns
                if row[column] is not None and wanted.is_in(row[column])
            ]
    return found


async def subjects_of(wanted: Wanted) -> Subjects:
    """Return who is the person, now or before; a name or email address must be the whole one."""
    contacts: set[str] = set()
    for model, key in ((Contact, "id"), (ContactState, "contact_id"), (Confirmation, "contact_id")):
        columns = [one for one in ("name", "email") if one in model._meta.db_fields]
        async for row in _rows(model, [key, *columns]):
            if wanted.is_named(row.get("name")) or wanted.is_at(row["email"]):
                contacts.add(str(row[key]))
    individual = {one.id for one in await CustomerClass.all() if one.flags.is_legal_individual}
    customers = [
        str(row["id"])
        async for row in _rows(Customer, ["name", "customer_class_id"])
        if row["customer_class_id"] in individual and wanted.is_named(row["name"])
    ]
    users = [
        str(row["id"])
        async for row in _rows(User, ["name", "email"])
        if wanted.is_named(row["name"]) or wanted.is_at(row["email"])
    ]
    return Subjects(sorted(contacts), customers, users)


async def erase(act: ActorContext, subjects: Subjects) -> None:
    """Erase contacts, customers and users; refuses users that are not disabled, and then all."""
    for contact_id in subjects.contacts:
        await erase_contact(act, contact_id, None)
    for customer_id in subjects.customers:
        await delete_customer(act, customer_id, ERASURE, None)
    for user_id in subjects.users:
        await erase_names(act, user_id, ERASURE)


async def confirmations_of(subjects: Subjects) -> list[str]:
    """Return the ids of the confirmations of contacts and of customers; their mails go by these."""
    of_any = Q(contact_id__in=subjects.contacts) | Q(customer_id__in=subjects.customers)
    return [str(one) for one in await Confirmation.filter(of_any).values_list("id", flat=True)]


async def records_of(subject_id: str) -> dict[str, list[dict[str, Any]]]:
    """Return the rows that are about a contact, a customer or a user, by table."""
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
    """Read these columns of all rows, some at a time; no rows without columns."""
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


def _texts(value: object) -> Iterator[str]:
    """Return the texts in a stored value: in JSON at any depth, and in bytes."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, bytes):
        yield value.decode(errors="replace")
    elif isinstance(value, dict):
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)
    elif value is not None:
        yield str(value)


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())
