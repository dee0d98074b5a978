"""Checks the input fields of new entries of the consent ledger. PURE."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from models.rules.checks import Checks
from models.rules.consent import DOCUMENTED, ConsentBasis, ConsentMethod, EntryKind
from models.rules.errors import RefusalCode

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)

NAME_LENGTH = 200
REASON_LENGTH = 1000
VERSION_LENGTH = 200
STATEMENT_LENGTH = 4000
EVIDENCE_LENGTH = 500
KEY_LENGTH = 200

_SHA256 = re.compile(r"[0-9a-f]{64}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Draft:
    """A checked ledger entry that is not stored yet; `effective_at` None means immediately."""

    kind: EntryKind
    effective_at: datetime | None = None
    basis: ConsentBasis | None = None
    method: ConsentMethod | None = None
    document_name: str | None = None
    document_version: str | None = None
    covers_emailing: bool = False
    evidence_sha256: str | None = None
    given_by: str | None = None
    given_by_role: str | None = None
    statement: str | None = None
    evidence_reference: str | None = None
    asked_by: str | None = None
    reason: str | None = None
    corrects_id: str | None = None
    correction_reason: str | None = None


def checked(
    checks: Checks,
    kind: EntryKind,
    values: Mapping[str, Any],
    *path: str,
    corrects_id: str | None = None,
    correction_reason: str | None = None,
) -> Draft:
    """Check the input fields of a new ledger entry, and return them as a draft.

    Refusals are added to `checks`. `path` is the path of the input that contains the fields.

    A grant must name its basis, who gave consent, how, and the evidence (R50, R52). If it is based
    on terms or a privacy policy, it must also name that document, and affirm that the document
    covers emailing (R53). Withdrawals (R54) and requests for non-itemised bills have no required
    fields.
    """
    found: dict[str, Any] = {
        "effective_at": checks.instant_between(
            values.get("effective_at"), EARLIEST, LATEST, *path, "effectiveAt"
        ),
        "method": values.get("method"),
    }
    if kind is EntryKind.GRANT:
        found |= _grant(checks, values, path)
    else:
        evidence = _text(checks, values, "evidence_reference", EVIDENCE_LENGTH, path)
        found["evidence_reference"] = evidence
    if kind not in {EntryKind.GRANT, EntryKind.ANNULMENT}:
        found["asked_by"] = _text(checks, values, "asked_by", NAME_LENGTH, path)
        found["reason"] = _text(checks, values, "reason", REASON_LENGTH, path, has_lines=True)
    return Draft(kind, **found, corrects_id=corrects_id, correction_reason=correction_reason)


def checked_key(checks: Checks, key: str | None, *path: str) -> str | None:
    """Return the trimmed idempotency key; None if None. A blank or too long one is refused."""
    if key is None:
        return None
    return checks.required_text(key, KEY_LENGTH, *path, "idempotencyKey")


def _grant(checks: Checks, values: Mapping[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    basis = values.get("basis")
    if basis is None:
        checks.refuse(
            RefusalCode.REQUIRED, "Choose the lawful basis of the consent.", *path, "basis"
        )
    if values.get("method") is None:
        checks.refuse(RefusalCode.REQUIRED, "Choose how consent was given.", *path, "method")
    is_documented = basis in DOCUMENTED
    covers = bool(values.get("covers_emailing"))
    if is_documented and not covers:
        checks.refuse(
            RefusalCode.AFFIRMATION_REQUIRED,
            "Affirm that the document covers sending itemised bills and call records by email.",
            *path,
            "isEmailingCovered",
            hint="If the document does not cover this, record a written opt-in instead.",
        )
    return {
        "basis": basis,
        "given_by": _text(checks, values, "given_by", NAME_LENGTH, path, is_required=True),
        "given_by_role": _text(checks, values, "given_by_role", NAME_LENGTH, path),
        "evidence_reference": _text(
            checks, values, "evidence_reference", EVIDENCE_LENGTH, path, is_required=True
        ),
        "evidence_sha256": _sha256(checks, values.get("evidence_sha256"), *path, "evidenceSha256"),
        "document_name": _text(
            checks, values, "document_name", NAME_LENGTH, path, is_required=is_documented
        ),
        "document_version": _text(checks, values, "document_version", VERSION_LENGTH, path),
        "statement": _text(checks, values, "statement", STATEMENT_LENGTH, path, has_lines=True),
        "covers_emailing": covers,
    }


def _text(
    checks: Checks,
    values: Mapping[str, Any],
    name: str,
    longest: int,
    path: tuple[str, ...],
    *,
    is_required: bool = False,
    has_lines: bool = False,
) -> str | None:
    first, *rest = name.split("_")
    spelt = first + "".join(part.capitalize() for part in rest)
    text = values.get(name)
    if is_required:
        return checks.required_text(text, longest, *path, spelt)
    return checks.optional_text(text, longest, *path, spelt, has_lines=has_lines)


def _sha256(checks: Checks, text: str | None, *path: str) -> str | None:
    if text is None or not text.strip():
        return None
    if not _SHA256.fullmatch(text.strip()):
        message = "The SHA-256 of the evidence must have 64 hexadecimal digits."
        checks.refuse(RefusalCode.BAD_FORMAT, message, *path)
    return text.strip().lower()
