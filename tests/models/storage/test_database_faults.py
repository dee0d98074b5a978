"""Which exceptions are faults of the database, and which are bugs or refusals."""

import errno
import socket
import sqlite3
import ssl

import asyncpg
import pytest
from tortoise.exceptions import (
    DBConnectionError,
    IntegrityError,
    OperationalError,
    TransactionManagementError,
)

from models.storage.database_faults import (
    DatabaseFault,
    DatabaseUnavailable,
    FaultKind,
    fault_of,
    lost_in_commit,
)


def postgres(state: str) -> Exception:
    """Return the exception that the driver raises for a SQLSTATE."""
    error: Exception = asyncpg.PostgresError.new({"C": state, "M": "what the server says"})
    return error


def sqlite(name: str, kind: type[sqlite3.Error] = sqlite3.OperationalError) -> sqlite3.Error:
    """Return the exception that the driver raises for a result code."""
    error = kind("what SQLite says")
    error.sqlite_errorname = name
    return error


def caused(error: Exception, cause: BaseException) -> Exception:
    """Return an exception with its `__cause__` set."""
    error.__cause__ = cause
    return error


REFUSED = ConnectionRefusedError(errno.ECONNREFUSED, "Connect call failed ('127.0.0.1', 5432)")

FAULTS: list[tuple[Exception, FaultKind, str]] = [
    # The server is down, restarts, or closed the connection.
    (postgres("08000"), FaultKind.LOST, "08000"),
    (postgres("08003"), FaultKind.LOST, "08003"),
    (postgres("08006"), FaultKind.LOST, "08006"),
    (postgres("08P01"), FaultKind.LOST, "08P01"),
    (postgres("57P01"), FaultKind.LOST, "57P01"),
    (postgres("57P02"), FaultKind.LOST, "57P02"),
    (postgres("57P03"), FaultKind.LOST, "57P03"),
    (postgres("57P05"), FaultKind.LOST, "57P05"),
    (postgres("25P03"), FaultKind.LOST, "25P03"),
    (postgres("55000"), FaultKind.LOST, "55000"),  # the database accepts no connections
    (REFUSED, FaultKind.LOST, "ECONNREFUSED"),
    (ConnectionResetError(errno.ECONNRESET, "reset"), FaultKind.LOST, "ECONNRESET"),
    (BrokenPipeError(errno.EPIPE, "broken"), FaultKind.LOST, "EPIPE"),
    (ConnectionResetError(), FaultKind.LOST, "ConnectionResetError"),
    (OSError(errno.EHOSTUNREACH, "no route"), FaultKind.LOST, "EHOSTUNREACH"),
    (FileNotFoundError(errno.ENOENT, "no socket"), FaultKind.LOST, "ENOENT"),
    (OSError("Multiple exceptions: Connect call failed"), FaultKind.LOST, "OSError"),
    (socket.gaierror(socket.EAI_NONAME, "no name"), FaultKind.LOST, "gaierror"),
    (ssl.SSLEOFError(), FaultKind.LOST, "SSLEOFError"),
    (asyncpg.InterfaceError("connection is closed"), FaultKind.LOST, "InterfaceError"),
    (asyncpg.InterfaceError("pool is closing"), FaultKind.LOST, "InterfaceError"),
    (
        asyncpg.InternalClientError("cannot switch to state 11; another operation (2) is …"),
        FaultKind.LOST,
        "InternalClientError",
    ),
    (ValueError("no active connection"), FaultKind.LOST, "SQLITE_MISUSE"),
    (sqlite("SQLITE_CANTOPEN"), FaultKind.LOST, "SQLITE_CANTOPEN"),
    (
        sqlite3.ProgrammingError("Cannot operate on a closed database."),
        FaultKind.LOST,
        "SQLITE_MISUSE",
    ),
    # It refuses the login.
    (postgres("28P01"), FaultKind.REFUSED, "28P01"),
    (postgres("3D000"), FaultKind.REFUSED, "3D000"),
    (postgres("57P04"), FaultKind.REFUSED, "57P04"),
    # A resource of the server is exhausted.
    (postgres("53000"), FaultKind.OVERLOADED, "53000"),
    (postgres("53200"), FaultKind.OVERLOADED, "53200"),
    (postgres("53300"), FaultKind.OVERLOADED, "53300"),
    (postgres("53100"), FaultKind.FULL, "53100"),
    (sqlite("SQLITE_FULL"), FaultKind.FULL, "SQLITE_FULL"),
    (sqlite("SQLITE_NOMEM"), FaultKind.OVERLOADED, "SQLITE_NOMEM"),
    (OSError(errno.EMFILE, "too many files"), FaultKind.OVERLOADED, "EMFILE"),
    # It refuses writes.
    (postgres("25006"), FaultKind.READ_ONLY, "25006"),
    (postgres("42501"), FaultKind.READ_ONLY, "42501"),
    (sqlite("SQLITE_READONLY"), FaultKind.READ_ONLY, "SQLITE_READONLY"),
    (sqlite("SQLITE_READONLY_DBMOVED"), FaultKind.READ_ONLY, "SQLITE_READONLY_DBMOVED"),
    (sqlite("SQLITE_READONLY_DIRECTORY"), FaultKind.READ_ONLY, "SQLITE_READONLY_DIRECTORY"),
    # Other transactions block it.
    (postgres("40001"), FaultKind.LOCKED, "40001"),
    (postgres("40P01"), FaultKind.LOCKED, "40P01"),
    (postgres("55P03"), FaultKind.LOCKED, "55P03"),
    (sqlite("SQLITE_BUSY"), FaultKind.LOCKED, "SQLITE_BUSY"),
    (sqlite("SQLITE_BUSY_SNAPSHOT"), FaultKind.LOCKED, "SQLITE_BUSY_SNAPSHOT"),
    (sqlite("SQLITE_LOCKED"), FaultKind.LOCKED, "SQLITE_LOCKED"),
    # It took too long.
    (postgres("57014"), FaultKind.TIMEOUT, "57014"),
    (postgres("25P04"), FaultKind.TIMEOUT, "25P04"),
    (TimeoutError(), FaultKind.TIMEOUT, "ETIMEDOUT"),
    # Its files are damaged.
    (postgres("58030"), FaultKind.DAMAGED, "58030"),
    (postgres("XX001"), FaultKind.DAMAGED, "XX001"),
    (sqlite("SQLITE_IOERR_WRITE"), FaultKind.DAMAGED, "SQLITE_IOERR_WRITE"),
    (sqlite("SQLITE_CORRUPT", sqlite3.DatabaseError), FaultKind.DAMAGED, "SQLITE_CORRUPT"),
    (sqlite("SQLITE_NOTADB", sqlite3.DatabaseError), FaultKind.DAMAGED, "SQLITE_NOTADB"),
    # As Tortoise wraps them.
    (OperationalError(sqlite("SQLITE_BUSY")), FaultKind.LOCKED, "SQLITE_BUSY"),
    (TransactionManagementError(sqlite("SQLITE_FULL")), FaultKind.FULL, "SQLITE_FULL"),
    (OperationalError(postgres("57P01")), FaultKind.LOST, "57P01"),
    (caused(DBConnectionError("no database"), postgres("3D000")), FaultKind.REFUSED, "3D000"),
]

