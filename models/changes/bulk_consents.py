"""Records the consents of many customers in one transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tortoise.expressions import F

from models.changes.bulk_rows import BulkRow, refuse_rows, refuse_same_object
from models.changes.consent_ledger import NewEntry, Request, append_all, earlier_entry
from models.changes.own_reference import (
    customers_at,
    id_by_reference,
    path_of_customer,
    refuse_unnamed,
)
from models.rules.consent import EntryKind
from models.rules.consent_fields import checked, checked_key
from models.rules.errors import RefusalCode
from models.rules.row_policy import RowPolicy
from models.storage.dry_run import version_step
from models.storage.locks import lock
from models.tables.audit import ActorContext
from models.tables.customer import Customer
from models.tables.customer_class import touch


@dataclass(slots=True)
class ConsentRow(BulkRow):
    """A row of `record_consents`: a consent to record, for one customer."""

    customer_id: str | None = field(kw_only=True)
    customer_reference: str | None = None
    """The caller's own reference of the customer, beside or instead of the id."""
    values: Mapping[str, Any] = field(kw_only=True)
    key: str | None = None
    expected_version: int | None = None
    entry: NewEntry | None = None
    """The entry to add; None if an earlier request added it."""


async def record_consents(act: ActorContext, rows: Sequence[ConsentRow], policy: RowPolicy) -> None:
    """Record consents, and set in each row what it saved, or why it is refused.

    A customer can have one row only. Raises RowsRefused if the policy says so; then the caller must
    roll back the transaction. Customers are locked in the order of their ids.
    """
    named = await customers_at(row.customer_reference for row in rows)
    ids = [
        id_by_reference(row.checks, row.customer_id, row.customer_reference, named) for row in rows
    ]
    paths = [path_of_customer(row.customer_id) for row in rows]
    refuse_same_object(zip(rows, ids, paths, strict=True), "customer")
    customers = await lock(Customer, *{one for one in ids if one is not None})
    for row, customer_id in zip(rows, ids, strict=True):
        await row.attempt(_check(row, customers.get(customer_id or "")))
    refuse_rows(rows, policy)
    added = [row for row in rows if row.entry is not None and row.refused is None]
    if not added:
        return
    new = [row.entry for row in added if row.entry is not None]
    for one in new:
        touch(one.customer, act.now)
    entries = await append_all(act, new)
    # The consent review of each of these customers counts as done, as after a single consent.
    await Customer.filter(id__in=[one.customer.id for one in new]).update(
        consent_review_due_at=None, version=F("version") + version_step(), last_modified_at=act.now
    )
    for row, entry in zip(added, entries, strict=True):
        row.saved = {"customer": entry.customer_id, "entry": entry.id}


async def _check(row: ConsentRow, customer: Customer | None) -> None:
    """Check a row as `record` of `consent_recording` does, and set what it adds."""
    checks = row.checks
    draft, key = checked(checks, EntryKind.GRANT, row.values), checked_key(checks, row.key)
    if customer is None or customer.erased_at is not None:
        refuse_unnamed(checks, row.customer_id, row.customer_reference)
        if not checks.is_refused("customerId"):
            path = path_of_customer(row.customer_id)
            checks.refuse(RefusalCode.NOT_FOUND, "There is no such customer.", path)
        return
    request = Request({"kind": EntryKind.GRANT, **row.values}, key)
    if not checks.has_found:
        entry = await earlier_entry(row.act, customer.id, request)
        if entry is not None:
            row.saved, row.is_replayed = {"customer": customer.id, "entry": entry.id}, True
            return
    checks.expect_version(customer, row.expected_version)
    row.entry = NewEntry(customer, draft, request)
