"""Failures as clients see them: refusals with a code, bugs masked behind a request id."""

from enum import StrEnum, unique
from typing import Any

import structlog
from graphql import GraphQLError, Node
from tortoise.exceptions import ValidationError

from models.storage.database_faults import DatabaseFault, FaultKind
from models.storage.fault_log import FAULTS

log = structlog.get_logger(__name__)


@unique
class ErrorCode(StrEnum):
    """The codes that top-level errors carry in `extensions.code`."""

    BAD_REQUEST = "BAD_REQUEST"
    BAD_USER_INPUT = "BAD_USER_INPUT"
    COMPANIES_HOUSE_UNAVAILABLE = "COMPANIES_HOUSE_UNAVAILABLE"
    DOCUMENT_NOT_TRUSTED = "DOCUMENT_NOT_TRUSTED"
    FORBIDDEN = "FORBIDDEN"
    FRAGMENTS_TOO_DEEP = "FRAGMENTS_TOO_DEEP"
    INTERNAL_ERROR = "INTERNAL_ERROR"
    INTROSPECTION_DISABLED = "INTROSPECTION_DISABLED"
    INVALID_OPERATION = "INVALID_OPERATION"
    LIST_TOO_LONG = "LIST_TOO_LONG"
    NOT_FOUND = "NOT_FOUND"
    OVERLOADED = "OVERLOADED"
    PERSISTED_QUERY_NOT_FOUND = "PERSISTED_QUERY_NOT_FOUND"
    QUERY_TOO_COSTLY = "QUERY_TOO_COSTLY"
    QUERY_TOO_DEEP = "QUERY_TOO_DEEP"
    RATE_LIMITED = "RATE_LIMITED"
    REQUEST_TOO_LARGE = "REQUEST_TOO_LARGE"
    SELECTION_TOO_WIDE = "SELECTION_TOO_WIDE"
    SIGN_IN_UNAVAILABLE = "SIGN_IN_UNAVAILABLE"
    TIMEOUT = "TIMEOUT"
    TOO_MANY_ALIASES = "TOO_MANY_ALIASES"
    TOO_MANY_COMPARISONS = "TOO_MANY_COMPARISONS"
    TOO_MANY_DIRECTIVES = "TOO_MANY_DIRECTIVES"
    TOO_MANY_FIELDS = "TOO_MANY_FIELDS"
    TOO_MANY_ROOT_FIELDS = "TOO_MANY_ROOT_FIELDS"
    TOO_MANY_SUBSCRIPTIONS = "TOO_MANY_SUBSCRIPTIONS"
    TOO_MANY_TOKENS = "TOO_MANY_TOKENS"
    UNAUTHENTICATED = "UNAUTHENTICATED"
    UNAVAILABLE = "UNAVAILABLE"
    VALUE_TOO_DEEP = "VALUE_TOO_DEEP"
    VARIABLES_TOO_LARGE = "VARIABLES_TOO_LARGE"


MAX_MESSAGE = 500
"""graphql-core repeats names and values of a request, however long, in what it says of them."""


class RequestRefused(GraphQLError):
    """A request, or a field of it, was refused; the client's doing, not the program's."""

    def __init__(
        self, code: ErrorCode, message: str, node: Node | None = None, **details: Any
    ) -> None:
        super().__init__(message, node, extensions={"code": code.value, **details})
        self.code = code


class ClientGone(Exception):
    """The client hung up before it had sent all, or while the request waited for its turn."""


def rate_limited(message: str, retry_after: int, limit: int, **details: Any) -> RequestRefused:
    """Refuse what exceeds a caller's own limit; the same form everywhere, over HTTP with 429."""
    return _retryable(
        ErrorCode.RATE_LIMITED, message, retryAfterSeconds=retry_after, limit=limit, **details
    )


def overloaded(retry_after: int, limit: int) -> RequestRefused:
    """Refuse a request because too many of all callers are waiting; over HTTP with 503."""
    message = "Too many requests are waiting; nothing was done. Try again later."
    return _retryable(ErrorCode.OVERLOADED, message, retryAfterSeconds=retry_after, limit=limit)


def too_many_subscriptions(message: str, limit: int) -> RequestRefused:
    """Refuse an operation of a WebSocket until another one has ended; nobody knows when."""
    return _retryable(ErrorCode.TOO_MANY_SUBSCRIPTIONS, message, limit=limit)


