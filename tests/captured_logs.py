"""Captures log output in tests."""

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import structlog

from observability.logs import configure_logs


@contextmanager
def captured_logs(log_format: str) -> Iterator[io.StringIO]:
    """Log as in production, but into a buffer that is yielded; restore logging at the end."""
    root = logging.getLogger()
    names = ("uvicorn", "uvicorn.error", "uvicorn.access", "aiohttp.access")
    quiet = ("tortoise", "aiosqlite", "asyncio", "websockets", "strawberry.ws")
    loggers = [logging.getLogger(name) for name in (*names, *quiet)]
    before = [(one, one.handlers, one.level, one.propagate) for one in (root, *loggers)]
    configure = structlog.configure
    written = io.StringIO()
    try:
        with pytest.MonkeyPatch.context() as patch:
            # A cached logger would keep writing to this buffer in later tests.
            patch.setattr(
                structlog,
                "configure",
                lambda **given: configure(**given | {"cache_logger_on_first_use": False}),
            )
            configure_logs(log_format, "debug")
        (handler,) = root.handlers
        assert isinstance(handler, logging.StreamHandler)
        handler.setStream(written)
        yield written
    finally:
        structlog.reset_defaults()
        for one, handlers, level, propagates in before:
            one.handlers, one.propagate = handlers, propagates
            one.setLevel(level)
