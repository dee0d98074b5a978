"""Captures the statements that the database client logs."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def logging_statements(handler: logging.Handler) -> Iterator[None]:
    """Send the database client's statement log only to `handler` during the block."""
    logger = logging.getLogger("tortoise.db_client")
    level, propagates = logger.level, logger.propagate
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
        logger.propagate = propagates
