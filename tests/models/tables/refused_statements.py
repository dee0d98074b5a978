"""Asserts that database triggers refuse a statement."""

import asyncpg
import pytest
from tortoise.connection import get_connection
from tortoise.exceptions import BaseORMException

from tests.factories import (
    everything,
)

REFUSED = (BaseORMException, asyncpg.PostgresError)


async def refuses(statement: str) -> None:
    """Assert that a statement fails and changes no row."""
    before = await everything()
    with pytest.raises(REFUSED, match=r"append-only|never changed|nothing (else )?changed"):
        await get_connection("default").execute_query(statement)
    assert await everything() == before
