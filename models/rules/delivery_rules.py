"""Generates the table of all cases of the delivery rule, with their outcomes. PURE.

Clients can query the table, and integrators can test their own code with the published file
`docs/delivery-rules.json`. `VERSION` increases with each change of the table; a test compares it
with the table's digest.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import chain, combinations, product

from models.rules.delivery import (
    PREFERENCE_RELEASES,
    Decision,
    DeliveryPolicy,
    Facts,
    decide,
)
from models.rules.document import Document

VERSION = 1

_BOTH = (False, True)
_SETS = tuple(
    frozenset(chosen)
    for chosen in chain.from_iterable(
        combinations(Document, size) for size in range(len(Document) + 1)
    )
)


@dataclass(frozen=True, slots=True)
class Case:
    """One row of the table: the facts, and the decision for each document."""

    facts: Facts
    is_verified_email_required: bool
    decisions: tuple[Decision, ...]

    def as_record(self) -> dict[str, object]:
        """Return the case as JSON values, with the field names of the GraphQL API."""
        facts = self.facts
        return {
            "given": {
                "isConsentGiven": facts.is_consent_given,
                "isNonItemisedRequested": facts.is_non_itemised_requested,
                "preferenceDocuments": in_order(facts.preference_documents),
                "receivesBills": facts.receives_bills,
                "isActive": facts.is_active,
                "hasEmail": facts.has_email,
                "isEmailVerified": facts.is_email_verified,
                "isVerifiedEmailRequired": self.is_verified_email_required,
            },
            "expected": [
                {
                    "document": decision.document,
                    "outcome": decision.outcome,
                    "reason": decision.reason,
                    "sections": list(decision.sections),
                    "isPasswordNeeded": decision.is_password_needed,
                }
                for decision in self.decisions
            ],
        }


@cache
def cases() -> tuple[Case, ...]:
    """Return the table of cases.

    It has all combinations of facts with which the contact is sent documents. If nothing is sent,
    consent, preference and verification make no difference; so for each reason why nothing is sent
    there are only two cases: with all three, and with none.
    """
    return tuple(
        Case(
            facts,
            is_required,
            tuple(
                decide(document, facts, DeliveryPolicy(PREFERENCE_RELEASES, is_required))
                for document in Document
            ),
        )
        for facts, is_required in chain(_addressed(), _not_addressed())
    )


@cache
def digest() -> str:
    """Return the SHA-256 of the table of cases, in hexadecimal."""
    table = [case.as_record() for case in cases()]
    canonical = json.dumps(table, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def published() -> str:
    """Return the content of `docs/delivery-rules.json`, with one case on each line."""
    lines = ",\n".join(f"    {json.dumps(case.as_record())}" for case in cases())
    return (
        f'{{\n  "version": {VERSION},\n  "digest": "{digest()}",\n  "cases": [\n{lines}\n  ]\n}}\n'
    )


def in_order(documents: frozenset[Document]) -> list[Document]:
    """Return the documents in the order of the `Document` enum."""
    return [document for document in Document if document in documents]


def _addressed() -> Iterator[tuple[Facts, bool]]:
    for consent, requested, documents, verified, required in product(
        _BOTH, _BOTH, _SETS, _BOTH, _BOTH
    ):
        facts = Facts(
            is_consent_given=consent,
            is_non_itemised_requested=requested,
            preference_documents=documents,
            is_email_verified=verified,
        )
        yield facts, required


def _not_addressed() -> Iterator[tuple[Facts, bool]]:
    for listed, active, address in product(_BOTH, _BOTH, _BOTH):
        if listed and active and address:
            continue
        for has_all in _BOTH:
            facts = Facts(
                is_consent_given=has_all,
                preference_documents=frozenset(Document) if has_all else frozenset(),
                receives_bills=listed,
                is_active=active,
                has_email=address,
                is_email_verified=has_all and address,
            )
            yield facts, False
