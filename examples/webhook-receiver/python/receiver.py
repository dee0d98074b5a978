"""Receives webhooks of the customer-classes API: verifies each, handles it once, and prints it.

Needs aiohttp and standardwebhooks. WEBHOOK_SECRET has the secret that the API showed when the
endpoint was created or its secret was rotated; PORT is the port to listen on.
"""

import asyncio
import json
import os
from collections import OrderedDict

from aiohttp import web
from standardwebhooks import Webhook, WebhookVerificationError

MAX_BYTES = 64 * 1024
MAX_REMEMBERED = 10_000


class Receiver:
    """Verifies, deduplicates and handles deliveries."""

    def __init__(self, secret: str) -> None:
        self._webhook = Webhook(secret)
        # In production, insert the id under a unique key, in the transaction that handles the
        # event: then neither a restart nor a second process handles an event twice.
        self._handled: OrderedDict[str, None] = OrderedDict()

    async def receive(self, request: web.Request) -> web.Response:
        body = await request.read()  # the exact bytes, which the signature covers
        try:
            self._webhook.verify(body, dict(request.headers), json_parse=False)
            event = json.loads(body)
        except (WebhookVerificationError, ValueError):
            # The library also raises ValueError, for headers and bodies that are malformed.
            return web.Response(status=401, text="not verified")
        event_id = request.headers["webhook-id"]
        if event_id in self._handled:
            print(f"repeated {event_id}", flush=True)
        else:
            handle(event_id, event)
            self._remember(event_id)
        # Answer at once. Do slow work afterwards, from a queue of your own.
        return web.Response(status=204)

    def _remember(self, event_id: str) -> None:
        self._handled[event_id] = None
        if len(self._handled) > MAX_REMEMBERED:
            self._handled.popitem(last=False)


def handle(event_id: str, event: dict[str, object]) -> None:
    """Print the event; a real receiver fetches the named object from the API."""
    print(f"received {event_id} {event['type']} {json.dumps(event['data'])}", flush=True)


async def main() -> None:
    app = web.Application(client_max_size=MAX_BYTES)
    app.router.add_post("/webhooks", Receiver(os.environ["WEBHOOK_SECRET"]).receive)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", int(os.environ.get("PORT", "8080"))).start()
    print(f"listening on {runner.addresses[0][1]}", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
