"""Distinguishes database faults (lost, locked, read-only, full, out of resources) from bugs. PURE.

A fault means that the database could not run a correct statement. A wrong statement or a violated
constraint is a bug of this program, not a fault.
"""

import errno
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum, unique


@unique
class FaultKind(StrEnum):
    """Why the database could not run a statement."""

    LOST = "LOST"
    """No connection: the server is down, restarts, or closed the connection."""
    LOCKED = "LOCKED"
    """Another transaction held a lock for longer than the lock timeout."""
    READ_ONLY = "READ_ONLY"
    """The database accepts reads only, for example a standby, or this role may not write."""
    FULL = "FULL"
    """No space is left for data or logs."""
    OVERLOADED = "OVERLOADED"
    """Too many connections, or too little memory."""
    TIMEOUT = "TIMEOUT"
    """A statement took too long, and the server or this program stopped it."""
    REFUSED = "REFUSED"
    """The server refused the login: a wrong password, or no such database."""
    DAMAGED = "DAMAGED"
    """A database file is corrupt or cannot be read."""
    SCHEMA_MISMATCH = "SCHEMA_MISMATCH"
    """The schema is older or newer than this program, which therefore may not write."""


RETRY_AFTER_S = {
    FaultKind.LOST: 2,
    FaultKind.LOCKED: 1,
    FaultKind.OVERLOADED: 2,
    FaultKind.TIMEOUT: 2,
    FaultKind.SCHEMA_MISMATCH: 10,
}
LONG_RETRY_AFTER_S = 30
"""Retry-After for faults that only an operator can repair."""


@dataclass(frozen=True, slots=True)
class DatabaseFault:
    """A fault with its kind and its SQLSTATE, SQLite error name or errno name."""

    kind: FaultKind
    code: str
    is_outcome_unknown: bool = False
    """Whether the connection was lost during COMMIT: the changes may or may not be stored."""

    @property
    def retry_after(self) -> int:
        """Seconds after which a client may retry."""
        return RETRY_AFTER_S.get(self.kind, LONG_RETRY_AFTER_S)


class DatabaseUnavailable(Exception):
    """Raised, or shown to clients, if the database could not serve a request because of `fault`."""

    def __init__(self, fault: DatabaseFault) -> None:
        super().__init__(f"the database is unavailable: {fault.kind} {fault.code}")
        self.fault = fault


SQLSTATES = {
    "08": FaultKind.LOST,
    "28": FaultKind.REFUSED,
    "3D": FaultKind.REFUSED,
    "53": FaultKind.OVERLOADED,
    "57": FaultKind.LOST,
    "58": FaultKind.DAMAGED,
    "25006": FaultKind.READ_ONLY,
    "25P03": FaultKind.LOST,
    "25P04": FaultKind.TIMEOUT,
    "40001": FaultKind.LOCKED,
    "40003": FaultKind.LOST,
    "40P01": FaultKind.LOCKED,
    "42501": FaultKind.READ_ONLY,
    "53100": FaultKind.FULL,
    "55000": FaultKind.LOST,  # the database accepts no connections
    "55006": FaultKind.LOCKED,
    "55P03": FaultKind.LOCKED,
    "57014": FaultKind.TIMEOUT,
    "57P04": FaultKind.REFUSED,
    "XX001": FaultKind.DAMAGED,
    "XX002": FaultKind.DAMAGED,
}
"""The kind of fault by SQLSTATE, or by its first two characters for all others of that class."""

OUTCOME_UNKNOWN = ("08", "40003", "57P")
"""Prefixes of SQLSTATEs after which a COMMIT may have succeeded."""

SQLITE = {
    "BUSY": FaultKind.LOCKED,
    "LOCKED": FaultKind.LOCKED,
    "PROTOCOL": FaultKind.LOCKED,
    "READONLY": FaultKind.READ_ONLY,
    "PERM": FaultKind.READ_ONLY,
    "FULL": FaultKind.FULL,
    "NOLFS": FaultKind.FULL,
    "NOMEM": FaultKind.OVERLOADED,
    "CANTOPEN": FaultKind.LOST,
    "INTERRUPT": FaultKind.TIMEOUT,
    "IOERR": FaultKind.DAMAGED,
    "CORRUPT": FaultKind.DAMAGED,
    "NOTADB": FaultKind.DAMAGED,
}
"""The kind of fault by SQLite's primary result code, without the prefix SQLITE_."""

UNDEFINED = ("42P01", "42703")
"""SQLSTATEs of an unknown table or column."""

UNDEFINED_SQLITE = ("no such table", "no such column")

CLOSED_SQLITE = ("Cannot operate on a closed database", "no active connection")
"""What SQLite's drivers say about a closed connection, for example while the process stops."""

DRIVER = {
    "InterfaceError": ("closed", "closing"),
    "InternalClientError": ("cannot switch to state",),  # the server has just closed the connection
    "TargetServerAttributeNotMatched": ("",),
}
"""By name of an exception of asyncpg, parts of its message that mean a lost connection."""

