"""The running application sends webhooks, as its settings say."""

import asyncio
from datetime import UTC, datetime
from typing import Any

from standardwebhooks.webhooks import Webhook

from models import WebhookEndpoint
from models.rules.webhook_secret import new_secret
from models.storage.secret_cipher import SecretCipher
from tests.clock import Clock
from tests.databases import Databases
from tests.graphql_client import running_live_api
from tests.webhook_receiver import Receiver, add_endpoint, receiving

KEYS = "new-key,old-key"


async def arrived(receiver: Receiver, count: int) -> None:
    async with asyncio.timeout(30):
        while len(receiver.taken) < count:  # noqa: ASYNC110  # arrivals fire no event
            await asyncio.sleep(0.02)


async def test_a_change_over_the_api_arrives_signed(databases: Databases, clock: Clock) -> None:
    clock.now = datetime.now(UTC)  # as the worker's, which deletes old events
    settings: dict[str, Any] = {"webhook_private_targets": True, "webhook_keys": KEYS}
    async with receiving() as receiver, running_live_api(databases, clock, **settings) as live:
        database = live.platform.database
        endpoint = await add_endpoint(database, receiver.url, clock)
        secret = new_secret()
        endpoint.secret = SecretCipher(["old-key"]).encrypt(secret, endpoint.id)
        await WebhookEndpoint.filter(id=endpoint.id).update(secret=endpoint.secret)
        saved = await live.save_customer(name="Acme")
        await arrived(receiver, 1)
        (first, *_) = receiver.taken
        Webhook(secret).verify(first.body, first.headers)
        assert first.data["data"]["customerId"] == saved["id"]
