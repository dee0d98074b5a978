"""The kinds of operations that clients send."""

from enum import StrEnum


class OperationKind(StrEnum):
    """The kind of a GraphQL operation; the values are its keyword in a document."""

    QUERY = "query"
    MUTATION = "mutation"
    SUBSCRIPTION = "subscription"