BUGS: list[Exception] = [
    RuntimeError("a bug"),
    KeyError("closed"),
    ValueError("connection is closed"),
    postgres("42601"),  # a statement with a fault in its syntax
    postgres("42P01"),  # a table that does not exist
    postgres("42703"),
    postgres("22P02"),
    postgres("23505"),
    postgres("25P02"),
    postgres("P0001"),
    postgres("XX000"),
    sqlite("SQLITE_ERROR"),
    sqlite("SQLITE_MISUSE"),
    sqlite("SQLITE_TOOBIG"),
    sqlite("SQLITE_CONSTRAINT_UNIQUE", sqlite3.IntegrityError),
    OperationalError(sqlite("SQLITE_ERROR")),
    IntegrityError(postgres("23505")),
    TransactionManagementError("Transaction already finalised"),
    asyncpg.InterfaceError("cannot perform operation: another operation is in progress"),
    asyncpg.InternalClientError("got result for unknown protocol state 3"),
    sqlite3.ProgrammingError("Incorrect number of bindings supplied."),
    IsADirectoryError(errno.EISDIR, "a folder"),
]


@pytest.mark.parametrize(("error", "kind", "code"), FAULTS, ids=lambda one: repr(one)[:60])
def test_a_fault_is_told_by_its_kind_and_code(error: Exception, kind: FaultKind, code: str) -> None:
    fault = fault_of(error)
    assert fault is not None
    assert (fault.kind, fault.code) == (kind, code)
    assert 1 <= fault.retry_after <= 60
    assert fault_of(DatabaseUnavailable(fault)) == fault