SYSTEM = {
    errno.ENOSPC: FaultKind.FULL,
    errno.EDQUOT: FaultKind.FULL,
    errno.EROFS: FaultKind.READ_ONLY,
    errno.EMFILE: FaultKind.OVERLOADED,
    errno.ENFILE: FaultKind.OVERLOADED,
    errno.EHOSTUNREACH: FaultKind.LOST,
    errno.ENETUNREACH: FaultKind.LOST,
    errno.ENETDOWN: FaultKind.LOST,
    errno.ENOENT: FaultKind.LOST,
    errno.EACCES: FaultKind.REFUSED,
}
"""The kind of fault by errno, for network and file errors."""

OF_PYTHON = {"builtins", "socket", "ssl"}
"""Modules whose OSErrors come from the database connection; other network clients raise exception
classes of their own modules.
"""


def fault_of(error: BaseException) -> DatabaseFault | None:
    """Return the database fault that caused an exception; None if it has another cause.

    Tortoise wraps the driver's exceptions, so causes and arguments are examined as well.
    """
    for one in _with_causes(error):
        if isinstance(one, DatabaseUnavailable):
            return one.fault
        fault = _of_postgres(one) or _of_sqlite(one) or _of_system(one)
        if fault is not None:
            return fault
    return None


def lacks_name(error: BaseException) -> bool:
    """Return whether a statement named a table or a column that the database does not have."""
    return any(
        _sqlstate(one) in UNDEFINED
        or (type(one).__module__ == "sqlite3" and str(one).startswith(UNDEFINED_SQLITE))
        for one in _with_causes(error)
    )


def lost_in_commit(error: BaseException) -> DatabaseUnavailable | None:
    """Return the error to raise if COMMIT failed and its outcome is unknown; else None."""
    fault = fault_of(error)
    if fault is None or not may_be_committed(error):
        return None
    return DatabaseUnavailable(replace(fault, is_outcome_unknown=True))


def may_be_committed(error: BaseException) -> bool:
    """Return whether the server may have committed although COMMIT raised this exception.

    If the server itself reports an error for COMMIT, it has rolled back. If the connection was
    closed before COMMIT was sent, the server has rolled back too.
    """
    state = _sqlstate(error)
    if state is not None:
        return state.startswith(OUTCOME_UNKNOWN)
    name: str = getattr(error, "sqlite_errorname", "")
    return name.startswith("SQLITE_IOERR") or isinstance(error, OSError)


def _with_causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception, the exceptions in its arguments and its causes (not `__context__`)."""
    ahead: list[object] = [error]
    seen: set[int] = set()
    while ahead:
        one = ahead.pop(0)
        if isinstance(one, BaseException) and id(one) not in seen:
            seen.add(id(one))
            yield one
            ahead += [one.__cause__, getattr(one, "original_error", None), *one.args[:1]]


def _sqlstate(error: BaseException) -> str | None:
    state = getattr(error, "sqlstate", None)
    return state if isinstance(state, str) else None


def _of_postgres(error: BaseException) -> DatabaseFault | None:
    state = _sqlstate(error)
    if state is not None:
        kind = SQLSTATES.get(state, SQLSTATES.get(state[:2]))
        return None if kind is None else DatabaseFault(kind, state)
    name, module = type(error).__name__, type(error).__module__
    if module.partition(".")[0] != "asyncpg":
        return None
    # asyncpg's own exceptions have no SQLSTATE; those that DRIVER does not list mean misuse.
    is_lost = any(said in str(error) for said in DRIVER.get(name, ()))
    return DatabaseFault(FaultKind.LOST, name) if is_lost else None


def _of_sqlite(error: BaseException) -> DatabaseFault | None:
    name = getattr(error, "sqlite_errorname", None)
    if isinstance(name, str):
        kind = SQLITE.get(name.removeprefix("SQLITE_").partition("_")[0])
        return None if kind is None else DatabaseFault(kind, name)
    is_driver = isinstance(error, ValueError) or type(error).__module__ == "sqlite3"
    if is_driver and any(said in str(error) for said in CLOSED_SQLITE):
        return DatabaseFault(FaultKind.LOST, "SQLITE_MISUSE")
    return None


def _of_system(error: BaseException) -> DatabaseFault | None:
    if not isinstance(error, OSError) or type(error).__module__ not in OF_PYTHON:
        return None
    if isinstance(error, TimeoutError):
        return DatabaseFault(FaultKind.TIMEOUT, "ETIMEDOUT")
    code = errno.errorcode.get(error.errno or 0, type(error).__name__)
    is_unreachable = isinstance(error, ConnectionError | socket.gaierror | ssl.SSLError)
    if is_unreachable or "Connect call failed" in str(error):  # all addresses failed
        return DatabaseFault(FaultKind.LOST, code)
    kind = SYSTEM.get(error.errno or 0)
    return None if kind is None else DatabaseFault(kind, code)
