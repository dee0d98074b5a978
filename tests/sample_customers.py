"""The running application with the sample customers of `make run`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from commands.development import SAMPLES, add_sample_import, add_samples
from models.storage.secret_cipher import SecretCipher
from models.tables.access import Principal, Scope
from models.tables.audit import ActorContext
from tests.clock import Clock
from tests.databases import Databases
from tests.graphql_client import LiveApi, running_live_api


@asynccontextmanager
async def sampled_api(
    databases: Databases, clock: Clock, **settings: Any
) -> AsyncIterator[LiveApi]:
    """Run the application with its worker; yield it when the samples' lookups have ended."""
    async with running_live_api(databases, clock, **settings) as live:
        cipher = SecretCipher(live.platform.settings.webhook_key_texts)
        act = ActorContext(Principal("dev", "Development", frozenset(Scope)), clock(), "samples-1")
        await live.platform.database.transaction(lambda: add_samples(act, cipher))
        await add_sample_import(live.platform.database, act)
        listed = (await live.data("{ customers { nodes { id } } }"))["customers"]["nodes"]
        assert len(listed) == len(SAMPLES)
        for customer in listed:
            await live.settled(customer["id"])
        yield live
