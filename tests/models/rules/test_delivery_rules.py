"""The published table of delivery rules is generated from the rule, complete, and versioned."""

import json
from pathlib import Path

from models.rules.delivery import DeliveryPolicy, Facts, decide
from models.rules.delivery_rules import VERSION, cases, digest, published
from models.rules.document import Document

PUBLISHED = Path(__file__).resolve().parents[3] / "docs" / "delivery-rules.json"

DIGESTS = {1: "2dbe15bf08939573a25c17fd92b6b6d49cb5f203e36958448f92a3a879544752"}
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
            is_on_bill_list=given["isOnBillList"],
            is_active=given["isActive"],
            has_address=given["hasAddress"],
            is_address_verified=given["isAddressVerified"],
        )
        policy = DeliveryPolicy(needs_verified_address=given["isVerifiedAddressRequired"])
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
    seen = [(case.facts, case.is_verified_address_required) for case in cases()]
    assert len(seen) == len(set(seen)) == 2 * 2 * 8 * 2 * 2 + 7 * 2
    assert all(len(case.decisions) == 3 for case in cases())
