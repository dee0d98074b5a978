"""Root fields about lookups of customers at Companies House."""

from collections.abc import AsyncGenerator

import strawberry

from models.tables.access import Scope
from resolvers import company_search as company_search_resolvers
from resolvers import enrichment as enrichment_resolvers
from resolvers import node as node_resolvers
from resolvers import subscription as subscription_resolvers
from resolvers import suggestion as suggestion_resolvers
from schema.base.operation import operation, subscription
from schema.base.permissions import Requires
from schema.types.company_candidate import CompanyCandidate
from schema.types.customer import Customer
from schema.types.enrichment import EnrichmentRun
from schema.types.enrichment_changes import RequestEnrichmentPayload, RestartEnrichmentsPayload
from schema.types.lookup_queue import EnrichmentBacklog
from schema.types.suggestion import Suggestion
from schema.types.suggestion_changes import (
    AcceptSuggestionPayload,
    AcceptSuggestionsPayload,
    RejectSuggestionPayload,
    RejectSuggestionsPayload,
)


@strawberry.type
class EnrichmentQuery:
    company_search: list[CompanyCandidate] | None = operation(
        company_search_resolvers.company_search,
        Requires(Scope.CUSTOMERS_READ),
        "Companies with matching names, as Companies House lists them, best match first; no"
        " customer changes. It serves a text box that suggests companies: send the text when the"
        " user pauses for about 300 ms, from 2 characters on. The answer to the same text is"
        " remembered for you for five minutes and is then free of the limit. Other searches are"
        " limited for each caller to a number a minute: beyond it the field is null with the error"
        " RATE_LIMITED. While Companies House cannot be reached, it is null with"
        " COMPANIES_HOUSE_UNAVAILABLE. Both errors say in `retryAfterSeconds` how long to wait.",
    )
    enrichment_run: EnrichmentRun | None = operation(
        node_resolvers.enrichment_run,
        Requires(Scope.CUSTOMERS_READ),
        "One lookup at Companies House by its id; null if there is none that you may see.",
    )
    suggestion: Suggestion | None = operation(
        node_resolvers.suggestion,
        Requires(Scope.CUSTOMERS_READ),
        "One suggestion by its id, open or decided; null if there is none that you may see.",
    )
    enrichment_backlog: EnrichmentBacklog | None = operation(
        enrichment_resolvers.enrichment_backlog,
        Requires(Scope.CUSTOMERS_READ),
        "The lookups at Companies House that have not ended: their number, and an estimate of when"
        " all of them will have ended.",
    )


@strawberry.type
class EnrichmentMutation:
    request_enrichment: RequestEnrichmentPayload | None = operation(
        enrichment_resolvers.request_enrichment,
        Requires(Scope.ENRICHMENT_RUN),
        "Look up one customer, or all customers of a class, at Companies House. The lookups run in"
        " the background; the subscription `customerEnriched` tells when a customer's lookup ends.",
    )
    restart_enrichments: RestartEnrichmentsPayload | None = operation(
        enrichment_resolvers.restart_enrichments,
        Requires(Scope.ENRICHMENT_RUN),
        "Restart lookups that failed or found little, chosen by a filter; at most 10,000 in one"
        " request. They wait behind the lookups of single customers.",
    )
    accept_suggestion: AcceptSuggestionPayload | None = operation(
        suggestion_resolvers.accept_suggestion,
        Requires(Scope.CUSTOMERS_WRITE),
        "Accept a suggestion: replace a value that a user typed in a customer's company profile"
        " with the value from Companies House.",
    )
    reject_suggestion: RejectSuggestionPayload | None = operation(
        suggestion_resolvers.reject_suggestion,
        Requires(Scope.CUSTOMERS_WRITE),
        "Reject a suggestion: keep the value that a user typed in a customer's company profile."
        " Later lookups do not suggest the same value again.",
    )
    accept_suggestions: AcceptSuggestionsPayload | None = operation(
        suggestion_resolvers.accept_suggestions,
        Requires(Scope.CUSTOMERS_WRITE),
        "Accept several suggestions at once, of one or several customers: all of them, or none if"
        " one is refused.",
    )
    reject_suggestions: RejectSuggestionsPayload | None = operation(
        suggestion_resolvers.reject_suggestions,
        Requires(Scope.CUSTOMERS_WRITE),
        "Reject several suggestions at once, of one or several customers: all of them, or none if"
        " one is refused.",
    )


@strawberry.type
class EnrichmentSubscription:
    customer_enriched: AsyncGenerator[Customer | None, None] = subscription(
        subscription_resolvers.customer_enriched,
        Requires(Scope.CUSTOMERS_READ),
        "The customer, each time one of its lookups at Companies House ends, successful or not."
        " One operation can follow many customers.",
    )
