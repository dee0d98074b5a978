"""Writes structured logs to standard error, as readable text or one JSON object per line.

No line contains the message of an exception or a local variable, since these may repeat data that
clients sent. An exception is logged by its type, its place, and its SQLSTATE or errno
(`log_errors`).
"""

import logging
import re
import sys
import threading
import warnings
from collections.abc import Mapping, MutableMapping
from contextlib import nullcontext
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, TextIO

import orjson
import structlog

from observability.log_errors import code_of, print_chain, relative_path, summarise_chain
from observability.log_text import safe_text, safe_value

log = structlog.get_logger(__name__)

SERVERS = ("uvicorn", "uvicorn.error", "uvicorn.access", "aiohttp.access")
QUIET = ("tortoise", "aiosqlite", "asyncio", "websockets")
REFUSED_ORIGINS = "strawberry.ws"
"""Strawberry's logger for WebSockets, which warns of each refused origin; so does `web/cors.py`."""

DATA_FOLLOWS = re.compile(r"[\"'`<(\[{=:@%\d\n\r\x00-\x1f]")
"""Matches the first character in a library's log message with which a value may begin."""
MAX_TEXT = 200

Event = MutableMapping[str, Any]


def configure_logs(log_format: str, level: str) -> None:
    """Write all log lines, also those of libraries, to standard error in one format.

    `log_format` is `json`, or any other text for readable lines; `level` is the lowest level that
    is logged.
    """
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
    handler = _Handler(is_json=log_format == "json")
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[_without_data, *shared],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_rendering(log_format),
            ],
            pass_foreign_args=True,
            use_get_message=False,
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    # Handlers that the server libraries install would print each line a second time.
    for name in SERVERS:
        logger = logging.getLogger(name)
        logger.handlers = []
        logger.propagate = not name.endswith(".access")
    logging.getLogger("uvicorn.error").filters = [_is_safe]
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger(REFUSED_ORIGINS).setLevel(logging.ERROR)


def log_all_failures() -> None:
    """Log also Python's warnings and uncaught exceptions, which are printed as text by default."""

    def uncaught(
        kind: type[BaseException], error: BaseException, frames: TracebackType | None
    ) -> None:
        if issubclass(kind, KeyboardInterrupt):
            log.warning("interrupted")
        else:
            log.critical("uncaught_exception", exc_info=(kind, error, frames))

    def uncaught_in_thread(given: threading.ExceptHookArgs) -> None:
        if given.exc_value is not None and not issubclass(given.exc_type, SystemExit):
            uncaught(given.exc_type, given.exc_value, given.exc_traceback)

    def unraisable(given: "sys.UnraisableHookArgs") -> None:
        log.error("unraisable_exception", exc_info=given.exc_value or True)

    def warned(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,  # noqa: ARG001  # Python's signature
        line: str | None = None,  # noqa: ARG001  # Python's signature
    ) -> None:
        log.warning(
            "python_warning",
            category=category.__name__,
            place=f"{relative_path(filename)}:{lineno}",
            text=_beginning(str(message)),
        )

    sys.excepthook = uncaught
    sys.unraisablehook = unraisable
    threading.excepthook = uncaught_in_thread
    warnings.showwarning = warned


def log_failure(event: str, error: BaseException, **more: Any) -> None:
    """Log an error that ends a process or command, with the fields `more`.

    An error that has a code, such as an SQLSTATE, is logged without a traceback.
    """
    code = code_of(error)
    if code:
        log.error(event, error=type(error).__name__, **code, **more)
    else:
        log.error(event, error=type(error).__name__, **more, exc_info=error)


def _rendering(log_format: str) -> list[structlog.typing.Processor]:
    if log_format == "json":
        return [_with_exception, _safe_fields, lambda _, __, event: as_json(_in_order(event))]
    return [
        _safe_fields,
        structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(),
            exception_formatter=lambda out, raised: print_chain(out, raised[1]),
        ),
    ]


def _is_safe(record: logging.LogRecord) -> bool:
    """Return whether to write a log line of uvicorn.

    Lines about WebSockets are dropped, since their URLs and messages contain tokens and queries.
    The traceback of a failed start is dropped too, and the line about an answer that broke off. For
    all of these there are log lines of our own.
    """
    text = str(record.msg)
    return (
        record.levelno >= logging.INFO
        and "WebSocket" not in text
        and not text.startswith(
            ("Traceback", "connection ", "ASGI callable returned without completing")
        )
    )


