"""Loaders that the fields of a request share, and that may be cancelled separately."""

import asyncio
from contextlib import suppress

from models.storage.database import Database
from schema.base.loaders import Loaders
from tests.factories import shipped


async def test_a_field_that_is_given_up_takes_nothing_from_the_others(database: Database) -> None:
    charity = await shipped("CHARITY")
    loaders = Loaders()

    async def read() -> str | None:
        row = await loaders.customer_class.load(charity.id)
        return row.code if row else None

    given_up, other = asyncio.create_task(read()), asyncio.create_task(read())
    await asyncio.sleep(0)
    given_up.cancel()
    with suppress(asyncio.CancelledError):
        await given_up
    assert given_up.cancelled()
    assert await other == "CHARITY"
    assert await read() == "CHARITY"
    assert database