@pytest.mark.parametrize("error", BUGS, ids=lambda one: repr(one)[:60])
def test_a_bug_or_a_refusal_is_no_fault(error: Exception) -> None:
    assert fault_of(error) is None


def test_another_service_that_does_not_answer_is_no_fault_of_the_database() -> None:
    class ClientConnectorError(OSError):
        """An error class as defined by HTTP and SMTP libraries."""

    assert fault_of(ClientConnectorError(errno.ECONNREFUSED, "refused")) is None


def test_what_an_exception_was_raised_beside_does_not_count() -> None:
    """An error raised while handling a fault is a bug."""
    bug = KeyError("name")
    bug.__context__ = REFUSED
    assert fault_of(bug) is None


def test_causes_that_go_in_circles_are_looked_at_once() -> None:
    first, second = RuntimeError(), RuntimeError()
    first.__cause__, second.__cause__ = second, first
    assert fault_of(first) is None


COMMITS: list[tuple[Exception, bool]] = [
    (postgres("08003"), True),  # the connection ended during COMMIT
    (postgres("57P01"), True),  # the server was stopped, perhaps after it had committed
    (postgres("40003"), True),
    (ConnectionResetError(errno.ECONNRESET, "reset"), True),
    (TimeoutError(), True),
    (sqlite("SQLITE_IOERR_FSYNC"), True),
    (asyncpg.InterfaceError("connection is closed"), False),  # COMMIT was never sent
    (postgres("53100"), False),  # the server reported that it did not commit
    (postgres("40001"), False),
    (postgres("23503"), False),
    (sqlite("SQLITE_FULL"), False),
    (sqlite("SQLITE_BUSY"), False),
    (RuntimeError("a bug"), False),
]


@pytest.mark.parametrize(("error", "is_unknown"), COMMITS, ids=lambda one: repr(one)[:60])
def test_a_commit_may_have_been_done_if_its_answer_was_lost(
    error: Exception, is_unknown: bool
) -> None:
    unknown = lost_in_commit(error)
    assert (unknown is not None) is is_unknown
    if unknown is not None:
        assert unknown.fault.is_outcome_unknown


def test_a_fault_is_advised_to_be_tried_again_the_later_the_longer_a_repair_takes() -> None:
    waits = [DatabaseFault(kind, "").retry_after for kind in FaultKind]
    assert dict(zip(FaultKind, waits, strict=True)) == {
        FaultKind.LOST: 2,
        FaultKind.LOCKED: 1,
        FaultKind.READ_ONLY: 30,
        FaultKind.FULL: 30,
        FaultKind.OVERLOADED: 2,
        FaultKind.TIMEOUT: 2,
        FaultKind.REFUSED: 30,
        FaultKind.DAMAGED: 30,
        FaultKind.SCHEMA_MISMATCH: 10,
    }
