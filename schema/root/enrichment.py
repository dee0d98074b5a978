"""Root fields about lookups of customers at Companies House."""

from collections.abc import AsyncGenerator

import strawberry

from models.tables.access import Scope
from resolvers import enrichment as enrichment_resolvers
from schema.base.operation import operation, subscription
from schema.base.permissions import Requires
from schema.types.customer import Customer
from schema.types.enrichment import CompanyCandidate
from schema.types.enrichment_changes import (
    AcceptSuggestionPayload,
    RejectSuggestionPayload,
    RequestEnrichmentPayload,
    RestartEnrichmentsPayload,
)
from schema.types.lookup_queue import EnrichmentBacklog


@strawberry.type
class EnrichmentQuery:
    company_search: list[CompanyCandidate] | None = operation(
        enrichment_resolvers.company_search,
        Requires(Scope.CUSTOMERS_READ),
        "Companies with matching names, as Companies House lists them; nothing is stored. Each"
        " caller may search a limited number of times a minute: beyond that the field is null with"
        " the error RATE_LIMITED. While Companies House cannot be reached, it is null with"
        " COMPANIES_HOUSE_UNAVAILABLE. Both errors say in `retryAfterSeconds` how long to wait.",
    )
    enrichment_backlog: EnrichmentBacklog | None = operation(
        enrichment_resolvers.enrichment_backlog,
        Requires(Scope.CUSTOMERS_READ),
        "The lookups at Companies House that have not ended: how many there are, and an estimate of"
        " when they will have ended.",
    )


@strawberry.type
class EnrichmentMutation:
    request_enrichment: RequestEnrichmentPayload | None = operation(
        enrichment_resolvers.request_enrichment,
        Requires(Scope.ENRICHMENT_RUN),
        "Look up one customer, or all customers of a class, at Companies House. The lookups run in"
        " the background; follow one by the subscription `customerEnriched`.",
    )
    restart_enrichments: RestartEnrichmentsPayload | None = operation(
        enrichment_resolvers.restart_enrichments,
        Requires(Scope.ENRICHMENT_RUN),
        "Restart lookups that failed or found little, chosen by a filter; at most 10,000 in one"
        " request. They wait behind the lookups of single customers.",
    )
    accept_suggestion: AcceptSuggestionPayload | None = operation(
        enrichment_resolvers.accept_suggestion,
        Requires(Scope.CUSTOMERS_WRITE),
        "Replace the customer's value with the one from Companies House that was suggested.",
    )
    reject_suggestion: RejectSuggestionPayload | None = operation(
        enrichment_resolvers.reject_suggestion,
        Requires(Scope.CUSTOMERS_WRITE),
        "Keep the customer's value. The same suggestion is not made again.",
    )


@strawberry.type
class EnrichmentSubscription:
    customer_enriched: AsyncGenerator[Customer, None] = subscription(
        enrichment_resolvers.customer_enriched,
        Requires(Scope.CUSTOMERS_READ),
        "The customer, each time one of its lookups at Companies House ends, successful or not.",
    )
