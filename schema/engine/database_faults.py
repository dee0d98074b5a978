"""Reports a fault of the database in the result of an operation."""

from graphql import GraphQLError
from strawberry.types.execution import ExecutionResult

from schema.base.errors import OUTCOME_UNKNOWN, is_unavailable


def report_database_fault(result: ExecutionResult, *, is_mutation: bool) -> None:
    """Change the result of an operation, in place, if a fault of the database occurred.

    The result of a query then has no data, and a single error. Mutations before the fault are
    stored, so their payloads stay in the result. If the fault occurred while a payload was read,
    the error says that the mutation may be stored.
    """
    errors = [error for error in result.errors or () if is_unavailable(error)]
    if not is_mutation:
        result.data = None
        result.errors = [GraphQLError(errors[0].message, extensions=errors[0].extensions)]
        return
    for error in errors:
        if error.path is not None and len(error.path) > 1:
            error.message = OUTCOME_UNKNOWN
            error.extensions = {**(error.extensions or {}), "outcomeUnknown": True}
