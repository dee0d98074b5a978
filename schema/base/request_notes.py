"""Collects the data for the log line of a request or operation while it runs.

Notes hold no query, variable, name or token: only ids, counts, codes and times.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import structlog

from models.storage.statement_time import StatementTime, noting
from models.tables.access import Principal
from schema.engine.known_operations import KnownOperation
from schema.engine.spending import Spending

log = structlog.get_logger(__name__)

MAX_CODES = 10


class RequestNotes(StatementTime):
    """Notes of one HTTP request, or of one operation of a WebSocket."""

    status = 0
    bytes = 0
    events = 0
    """Number of events of a subscription, or of operations of a WebSocket."""
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


def noted() -> RequestNotes | None:
    """Return the notes of the current request or operation; None outside of one, as in a job."""
    notes = noting.get()
    return notes if isinstance(notes, RequestNotes) else None


@contextmanager
def notes_of_operation(client: str, principal: Principal | None) -> Iterator[RequestNotes]:
    """Open separate notes for an operation of a WebSocket.

    At exit, its bytes are added to the notes of the connection.
    """
    notes = RequestNotes(client)
    notes.principal = principal
    connection = noted()
    token = noting.set(notes)
    try:
        yield notes
    finally:
        noting.reset(token)
        if connection is not None:
            connection.events += 1
            connection.bytes += notes.bytes


def note_principal(principal: Principal | None) -> None:
    """Note the principal who has signed in."""
    notes = noting.get()
    if isinstance(notes, RequestNotes):
        notes.principal = principal


def note_operation(operation: KnownOperation) -> None:
    """Note the operation that is executed."""
    notes = noting.get()
    if isinstance(notes, RequestNotes):
        notes.operation = operation


def note_spending(spending: Spending) -> None:
    """Note the cost of the operation."""
    notes = noting.get()
    if isinstance(notes, RequestNotes):
        notes.spending = spending


def note_errors(errors: Iterable[Mapping[str, Any]]) -> None:
    """Note the distinct codes of the errors in an answer, at most MAX_CODES."""
    notes = noting.get()
    if not isinstance(notes, RequestNotes):
        return
    codes = notes.codes = notes.codes or []
    for error in errors:
        code = str((error.get("extensions") or {}).get("code", "UNKNOWN"))
        if code not in codes and len(codes) < MAX_CODES:
            codes.append(code)


def note_user_errors(count: int) -> None:
    """Add the number of user errors that a mutation returns."""
    notes = noting.get()
    if isinstance(notes, RequestNotes):
        notes.user_errors += count


def note_subscription() -> None:
    """Log the start of a subscription, whose regular log line is written only when it ends."""
    notes = noted()
    if notes is not None and notes.operation is not None:
        name, _, document = notes.operation.label
        log.info("subscription_started", operation=name, document=document)


def note_wait(seconds: float) -> None:
    """Add seconds that the operation waited for a slot."""
    notes = noting.get()
    if isinstance(notes, RequestNotes):
        notes.wait_s += seconds
