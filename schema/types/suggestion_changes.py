"""Inputs and payloads of the mutations that accept and reject suggestions."""

import strawberry

from schema.base.mutation_fields import MutationPayload, dry_run, expected_version
from schema.types.customer import Customer
from schema.types.suggestion import Suggestion

CURRENT = "After the error VERSION_CONFLICT, the customer as stored; null after other errors."
VERSIONS = (
    "The versions that customers of the suggestions must have. If one has another version, nothing"
    " is changed (VERSION_CONFLICT). By default any version is accepted."
)
IDS = "The ids of the suggestions, of one or several customers; at most 100."


@strawberry.input(
    description="The suggestion to accept: its value from Companies House replaces the value that a"
    " user typed."
)
class AcceptSuggestionInput:
    id: strawberry.ID = strawberry.field(description="The id of the suggestion.")
    expected_version: int | None = expected_version("customer")
    dry_run: bool | None = dry_run()


@strawberry.type(description="The result of accepting a suggestion.")
class AcceptSuggestionPayload(MutationPayload):
    suggestion: Suggestion | None = strawberry.field(
        default=None, description="The suggestion that was accepted; null after an error."
    )
    customer: Customer | None = strawberry.field(
        default=None,
        description=f"The customer, with the suggested value in the profile. {CURRENT}",
    )


@strawberry.input(
    description="The suggestion to reject: the value that a user typed stays, and later lookups do"
    " not suggest the same value again."
)
class RejectSuggestionInput:
    id: strawberry.ID = strawberry.field(description="The id of the suggestion.")
    expected_version: int | None = expected_version("customer")
    dry_run: bool | None = dry_run()


@strawberry.type(description="The result of rejecting a suggestion.")
class RejectSuggestionPayload(MutationPayload):
    suggestion: Suggestion | None = strawberry.field(
        default=None, description="The suggestion that was rejected; null after an error."
    )
    customer: Customer | None = strawberry.field(
        default=None,
        description=f"The customer, with the value that a user typed in the profile. {CURRENT}",
    )


@strawberry.input(description="The version that one of several customers must have.")
class ExpectedCustomerVersion:
    customer_id: strawberry.ID = strawberry.field(description="The id of the customer.")
    expected_version: int = strawberry.field(description="The version that the customer must have.")


@strawberry.input(description="The suggestions to accept: all of them, or none after an error.")
class AcceptSuggestionsInput:
    ids: list[strawberry.ID] = strawberry.field(description=IDS)
    expected_versions: list[ExpectedCustomerVersion] | None = strawberry.field(
        default=None, description=VERSIONS
    )
    dry_run: bool | None = dry_run()


@strawberry.type(description="The result of accepting several suggestions.")
class AcceptSuggestionsPayload(MutationPayload):
    suggestions: list[Suggestion] = strawberry.field(
        default_factory=list,
        description="The suggestions that were accepted, in the order of the `ids`; empty after an"
        " error.",
    )
    customers: list[Customer] = strawberry.field(
        default_factory=list,
        description="The customers of the suggestions, by id, as they are now; unchanged after an"
        " error.",
    )


@strawberry.input(
    description="The suggestions to reject: all of them, or none after an error. Later lookups do"
    " not suggest the same values again."
)
class RejectSuggestionsInput:
    ids: list[strawberry.ID] = strawberry.field(description=IDS)
    expected_versions: list[ExpectedCustomerVersion] | None = strawberry.field(
        default=None, description=VERSIONS
    )
    dry_run: bool | None = dry_run()


@strawberry.type(description="The result of rejecting several suggestions.")
class RejectSuggestionsPayload(MutationPayload):
    suggestions: list[Suggestion] = strawberry.field(
        default_factory=list,
        description="The suggestions that were rejected, in the order of the `ids`; empty after an"
        " error.",
    )
    customers: list[Customer] = strawberry.field(
        default_factory=list,
        description="The customers of the suggestions, by id, as they are now; unchanged after an"
        " error.",
    )
