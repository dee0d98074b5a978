"""Required fields of consent entries, case by case."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from models.rules.checks import Checks
from models.rules.consent import ConsentBasis, ConsentMethod, EntryKind
from models.rules.consent_fields import Draft, checked, checked_key
from models.rules.errors import RefusalCode, Refused

COMPLETE: dict[str, Any] = {
    "basis": ConsentBasis.TERMS_ACCEPTED,
    "given_by": "Ann Example",
    "method": ConsentMethod.ONLINE,
    "evidence_reference": "crm/4711",
    "document_name": "Terms and Conditions",
    "document_version": "2026-1",
    "covers_emailing": True,
}


def draft_of(kind: EntryKind, values: dict[str, Any]) -> Draft:
    """Return the checked entry; raises Refused."""
    checks = Checks()
    draft = checked(checks, kind, values)
    checks.raise_refusals()
    return draft


def refusals(kind: EntryKind, values: dict[str, Any]) -> list[tuple[RefusalCode, str]]:
    """Return the code and field of each refusal of the values."""
    try:
        draft_of(kind, values)
    except Refused as refused:
        return [(one.code, ".".join(one.path)) for one in refused.refusals]
    return []


@pytest.mark.parametrize(
    ("changed", "wanted"),
    [
        ({}, []),
        # Consent needs a basis, evidence, the person and the method (R50, R52).
        ({"basis": None}, [(RefusalCode.REQUIRED, "basis")]),
        ({"evidence_reference": " "}, [(RefusalCode.BLANK, "evidenceReference")]),
        ({"given_by": ""}, [(RefusalCode.BLANK, "givenBy")]),
        ({"method": None}, [(RefusalCode.REQUIRED, "method")]),
        # A document needs a name and the affirmation that it covers emailing (R53), not a version.
        ({"document_name": None}, [(RefusalCode.REQUIRED, "documentName")]),
        ({"document_version": None}, []),
        ({"covers_emailing": False}, [(RefusalCode.AFFIRMATION_REQUIRED, "isEmailingCovered")]),
        ({"covers_emailing": None}, [(RefusalCode.AFFIRMATION_REQUIRED, "isEmailingCovered")]),
        (
            {"basis": ConsentBasis.PRIVACY_POLICY_CONSENT, "covers_emailing": False},
            [(RefusalCode.AFFIRMATION_REQUIRED, "isEmailingCovered")],
        ),
        # An explicit opt-in needs no document.
        (
            {
                "basis": ConsentBasis.WRITTEN_OPT_IN,
                "document_name": None,
                "document_version": None,
                "covers_emailing": False,
            },
            [],
        ),
        ({"evidence_sha256": "xyz"}, [(RefusalCode.BAD_FORMAT, "evidenceSha256")]),
        ({"evidence_sha256": "A" * 64}, []),
        ({"given_by": "x" * 201}, [(RefusalCode.TOO_LONG, "givenBy")]),
        ({"given_by": "Ann\u202eExample"}, [(RefusalCode.CONTROL_CHARACTERS, "givenBy")]),
        ({"statement": "One\nTwo"}, []),
        ({"effective_at": datetime(2026, 1, 1)}, [(RefusalCode.BAD_FORMAT, "effectiveAt")]),  # noqa: DTZ001  # on purpose
        (
            {"effective_at": datetime(9999, 12, 31, 23, tzinfo=timezone(timedelta(hours=-9)))},
            [(RefusalCode.OUT_OF_RANGE, "effectiveAt")],
        ),
        (
            {"effective_at": datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=9)))},
            [(RefusalCode.OUT_OF_RANGE, "effectiveAt")],
        ),
    ],
)
def test_a_grant_is_taken_with_its_paper_trail_only(
    changed: dict[str, Any], wanted: list[tuple[RefusalCode, str]]
) -> None:
    """R50 to R53."""
    assert refusals(EntryKind.GRANT, {**COMPLETE, **changed}) == wanted


@pytest.mark.parametrize("kind", [kind for kind in EntryKind if kind is not EntryKind.GRANT])
def test_nothing_else_asks_for_evidence(kind: EntryKind) -> None:
    """R54."""
    assert refusals(kind, {}) == []


def test_everything_wrong_is_said_at_once() -> None:
    assert refusals(EntryKind.GRANT, {}) == [
        (RefusalCode.REQUIRED, "basis"),
        (RefusalCode.REQUIRED, "method"),
        (RefusalCode.REQUIRED, "givenBy"),
        (RefusalCode.REQUIRED, "evidenceReference"),
    ]


def test_text_is_trimmed_and_instants_are_in_utc() -> None:
    at = datetime(2026, 3, 1, 12, tzinfo=timezone(timedelta(hours=2)))
    draft = draft_of(EntryKind.GRANT, {**COMPLETE, "given_by": " Ann ", "effective_at": at})
    assert (draft.given_by, draft.effective_at) == ("Ann", datetime(2026, 3, 1, 10, tzinfo=UTC))
    with_hash = draft_of(EntryKind.GRANT, {**COMPLETE, "evidence_sha256": "AB" * 32})
    assert with_hash.evidence_sha256 == "ab" * 32


def test_a_blank_key_is_refused() -> None:
    """R57."""
    checks = Checks()
    assert checked_key(checks, None) is None
    assert checked_key(checks, " k ") == "k"
    assert not checks.has_found
    checked_key(checks, " ", "consent")
    with pytest.raises(Refused) as refused:
        checks.raise_refusals()
    (refusal,) = refused.value.refusals
    assert (refusal.code, refusal.path) == (RefusalCode.BLANK, ("consent", "idempotencyKey"))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"basis": None, "document_name": None}, "Choose the lawful basis of the consent."),
        ({"given_by": " "}, "The name of the person who gave consent must not be blank."),
        (
            {"evidence_sha256": "xyz"},
            "The SHA-256 of the evidence must have 64 hexadecimal digits.",
        ),
        (
            {"effective_at": datetime(2200, 1, 1, tzinfo=UTC)},
            "The effective date must be in the years 1970 to 2199.",
        ),
    ],
)
def test_a_refused_grant_says_what_to_enter(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(Refused) as refused:
        draft_of(EntryKind.GRANT, {**COMPLETE, **changed})
    assert str(refused.value) == message
