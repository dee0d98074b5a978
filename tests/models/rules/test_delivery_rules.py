"""The published table of delivery rules is generated from the rule, complete, and versioned."""

import json
from pathlib import Path

from models.rules.delivery import DeliveryPolicy, Facts, decide
from models.rules.delivery_rules import VERSION, cases, digest, published
from models.rules.document import Document

PUBLISHED = Path(__file__).resolve().parents[3] / "docs" / "delivery-rules.json"

DIGESTS = {1: "f3dcd53ef118af19285f1a1d24cb8756f651da7f553e964710d62a3a98e879aa"}
"""The digest of each version's table; a changed table needs a new version and a new line."""


def test_a_changed_table_has_a_new_version() -> None:
    assert DIGESTS[VERSION] == digest()
    assert max(DIGESTS) == VERSION


def test_the_published_file_is_the_table_that_is_served() -> None:
    """After a change, run `make rules`."""
    assert PUBLISHED.read_text() == published()


def test_the_published_file_can_be_run_against_code_of_ones_own() -> None:
    """As an integration would, using only the file and the names in it."""
    file = json.loads(PUBLISHED.read_text())
    assert (file["version"], file["digest"]) == (VERSION, digest())
    for case in file["cases"]:
        given = case["given"]
        facts = Facts(
            is_consent_given=given["isConsentGiven"],
            is_non_itemised_requested=given["isNonItemisedRequested"],
            preference_documents=frozenset(Document(one) for one in given["preferenceDocuments"]),
            receives_bills=given["receivesBills"],
            is_active=given["isActive"],
            has_email=given["hasEmail"],
            is_email_verified=given["isEmailVerified"],
        )
        policy = DeliveryPolicy(needs_verified_email=given["isVerifiedEmailRequired"])
        for expected in case["expected"]:
            decision = decide(Document(expected["document"]), facts, policy)
            assert expected == {
                "document": decision.document,
                "outcome": decision.outcome,
                "reason": decision.reason,
                "sections": list(decision.sections),
                "isPasswordNeeded": decision.is_password_needed,
            }


def test_the_table_holds_each_case_once() -> None:
    """All combinations for contacts that are sent mail; for others, none and all of the facts."""
    seen = [(case.facts, case.is_verified_email_required) for case in cases()]
    assert len(seen) == len(set(seen)) == 2 * 2 * 8 * 2 * 2 + 7 * 2
    assert all(len(case.decisions) == 3 for case in cases())