class _Handler(logging.StreamHandler[Any]):
    """Writes log lines to standard error; prints no traceback if that fails."""

    def __init__(self, *, is_json: bool) -> None:
        super().__init__()
        self._is_json = is_json

    def write_line(self, line: Mapping[str, Any]) -> None:
        """Write a log line without structlog, whose processors are too slow for each request."""
        safe = {name: safe_text(one) if isinstance(one, str) else one for name, one in line.items()}
        text = as_json(safe) if self._is_json else _readable(safe)
        with self.lock or nullcontext():
            try:
                self.stream.write(text + self.terminator)
                self.flush()
            except (OSError, ValueError):  # standard error is closed
                return

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  # logging's name
        """Log that a line could not be written, if anything can be written at all."""
        try:
            now = datetime.now(UTC).isoformat()
            lost = {"timestamp": now, "level": "error", "event": "line_lost"}
            self.write_line({**lost, "logger": record.name})
        except Exception:  # standard error is closed
            return


LEADING = ("timestamp", "level", "event")


def _in_order(event: Event) -> dict[str, Any]:
    """Return the fields of a log line, those in LEADING first."""
    first = {name: event[name] for name in LEADING if name in event}
    return first | {name: value for name, value in event.items() if name not in first}


def write_line(line: Mapping[str, Any]) -> None:
    """Write a log line without nested values; it must have a timestamp, a level and an event."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, _Handler):
            handler.write_line(line)


def _readable(line: Mapping[str, Any]) -> str:
    values = [f"{name}={one}" for name, one in line.items() if name not in LEADING]
    return f"{line['timestamp']} [{line['level']:<9}] {line['event']:<30} {' '.join(values)}"


def as_json(line: Mapping[str, Any]) -> str:
    """Return a log line as JSON; texts in it must be safe already (`safe_value`)."""
    return orjson.dumps(line, default=_named, option=orjson.OPT_NON_STR_KEYS).decode()


def _named(value: object) -> str:
    """Return the type of a value that has no JSON form: its text could contain anything."""
    return type(value).__name__


def _safe_fields(_: Any, __: str, event: Event) -> Event:
    """Return a log line with all texts made safe, and without fields that are None.

    An exception is left as it is for the renderer, which writes its traceback.
    """
    return {
        key: it if key == "exc_info" else safe_value(it)
        for key, it in event.items()
        if it is not None
    }


def _without_data(_: Any, __: str, event: Event) -> Event:
    """Return a library's log line without values that a client may have sent.

    If the message has parameters, it is a constant in the library's code, and only those parameters
    are filled in that are numbers. Without parameters, the message may already contain values, so
    it is cut where they may begin.
    """
    record: logging.LogRecord = event["_record"]
    event["logger"] = record.name
    given = event.pop("positional_args", None)
    if record.name == "uvicorn.error" and record.levelno <= logging.INFO:
        event["event"] = str(record.msg) % given if given else str(record.msg)
        return event
    if isinstance(record.msg, BaseException):
        event["event"] = "library_failed"
        event.update(error=type(record.msg).__name__, **code_of(record.msg))
    elif isinstance(given, tuple) and given:
        shown = tuple(one if isinstance(one, int | float) else "…" for one in given)
        try:
            event["event"] = str(record.msg) % shown
        except (TypeError, ValueError):
            event["event"] = _beginning(str(record.msg))
    else:
        event["event"] = _beginning(str(record.msg)) or record.name
    return event


def _beginning(text: str) -> str:
    return DATA_FOLLOWS.split(text, maxsplit=1)[0].strip()[:MAX_TEXT]


def _with_exception(_: Any, __: str, event: Event) -> Event:
    """Replace the exception of a log line by its description."""
    raised = event.pop("exc_info", None)
    if raised is True:
        raised = sys.exc_info()[1]
    elif isinstance(raised, tuple):
        raised = raised[1]
    if isinstance(raised, BaseException):
        event["exception"] = summarise_chain(raised)
    event.pop("stack_info", None)
    return event