def sign_in_unavailable(retry_after: int) -> RequestRefused:
    """Refuse because the credential can't be checked at present; over HTTP with 503."""
    message = "Your token can't be checked now; try again later."
    return _retryable(ErrorCode.SIGN_IN_UNAVAILABLE, message, retryAfterSeconds=retry_after)


def _retryable(code: ErrorCode, message: str, **details: Any) -> RequestRefused:
    return RequestRefused(code, message, retryable=True, **details)


def is_bug(error: GraphQLError) -> bool:
    """Tell whether an error comes from the program rather than from the request."""
    cause = error.original_error
    return error.path is not None and cause is not None and not isinstance(cause, GraphQLError)


def masked(request_id: str) -> tuple[str, dict[str, Any]]:
    """Give message and extensions of a bug, as far as a client may see it."""
    extensions = {"code": ErrorCode.INTERNAL_ERROR.value, "requestId": request_id}
    return "Something went wrong on our side; quote the requestId.", extensions


UNREACHABLE = "The data can't be reached now, so this was not done. Try again later."
UNWRITABLE = "Changes can't be stored now, so this was not done. Try again later."
MISFIT = (
    "The database is of another version than this service, so this was not done. Try again later."
)
OUTCOME_UNKNOWN = (
    "The database was lost before it could say how the change ended: it may be stored or not. Look"
    " at the data before you try again."
)
"""Messages of faults of the database."""

MESSAGES = {
    FaultKind.READ_ONLY: UNWRITABLE,
    FaultKind.FULL: UNWRITABLE,
    FaultKind.SCHEMA_MISMATCH: MISFIT,
}
"""Messages by the kind of the fault; those of all other kinds say that no data can be reached."""


def unavailable(fault: DatabaseFault) -> tuple[str, dict[str, Any]]:
    """Return message and extensions of a fault of the database, as clients see it."""
    message = MESSAGES.get(fault.kind, UNREACHABLE)
    extensions: dict[str, Any] = {
        "code": ErrorCode.UNAVAILABLE.value,
        "reason": fault.kind.value,
        "retryable": True,
        "retryAfterSeconds": fault.retry_after,
    }
    if fault.is_outcome_unknown:
        return OUTCOME_UNKNOWN, {**extensions, "outcomeUnknown": True}
    return message, extensions


def is_unavailable(error: GraphQLError) -> bool:
    """Tell whether an error says that the database could not serve the operation."""
    return (error.extensions or {}).get("code") == ErrorCode.UNAVAILABLE.value


def settle(errors: list[GraphQLError], request_id: str) -> None:
    """Log errors, and make them what a client may see.

    Refusals are logged quietly and get a code; faults of the database are logged in one line a
    second; bugs are logged with their traceback and hidden behind the request id. No message of a
    client's is logged.
    """
    for error in errors:
        _settle(error, request_id)
    # Several may have one cause.
    for error in errors:
        _forget_way(error)


def _settle(error: GraphQLError, request_id: str) -> None:
    if isinstance(error.original_error, ValidationError):
        # The ORM refuses to look for what no column could hold; its message repeats the value.
        error.original_error = None
        error.message = "A value is longer than anything of its kind can be."
    cause = error.original_error
    fault = FAULTS.fault_of(cause) if cause is not None else None
    if fault is not None:
        FAULTS.note(fault, "graphql")
        error.message, error.extensions = unavailable(fault)
        return
    if is_bug(error):
        log.error("graphql_bug", path=error.path, exc_info=error.original_error)
        error.message, error.extensions = masked(request_id)
        return
    if len(error.message) > MAX_MESSAGE:
        error.message = f"{error.message[:MAX_MESSAGE]}…"
    code = ErrorCode.INVALID_OPERATION if error.path is None else ErrorCode.BAD_USER_INPUT
    error.extensions = {"code": code.value, **(error.extensions or {})}
    log.info("graphql_refused", path=error.path, code=error.extensions["code"])


def _forget_way(error: GraphQLError) -> None:
    """Drop tracebacks: they lead to the request, which keeps the error, and so itself, alive."""
    ways: list[BaseException | None] = [error]
    while ways:
        cause = ways.pop()
        if cause is not None:
            ways += [cause.__cause__, getattr(cause, "original_error", None)]
            cause.__traceback__ = cause.__context__ = None
