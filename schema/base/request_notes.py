"""Collects notes: the data for the log line of a request or operation, while it runs.

Notes have no query, variable, name or token, but only ids, counts, codes and times.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import structlog

from models.storage.statement_time import StatementTime, current_statement_time
from models.tables.access import Principal
from schema.engine.known_operations import KnownOperation
from schema.engine.spending import Spending

log = structlog.get_logger(__name__)

MAX_CODES = 10


class RequestNotes(StatementTime):
    """The data for the log line of one HTTP request, or of one operation on a WebSocket."""

    status = 0
    bytes = 0
    events = 0
    """The number of a subscription's events, or of a WebSocket's operations."""
    user_errors = 0
    wait_s = 0.0
    operation: KnownOperation | None = None
    principal: Principal | None = None
    spending: Spending | None = None
    code: int | None = None
    """The close code that the server sent on a WebSocket."""
    codes: list[str] | None = None

    def __init__(self, client: str = "") -> None:
        self.database_s = 0.0
        self.statements = 0
        self.client = client


def current_notes() -> RequestNotes | None:
    """Return the notes of the current request or operation; None outside of one, as in a job."""
    notes = current_statement_time.get()
    return notes if isinstance(notes, RequestNotes) else None


@contextmanager
def notes_of_operation(client: str, principal: Principal | None) -> Iterator[RequestNotes]:
    """Open separate notes for an operation on a WebSocket.

    At exit, the bytes of the operation are added to the notes of the connection.
    """
    notes = RequestNotes(client)
    notes.principal = principal
    connection = current_notes()
    token = current_statement_time.set(notes)
    try:
        yield notes
    finally:
        current_statement_time.reset(token)
        if connection is not None:
            connection.events += 1
            connection.bytes += notes.bytes


def note_principal(principal: Principal | None) -> None:
    """Record, for the log line, who has signed in."""
    notes = current_statement_time.get()
    if isinstance(notes, RequestNotes):
        notes.principal = principal


def note_operation(operation: KnownOperation) -> None:
    """Record, for the log line, which operation is executed."""
    notes = current_statement_time.get()
    if isinstance(notes, RequestNotes):
        notes.operation = operation


def note_spending(spending: Spending) -> None:
    """Record, for the log line, the cost of the operation."""
    notes = current_statement_time.get()
    if isinstance(notes, RequestNotes):
        notes.spending = spending


def note_errors(errors: Iterable[Mapping[str, Any]]) -> None:
    """Record, for the log line, the distinct error codes in an answer, at most MAX_CODES."""
    notes = current_statement_time.get()
    if not isinstance(notes, RequestNotes):
        return
    codes = notes.codes = notes.codes or []
    for error in errors:
        code = str((error.get("extensions") or {}).get("code", "UNKNOWN"))
        if code not in codes and len(codes) < MAX_CODES:
            codes.append(code)


def note_user_errors(count: int) -> None:
    """Count, for the log line, the user errors that a mutation returns."""
    notes = current_statement_time.get()
    if isinstance(notes, RequestNotes):
        notes.user_errors += count


def note_subscription() -> None:
    """Log that a subscription starts; its regular log line is written only when it ends."""
    notes = current_notes()
    if notes is not None and notes.operation is not None:
        name, _, document = notes.operation.label
        log.info("subscription_started", operation=name, document=document)


def note_wait(seconds: float) -> None:
    """Count, for the log line, the seconds that the operation waited for a slot."""
    notes = current_statement_time.get()
    if isinstance(notes, RequestNotes):
        notes.wait_s += seconds
