"""Root fields about customers' consent, the consent ledger and evidence."""

import strawberry

from models.tables.access import Scope
from resolvers import consent as consent_resolvers
from schema.base.operation import operation
from schema.base.permissions import Requires
from schema.types.advisory import ConsentAdvisoryCount
from schema.types.bulk_changes import RecordConsentsPayload
from schema.types.consent_changes import (
    CorrectConsentPayload,
    RecordConsentPayload,
    RequestNonItemisedBillsPayload,
    WithdrawConsentPayload,
    WithdrawNonItemisedBillsRequestPayload,
)
from schema.types.consent_evidence import ConsentEvidence, LedgerVerification


@strawberry.type
class ConsentQuery:
    consent_evidence: ConsentEvidence | None = operation(
        consent_resolvers.consent_evidence,
        Requires(Scope.CONSENT_READ),
        "The evidence of a customer's consent: who gave consent, when and how, what they were told,"
        " and when consent was withdrawn. Null if there is no such customer.",
    )
    verify_consent_ledger: LedgerVerification | None = operation(
        consent_resolvers.verify_consent_ledger,
        Requires(Scope.CONSENT_READ),
        "The result of checking the hash chain of a customer's consent ledger, with each place"
        " where it is broken. Null if there is no such customer.",
    )
    consent_advisory_counts: list[ConsentAdvisoryCount] | None = operation(
        consent_resolvers.consent_advisory_counts,
        Requires(Scope.CUSTOMERS_READ),
        "The number of customers with each advisory on consent. The query `customers` lists them by"
        " its filter `advisories`.",
    )


@strawberry.type
class ConsentMutation:
    record_consent: RecordConsentPayload | None = operation(
        consent_resolvers.record_consent,
        Requires(Scope.CONSENT_WRITE),
        "Record that a customer gave or renewed consent, with the evidence for it.",
    )
    record_consents: RecordConsentsPayload | None = operation(
        consent_resolvers.record_many_consents,
        Requires(Scope.CONSENT_WRITE),
        "Record the consents of up to 200 customers in one transaction.",
    )
    withdraw_consent: WithdrawConsentPayload | None = operation(
        consent_resolvers.withdraw_consent,
        Requires(Scope.CONSENT_WRITE),
        "Record that a customer withdrew consent. This is possible at any time, and needs no"
        " evidence.",
    )
    correct_consent: CorrectConsentPayload | None = operation(
        consent_resolvers.correct_consent,
        Requires(Scope.CONSENT_WRITE),
        "Correct a wrong entry in a customer's consent ledger by adding an entry that replaces or"
        " annuls it. Both entries stay in the ledger.",
    )
    request_non_itemised_bills: RequestNonItemisedBillsPayload | None = operation(
        consent_resolvers.request_non_itemised_bills,
        Requires(Scope.CONSENT_WRITE),
        "Record that a customer requests bills without a list of calls. The request overrides"
        " consent and contacts' attachment preferences.",
    )
    withdraw_non_itemised_bills_request: WithdrawNonItemisedBillsRequestPayload | None = operation(
        consent_resolvers.withdraw_non_itemised_bills_request,
        Requires(Scope.CONSENT_WRITE),
        "Record that a customer withdraws the request for bills without a list of calls.",
    )
