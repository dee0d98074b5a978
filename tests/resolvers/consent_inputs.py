"""Inputs of mutations that record consent."""

from typing import Any

GRANTED: dict[str, Any] = {
    "basis": "TERMS_ACCEPTED",
    "givenBy": "Ann Example",
    "givenByRole": "Director",
    "method": "ONLINE",
    "evidenceReference": "crm/4711",
    "documentName": "Terms and Conditions",
    "documentVersion": "2026-1",
    "isEmailingCovered": True,
    "statement": "We email itemised bills.",
}
