"""The hash chain over a customer's consent entries, and its verification. PURE.

The hash of an entry covers its content and the hash of the entry before it. The personal fields of
an entry are stored in a separate row, its *testimony*, and the entry contains a salted digest of
that row. When the testimony and its salt are erased, the chain stays valid, and nobody can guess a
name from the digest.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum, unique
from typing import Any

FIRST = "0" * 64
"""The first entry of a ledger has this as the hash of the entry before it."""

FORMAT = "consent-entry-1"

CONTENT = (
    "id",
    "customer_id",
    "sequence",
    "kind",
    "corrects_id",
    "basis",
    "effective_at",
    "recorded_at",
    "recorded_by_id",
    "recorded_by",
    "method",
    "document_name",
    "document_version",
    "covers_emailing",
    "evidence_sha256",
    "idempotency_key",
    "testimony_id",
    "testimony_digest",
    "previous_hash",
)
"""The columns of an entry that its hash covers: all columns except `hash`."""

TESTIMONY = (
    "given_by",
    "given_by_role",
    "statement",
    "evidence_reference",
    "asked_by",
    "reason",
    "correction_reason",
    "request_digest",
)
"""The columns of a testimony that its digest covers."""


@unique
class BreakCode(StrEnum):
    """The ways in which a consent ledger can differ from what was recorded."""

    ENTRY_MISSING = "ENTRY_MISSING"
    ENTRY_CHANGED = "ENTRY_CHANGED"
    CHAIN_BROKEN = "CHAIN_BROKEN"
    TESTIMONY_CHANGED = "TESTIMONY_CHANGED"
    TESTIMONY_MISSING = "TESTIMONY_MISSING"
    END_DIFFERS = "END_DIFFERS"
    PROJECTION_DIFFERS = "PROJECTION_DIFFERS"
    KNOWN_HASH_MISSING = "KNOWN_HASH_MISSING"


@dataclass(frozen=True, slots=True)
class Break:
    """A difference between a consent ledger and what was recorded.

    `sequence` is the number of the changed or missing entry; None if no single entry differs.
    """

    code: BreakCode
    message: str
    sequence: int | None = None
    entry_id: str | None = None


def digest(*parts: Any) -> str:
    """Return the SHA-256 of a list of JSON values and datetimes, in hexadecimal."""
    text = json.dumps(
        parts, default=_spelt, ensure_ascii=False, sort_keys=True, separators=(",", ":")
    )
    return hashlib.sha256(text.encode()).hexdigest()


def entry_hash(row: Any) -> str:
    """Return the hash of an entry of the ledger, over the columns of CONTENT."""
    return digest(FORMAT, [[name, getattr(row, name)] for name in CONTENT])


def testimony_digest(row: Any) -> str:
    """Return the digest of a testimony, over its salt and the columns of TESTIMONY."""
    return digest(row.salt, [[name, getattr(row, name)] for name in TESTIMONY])


def breaks(
    rows: Sequence[Any],
    testimonies: Mapping[str, Any],
    end: tuple[int, str],
    *,
    is_erased: bool,
) -> list[Break]:
    """Return the differences between a customer's entries and what was recorded.

    `rows` are the entries, sorted by sequence; `testimonies` is keyed by id. `end` is the number of
    entries and the hash of the last one, as stored in another table, because the chain itself
    cannot show that its end was removed. If the customer is erased (`is_erased`), testimonies may
    be blank.
    """
    found: list[Break] = []
    before, expected = FIRST, 1
    for row in rows:
        found += [_missing(number) for number in range(expected, row.sequence)]
        if row.sequence == expected and row.previous_hash != before:
            found.append(
                _at(row, BreakCode.CHAIN_BROKEN, "does not contain the hash of the entry before it")
            )
        if row.hash != entry_hash(row):
            found.append(_at(row, BreakCode.ENTRY_CHANGED, "was changed after it was recorded"))
        found += _testimony_breaks(row, testimonies.get(row.testimony_id), is_erased=is_erased)
        before, expected = row.hash, row.sequence + 1
    count, last_hash = end
    found += [_missing(number) for number in range(expected, count + 1)]
    if count < expected - 1 or (count == expected - 1 and last_hash != before):
        message = "The ledger does not end with the entry that was recorded last."
        found.append(Break(BreakCode.END_DIFFERS, message))
    return found


def _testimony_breaks(row: Any, testimony: Any, *, is_erased: bool) -> list[Break]:
    if testimony is None or testimony.salt is None:
        if is_erased:
            return []
        return [
            _at(
                row,
                BreakCode.TESTIMONY_MISSING,
                "lacks its personal details, although the customer was not erased",
            )
        ]
    if testimony_digest(testimony) != row.testimony_digest:
        return [
            _at(
                row,
                BreakCode.TESTIMONY_CHANGED,
                "has personal details that were changed after it was recorded",
            )
        ]
    return []


def _at(row: Any, code: BreakCode, message: str) -> Break:
    return Break(code, f"Entry {row.sequence} {message}.", row.sequence, row.id)


def _missing(sequence: int) -> Break:
    return Break(BreakCode.ENTRY_MISSING, f"Entry {sequence} is missing.", sequence)


def _spelt(value: Any) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    raise TypeError(f"values of type {type(value).__name__} cannot be hashed")
