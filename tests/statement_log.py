"""Captures the statements that the database client logs."""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager

NUMBERS_EVENTS = re.compile(
    r"SELECT 1 FROM event AS t0 WHERE t0\.number IS NULL"
    r"|(SELECT last_number FROM|UPDATE) numbering .*'event'\]$"
    r'|(SELECT \S+ FROM|UPDATE|INSERT INTO) "event_generation"'
    r"|\s*SELECT \(SELECT system_identifier FROM pg_control_system"
    r"|\s*WITH waiting AS \(SELECT id, sequence FROM event "
    r"|SELECT pg_notify\(\$1, ''\): \['events'\]",
    re.DOTALL,
)
"""Matches the statements by which each process numbers events, at any time after a commit."""


@contextmanager
def logging_statements(handler: logging.Handler) -> Iterator[None]:
    """Send the database client's statement log only to `handler` during the block.

    The statements that number events are left out, since they are of no request.
    """
    logger = logging.getLogger("tortoise.db_client")
    level, propagates = logger.level, logger.propagate
    handler.addFilter(lambda record: NUMBERS_EVENTS.match(record.getMessage()) is None)
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
        logger.propagate = propagates
