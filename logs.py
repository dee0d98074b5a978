"""Structured logs: readable or JSON, with request id and job id on every line."""

import logging
import sys
import traceback
from collections.abc import MutableMapping
from datetime import UTC, datetime
from typing import Any, TextIO

import orjson
import structlog

from log_text import safe_text, safe_value

REQUESTS = logging.getLogger("requests")


def configure_logs(log_format: str, level: str) -> None:
    """Send our own lines and those of libraries through the same processors to standard error."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if log_format == "json":
        rendered: list[structlog.typing.Processor] = [
            structlog.processors.dict_tracebacks,
            _without_locals,
            structlog.processors.JSONRenderer(),
        ]
    else:
        rendered = [
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(), exception_formatter=_print_frames
            )
        ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler()
    handler.setFormatter(
        _Formatter(
            log_format,
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _escape_text,
                *rendered,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    # The servers' own loggers would print a second time, and URLs with their queries.
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "aiohttp.access"):
        logger = logging.getLogger(name)
        logger.handlers = []
        logger.propagate = name in {"uvicorn", "uvicorn.error"}
    logging.getLogger("uvicorn.error").filters = [_is_safe]
    for name in ("tortoise", "aiosqlite", "asyncio", "websockets"):
        logging.getLogger(name).setLevel(logging.WARNING)


def _is_safe(record: logging.LogRecord) -> bool:
    """Keep out what the server says of WebSockets: headers, messages, and URLs with queries."""
    return record.levelno >= logging.INFO and "WebSocket" not in str(record.msg)


def note_request(request_id: str, method: str, path: str, status: int, ms: float) -> None:
    """Note a request in a line like the others, at a tenth of their cost."""
    if REQUESTS.isEnabledFor(logging.INFO):
        REQUESTS.info(
            "request",
            {
                "method": method,
                "path": path,
                "status": status,
                "ms": round(ms, 1),
                "event": "request",
                "request_id": request_id,
                "level": "info",
                "timestamp": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}",
            },
        )


class _Formatter(structlog.stdlib.ProcessorFormatter):
    """Writes the lines of requests itself, which are simple and many."""

    def __init__(self, log_format: str, **settings: Any) -> None:
        super().__init__(**settings)
        self._is_json = log_format == "json"

    def format(self, record: logging.LogRecord) -> str:
        """Write a line."""
        line = record.args
        if record.name != REQUESTS.name or not isinstance(line, dict):
            return super().format(record)
        line = {key: safe_text(it) if isinstance(it, str) else it for key, it in line.items()}
        if self._is_json:
            return orjson.dumps(line).decode()
        return (
            "{timestamp} [info     ] request                        method={method} ms={ms}"
            " path={path} request_id={request_id} status={status}"
        ).format_map(line)


def _escape_text(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Make all text safe, whoever has logged it; tracebacks are written by renderers."""
    return {key: it if key == "exc_info" else safe_value(it) for key, it in event.items()}


def _print_frames(out: TextIO, raised: structlog.typing.ExcInfo) -> None:
    """Print an exception without its message, which may repeat what a client sent."""
    kind, _, frames = raised
    header = "Traceback (most recent call last):\n"
    print(header, *traceback.format_tb(frames), kind.__name__, sep="", file=out)


def _without_locals(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Drop messages and local variables from tracebacks: they hold personal data and secrets."""
    for raised in event.get("exception", ()):
        raised.pop("exc_value", None)
        for frame in raised.get("frames", ()):
            frame.pop("locals", None)
    return event
