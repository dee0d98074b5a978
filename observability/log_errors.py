"""Describes exceptions for logs: by type, place in the code and error code, never by message."""

import errno
import os
import traceback
from pathlib import Path
from typing import Any, TextIO

ROOT = Path(__file__).resolve().parent.parent
MAX_ERRORS = 10
MAX_FRAMES = 30
"""The maximum number of frames to show of an error: those nearest to where it was raised."""


def summarise_chain(error: BaseException) -> list[dict[str, Any]]:
    """Return descriptions of an error and its causes for a JSON log line, the error first."""
    return [
        {
            "exc_type": type(one).__name__,
            **code_of(one),
            "frames": [
                {
                    "filename": relative_path(frame.filename),
                    "lineno": frame.lineno,
                    "name": frame.name,
                }
                for frame in _frames(one)
            ],
        }
        for one in _chain(error)
    ]


def print_chain(out: TextIO, error: BaseException | None) -> None:
    """Print an error and its causes to `out` as tracebacks with lines of code."""
    for place, one in enumerate(_chain(error) if error is not None else ()):
        head = (
            "Caused by, or together with:\n" if place else "\nTraceback (most recent call last):\n"
        )
        codes = "".join(f" {name}={value}" for name, value in code_of(one).items())
        lines = traceback.format_list(_frames(one))
        print(f"{head}{''.join(lines)}{type(one).__name__}{codes}", file=out)


def code_of(error: BaseException) -> dict[str, str]:
    """Return the codes of an error by name: SQLSTATE, SQLite's error name, constraint, errno.

    If the error has none, but wraps another error (as errors of the ORM do), the codes of that
    error are returned. Empty if there are none.
    """
    for one in (error, error.__cause__, *error.args):
        codes = {
            "sqlstate": getattr(one, "sqlstate", None),
            "constraint": getattr(one, "constraint_name", None),
            "sqlite_error": getattr(one, "sqlite_errorname", None),
            "errno": errno.errorcode.get(getattr(one, "errno", None) or 0),
            # The kind of a database fault, by `models.storage.database_faults`.
            "database_fault": getattr(getattr(one, "fault", None), "kind", None),
            "database_code": getattr(getattr(one, "fault", None), "code", None),
        }
        found = {name: code for name, code in codes.items() if isinstance(code, str)}
        if found:
            return found
    return {}


def described(error: BaseException) -> str:
    """Return a line with an error's type, and the system's text for its errno, or its codes."""
    number = getattr(error, "errno", None)
    said = os.strerror(number) if isinstance(number, int) else ""
    codes = " ".join(code_of(error).values())
    return f"{type(error).__name__}: {said or codes or 'see the log'}"


def relative_path(filename: str) -> str:
    """Return the name of a source file relative to the project or to site-packages."""
    _, packages, rest = filename.rpartition("site-packages/")
    return rest if packages else filename.removeprefix(f"{ROOT}/")


def _chain(error: BaseException) -> list[BaseException]:
    found: list[BaseException] = []
    ahead = [error]
    while ahead and len(found) < MAX_ERRORS:
        one = ahead.pop(0)
        if any(one is seen for seen in found):
            continue
        found.append(one)
        if one.__cause__ is not None:
            ahead.append(one.__cause__)
        elif one.__context__ is not None and not one.__suppress_context__:
            ahead.append(one.__context__)
        if isinstance(one, BaseExceptionGroup):
            ahead.extend(one.exceptions)
    return found


def _frames(error: BaseException) -> list[traceback.FrameSummary]:
    """Return the last MAX_FRAMES frames of an error's traceback, without variables."""
    frames = traceback.StackSummary.extract(
        traceback.walk_tb(error.__traceback__), lookup_lines=False, capture_locals=False
    )
    return list(frames)[-MAX_FRAMES:]
