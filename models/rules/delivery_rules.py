"""The delivery rules as a table: cases and outcomes, made from the rule itself. PURE.

It is what clients are served, and what is published for integrations to run against code of their
own. `VERSION` rises with each change of the table; a test holds it to the table's digest.
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
    """One line of the table: what is the case, and what happens to each document."""

    facts: Facts
    is_verified_address_required: bool
    decisions: tuple[Decision, ...]

    def as_record(self) -> dict[str, object]:
        """Give the case under the names that clients know, for JSON."""
        facts = self.facts
        return {
            "given": {
                "isConsentGiven": facts.is_consent_given,
                "isNonItemisedRequested": facts.is_non_itemised_requested,
                "preferenceDocuments": in_order(facts.preference_documents),
                "isOnBillList": facts.is_on_bill_list,
                "isActive": facts.is_active,
                "hasAddress": facts.has_address,
                "isAddressVerified": facts.is_address_verified,
                "isVerifiedAddressRequired": self.is_verified_address_required,
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
    """Give every case of a contact who is sent something, and the ends of every other.

    Where nothing is sent, the remaining facts make no difference: such cases are there once with
    none of them and once with all.
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
    """Give the SHA-256 of the table, in hexadecimal."""
    table = [case.as_record() for case in cases()]
    canonical = json.dumps(table, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def published() -> str:
    """Write the table as the JSON file that is published: a case a line."""
    lines = ",\n".join(f"    {json.dumps(case.as_record())}" for case in cases())
    return (
        f'{{\n  "version": {VERSION},\n  "digest": "{digest()}",\n  "cases": [\n{lines}\n  ]\n}}\n'
    )


def in_order(documents: frozenset[Document]) -> list[Document]:
    """List documents in the order in which they are always named."""
    return [document for document in Document if document in documents]


def _addressed() -> Iterator[tuple[Facts, bool]]:
    for consent, requested, documents, verified, required in product(
        _BOTH, _BOTH, _SETS, _BOTH, _BOTH
    ):
        facts = Facts(
            is_consent_given=consent,
            is_non_itemised_requested=requested,
            preference_documents=documents,
            is_address_verified=verified,
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
                is_on_bill_list=listed,
                is_active=active,
                has_address=address,
                is_address_verified=has_all and address,
            )
            yield facts, False
