"""The log in which the database's client notes each statement, whatever reads it."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def told_statements(handler: logging.Handler) -> Iterator[None]:
    """Tell a handler of each statement meanwhile, and nobody else."""
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
