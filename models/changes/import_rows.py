"""Stores rows of an imported file, many at once, as `saveCustomers` saves the rows of a call."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from models.changes.bulk_customers import CONTACTS, save_customers
from models.changes.contact_draft import ContactToSave
from models.changes.customer_rows import CustomerRow
from models.changes.customer_saving import CustomerToSave
from models.rules.errors import Refusal, RefusalCode
from models.rules.import_columns import ImportRow
from models.rules.import_fault import ImportFault
from models.rules.row_policy import RowPolicy
from models.tables.audit import ActorContext
from models.tables.customer import Customer
from models.tables.customer_import import ImportConflict

Faults = list[list[ImportFault]]
"""The faults of each row of a batch, in their order; a row without faults was stored."""


@dataclass(slots=True)
class _SavedRow(CustomerRow):
    """A row of a file. No idempotency key tells whether it was stored before, only its reference.

    Contacts of an updated customer need a reference: without one, each import of the same file
    would add them again. A parent that is named by its reference must have been there when the file
    was sent: which rows are stored before others must not matter, and a dry run stores none.
    """

    sent_at: datetime = field(kw_only=True)

    def parents_in(self, found: Mapping[str | None, Customer]) -> Mapping[str | None, Customer]:
        return {key: one for key, one in found.items() if one.created_at <= self.sent_at}

    @property
    def is_found_by_reference(self) -> bool:
        return self.wanted.updates_existing

    @property
    def needs_contact_references(self) -> bool:
        return self.customer_id is not None


async def store_rows(
    act: ActorContext, rows: Sequence[ImportRow], conflict: ImportConflict, sent_at: datetime
) -> Faults:
    """Store rows of a file that was sent at an instant; return their faults.

    Nothing of a row with faults is stored. The rows must name different customers and contacts.
    """
    updates = conflict is ImportConflict.UPDATE
    saved = {
        place: _saved_row(place, act, row, sent_at, updates=updates)
        for place, row in enumerate(rows)
        if row.is_readable
    }
    await save_customers(act, list(saved.values()), RowPolicy.REFUSE_FAILED_ROWS)
    return [
        row.with_faults(list(_faults_of(row, saved[place].refusals)))
        if place in saved
        else row.told(row.faults)
        for place, row in enumerate(rows)
    ]


def _saved_row(
    place: int, act: ActorContext, row: ImportRow, sent_at: datetime, *, updates: bool
) -> CustomerRow:
    """Return what a row saves; its own faults refuse it, as do those that are found later."""
    values = dict(row.customer)
    template_id = values.pop("template_id", None)
    wanted = CustomerToSave(
        values,
        updates_existing=updates,
        template_id=template_id,
        is_consent_sent=row.consent is not None,
        consent=row.consent,
        contacts=[ContactToSave(one, updates) for one in row.contacts.values()],
    )
    saved = _SavedRow(place, act, wanted=wanted, sent_at=sent_at)
    for one in row.faults:
        saved.checks.add(Refusal(RefusalCode.BAD_FORMAT, one.message, _path_of(row, one.column)))
    return saved


def _path_of(row: ImportRow, column: str | None) -> tuple[str, ...]:
    """Return the input field of a column."""
    first, *rest = (column or "").split(".")
    if first in row.contacts:
        return (CONTACTS, str(list(row.contacts).index(first)), *rest)
    return (first, *rest)


def _faults_of(row: ImportRow, refusals: Sequence[Refusal]) -> Iterator[ImportFault]:
    """Yield refusals as faults of columns."""
    names = list(row.contacts)
    for one in refusals:
        path = one.path
        if path[:1] == (CONTACTS,) and len(path) > 1:
            path = (names[int(path[1])], *path[2:])
        elif path == ("classId",) and not row.has_class_id:
            path = ("classCode",)
        yield ImportFault.of(one, ".".join(path) or None)
