"""Top-level GraphQL errors (not `userErrors`): their codes, and what clients may see of them."""

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
    CURSOR_EXPIRED = "CURSOR_EXPIRED"
    DOCUMENT_NOT_TRUSTED = "DOCUMENT_NOT_TRUSTED"
    FORBIDDEN = "FORBIDDEN"
    FRAGMENTS_TOO_DEEP = "FRAGMENTS_TOO_DEEP"
    IDEMPOTENCY_IN_PROGRESS = "IDEMPOTENCY_IN_PROGRESS"
    IDEMPOTENCY_KEY_CONFLICT = "IDEMPOTENCY_KEY_CONFLICT"
    IDEMPOTENCY_KEY_INVALID = "IDEMPOTENCY_KEY_INVALID"
    IDEMPOTENCY_KEY_MISPLACED = "IDEMPOTENCY_KEY_MISPLACED"
    IDEMPOTENCY_KEY_REUSED = "IDEMPOTENCY_KEY_REUSED"
    IMPORT_RUNNING = "IMPORT_RUNNING"
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
"""The maximum length of an error message: graphql-core may repeat long values in messages."""


NULL_IN_WORDS = ("not to be None.", "not to be null.")
"""How messages of graphql-core end for a value of null, and how they shall end."""


class RequestRefused(GraphQLError):
    """The error of a request, or of a field, that is refused on purpose; not a bug.

    `details` are added to the error's `extensions`.
    """

    def __init__(
        self, code: ErrorCode, message: str, node: Node | None = None, **details: Any
    ) -> None:
        super().__init__(message, node, extensions={"code": code.value, **details})
        self.code = code


class ClientGone(Exception):
    """Raised if the client disconnects before its whole request arrived, or while this waits."""


def rate_limited(message: str, retry_after: int, limit: int, **details: Any) -> RequestRefused:
    """Return the error for a request that exceeds a limit of its caller; HTTP status 429.

    `retry_after` is in seconds; `limit` is the number that was exceeded.
    """
    return _retryable(
        ErrorCode.RATE_LIMITED, message, retryAfterSeconds=retry_after, limit=limit, **details
    )


def overloaded(retry_after: int, limit: int) -> RequestRefused:
    """Return the error for a request while too many of all callers wait; HTTP status 503.

    `retry_after` is in seconds; `limit` is the maximum number of waiting requests.
    """
    message = "Too many requests are waiting. Nothing was done; try again later."
    return _retryable(ErrorCode.OVERLOADED, message, retryAfterSeconds=retry_after, limit=limit)


def too_many_subscriptions(message: str, limit: int) -> RequestRefused:
    """Return the error for an operation on a WebSocket that already runs too many operations.

    `limit` is the maximum number of concurrent operations.
    """
    return _retryable(ErrorCode.TOO_MANY_SUBSCRIPTIONS, message, limit=limit)


def sign_in_unavailable(retry_after: int) -> RequestRefused:
    """Return the error for a request whose credential cannot be checked now; HTTP status 503.

    `retry_after` is in seconds.
    """
    message = "Your token cannot be checked now. Try again later."
    return _retryable(ErrorCode.SIGN_IN_UNAVAILABLE, message, retryAfterSeconds=retry_after)


def _retryable(code: ErrorCode, message: str, **details: Any) -> RequestRefused:
    return RequestRefused(code, message, retryable=True, **details)


def is_bug(error: GraphQLError) -> bool:
    """Return whether an error comes from a bug: an exception that is not a GraphQL error."""
    cause = error.original_error
    return error.path is not None and cause is not None and not isinstance(cause, GraphQLError)


def masked(request_id: str) -> tuple[str, dict[str, Any]]:
    """Return the message and `extensions` that a client gets instead of a bug's details."""
    extensions = {"code": ErrorCode.INTERNAL_ERROR.value, "requestId": request_id}
    return "An error occurred in the server. To report it, quote the `requestId`.", extensions


UNREACHABLE = "The database cannot be reached now, so nothing was done. Try again later."
UNWRITABLE = "Changes cannot be stored now, so nothing was done. Try again later."
MISFIT = (
    "The database and this service have different versions, so nothing was done. Try again later."
)
OUTCOME_UNKNOWN = (
    "The connection to the database broke while the change was stored: it may be stored or not."
    " Check the data before you try again."
)
"""Messages to clients about faults of the database."""

MESSAGES = {
    FaultKind.READ_ONLY: UNWRITABLE,
    FaultKind.FULL: UNWRITABLE,
    FaultKind.SCHEMA_MISMATCH: MISFIT,
}
"""Messages by kind of database fault; the message of all other kinds is UNREACHABLE."""


def unavailable(fault: DatabaseFault) -> tuple[str, dict[str, Any]]:
    """Return the message and `extensions` that a client gets for a fault of the database."""
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
    """Return whether an error reports a fault of the database (code UNAVAILABLE)."""
    return (error.extensions or {}).get("code") == ErrorCode.UNAVAILABLE.value


def mask_and_log(errors: list[GraphQLError], request_id: str) -> None:
    """Log errors, and replace in them, in place, everything that a client must not see.

    Refusals get a code, and are logged at level info without their messages, which may repeat
    values of the request. Database faults are logged at most once a second. Bugs are logged with
    their traceback; the client gets only the request id.
    """
    for error in errors:
        _mask_and_log(error, request_id)
    # Only after all errors were logged, as several may share a cause and its traceback.
    for error in errors:
        _forget_way(error)


def _mask_and_log(error: GraphQLError, request_id: str) -> None:
    if isinstance(error.original_error, ValidationError):
        # Tortoise refuses a value that is too long for its column; its message repeats the value.
        error.original_error = None
        error.message = "A value in the request is too long."
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
    error.message = error.message.replace(*NULL_IN_WORDS)
    if len(error.message) > MAX_MESSAGE:
        error.message = f"{error.message[:MAX_MESSAGE]}…"
    code = ErrorCode.INVALID_OPERATION if error.path is None else ErrorCode.BAD_USER_INPUT
    error.extensions = {"code": code.value, **(error.extensions or {})}
    log.info("graphql_refused", path=error.path, code=error.extensions["code"])


def _forget_way(error: GraphQLError) -> None:
    """Remove the tracebacks of an error and of its causes.

    The frames in a traceback refer to the request, which refers to the error. Without this cycle,
    the memory of the request is freed at once.
    """
    ways: list[BaseException | None] = [error]
    while ways:
        cause = ways.pop()
        if cause is not None:
            ways += [cause.__cause__, getattr(cause, "original_error", None)]
            cause.__traceback__ = cause.__context__ = None
