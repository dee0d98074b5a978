"""Reads a customer's consent ledger as evidence, and verifies that no entry was altered."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tortoise.models import Model

from models.rules.consent import Matter, Period, periods
from models.rules.consent_chain import FIRST, Break, BreakCode, breaks
from models.storage.locks import lock
from models.storage.row_query import RowQuery
from models.storage.row_query_compiler import columns_reader
from models.storage.sql import Sql
from models.tables.consent_entry import ConsentEntry, ConsentLedger, ConsentPeriod, ConsentTestimony
from models.tables.customer import Customer


@dataclass(frozen=True, slots=True)
class Verification:
    """The result of verifying a ledger; the ledger is intact if there are no breaks.

    `last_hash` is None if the ledger is empty or cannot be read.
    """

    customer_id: str
    entry_count: int
    last_hash: str | None
    breaks: tuple[Break, ...]
    is_erased: bool


class _Row:
    """A row of any table; its columns are attributes."""


async def verify(customer_id: str, known_hash: str | None = None) -> Verification | None:
    """Verify the consent ledger of a customer, erased or not; None if there is no such customer.

    Requires a transaction, and locks the customer, so that no entry is added meanwhile.
    `known_hash` is a hash from an earlier export, which an entry must have: that detects a ledger
    whose whole hash chain was rewritten.
    """
    customer = (await lock(Customer, customer_id)).get(customer_id)
    if customer is None:
        return None
    is_erased = customer.erased_at is not None
    of_customer = _equals("customer_id", customer_id)
    try:
        rows = await _reader(ConsentEntry).read(of_customer, "ORDER BY t0.sequence")
        testimonies = await _reader(ConsentTestimony).read(of_customer)
        stored = await _reader(ConsentPeriod).read(of_customer)
    except ValueError:  # SQLite stores values of any type
        unreadable = Break(
            BreakCode.ENTRY_CHANGED,
            "A stored value of an entry can't be read, so the ledger cannot be verified.",
        )
        return Verification(customer_id, 0, None, (unreadable,), is_erased)
    ledger = await _reader(ConsentLedger).read_one(_equals("id", customer_id))
    end = None if ledger is None else (ledger.entry_count, ledger.last_hash)
    found = breaks_of(rows, testimonies, stored, end, is_erased=is_erased)
    if known_hash is not None and known_hash not in {row.hash for row in rows}:
        message = "No entry in the ledger has the hash passed as `knownHash`."
        found.append(Break(BreakCode.KNOWN_HASH_MISSING, message))
    last_hash = rows[-1].hash if rows else None
    return Verification(customer_id, len(rows), last_hash, tuple(found), is_erased)


def breaks_of(
    rows: Sequence[Any],
    testimonies: Sequence[Any],
    stored: Sequence[Any],
    end: tuple[int, str] | None,
    *,
    is_erased: bool,
) -> list[Break]:
    """Return the differences between all stored rows of a ledger and what was recorded.

    `rows` are the entries, sorted by sequence, `stored` the periods, and `end` is what the ledger's
    own row says of the last entry; None if there is no such row.
    """
    by_id = {one.id: one for one in testimonies}
    found = breaks(rows, by_id, (0, FIRST) if end is None else end, is_erased=is_erased)
    if _stored_periods(stored) != _expected_periods(periods(rows)):
        message = "The stored consent periods differ from those that follow from the entries."
        found.append(Break(BreakCode.PROJECTION_DIFFERS, message))
    return found


_PeriodKey = tuple[Matter, datetime, datetime | None, str | None, str | None, str]


def _stored_periods(rows: Sequence[Any]) -> set[_PeriodKey]:
    return {
        (row.matter, row.from_at, row.until_at, row.basis, row.document_version, row.entry_id)
        for row in rows
    }


def _expected_periods(found: list[Period[Any]]) -> set[_PeriodKey]:
    return {
        (
            one.matter,
            one.from_at,
            one.until_at,
            one.entry.basis,
            one.entry.document_version,
            one.entry.id,
        )
        for one in found
    }


def _reader(model: type[Model]) -> RowQuery:
    return columns_reader(_Row, model, sorted(model._meta.db_fields))


def _equals(column: str, value: str) -> Sql:
    return Sql(f"t0.{column} = ?", (value,))
