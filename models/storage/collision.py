"""The exception by which a transaction asks to be run again."""

import asyncpg


class Collided(asyncpg.SerializationError):  # type: ignore[misc]  # the driver has no types
    """Raised to run the current transaction again from its start, on either database.

    For a change that found another transaction's row only when it wrote its own.
    """
