"""The example receivers verify what they get, and handle each event once."""

import asyncio
import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from standardwebhooks import Webhook

from tests.clock import Clock
from tests.databases import Databases
from tests.examples.webhook_receivers import ENOUGH_S, EXAMPLE, RECEIVERS, receiving
from tests.graphql_client import Json, LiveApi, running_live_api
from tests.webhook_world import add_endpoint, ping

SECRET = "whsec_" + "c2VjcmV0IG9mIHRoZSB0ZXN0cywgMzIgYnl0ZXMgbG9u"
OTHER = "whsec_" + "YW5vdGhlciBzZWNyZXQgb2YgdGhlIHRlc3RzLCAzMiBi"
EVENT = {"type": "customer.created", "timestamp": "2026-10-01T00:00:00Z", "data": {"id": "cus_1"}}
BODY = json.dumps(EVENT).encode()


def signed(
    secret: str = SECRET, body: bytes = BODY, event_id: str = "evt_1", **ago: float
) -> dict[str, str]:
    """Return the headers of a delivery that was signed some time ago."""
    at = datetime.now(UTC) - timedelta(**ago)
    return {
        "webhook-id": event_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(event_id, at, body.decode()),
        "content-type": "application/json",
    }


async def status(url: str, headers: Mapping[str, str], body: bytes = BODY) -> int:
    async with (
        aiohttp.ClientSession() as session,
        session.post(url, data=body, headers=headers) as response,
    ):
        return response.status


def forgeries() -> dict[str, tuple[dict[str, Any], bytes]]:
    """Return headers and bodies that no receiver may accept, by what is wrong with them."""
    good = signed()
    signature = good["webhook-signature"]
    now = good["webhook-timestamp"]
    of_list = {**good, "webhook-signature": "v1"}
    return {
        "another secret": (signed(OTHER), BODY),
        "another body": (good, BODY.replace(b"cus_1", b"cus_2")),
        "another id": ({**good, "webhook-id": "evt_2"}, BODY),
        "too old": (signed(minutes=6), BODY),
        "from the future": (signed(minutes=-6), BODY),
        "no headers": ({}, BODY),
        "no signature": ({name: good[name] for name in ("webhook-id", "webhook-timestamp")}, BODY),
        "a signature without a comma": (of_list, BODY),
        "two spaces": ({**good, "webhook-signature": f"v1,AAAA  {signature[:-4]}"}, BODY),
        "a signature that is no base64": ({**good, "webhook-signature": "v1,abc"}, BODY),
        "a signature of another version": (
            {**good, "webhook-signature": signature.replace("v1,", "v1a,")},
            BODY,
        ),
        "a time that is no number": ({**good, "webhook-timestamp": f"{now}x.y"}, b"{}"),
        "an infinite time": ({**good, "webhook-timestamp": "inf"}, BODY),
        "a body that is no UTF-8": (good, b"\xff\xfe"),
        "a body that is no JSON": (signed(OTHER, b"{"), b"{"),
        "an empty body": (good, b""),
    }


@pytest.mark.parametrize("language", RECEIVERS)
async def test_a_receiver_handles_each_genuine_delivery_once(language: str) -> None:
    async with receiving(language, SECRET) as receiver:
        for why, (headers, body) in forgeries().items():
            assert await status(receiver.url, headers, body) == 401, why
        assert await status(receiver.url, signed()) == 204
        assert await receiver.line() == 'received evt_1 customer.created {"id": "cus_1"}'.replace(
            ": ", ": " if language == "python" else ":"
        )
        assert await status(receiver.url, signed(seconds=30)) == 204
        assert await receiver.line() == "repeated evt_1"
        both = signed()
        both["webhook-signature"] = (
            f"{signed(OTHER)['webhook-signature']} " + signed(event_id="evt_2")["webhook-signature"]
        )
        assert await status(receiver.url, {**both, "webhook-id": "evt_2"}) == 204
        assert (await receiver.line()).startswith("received evt_2 ")
        large = await status(receiver.url, signed(), b"x" * 70_000)
        assert large == 413


OUTCOMES = """query($types: [EventType!]) {
  webhookDeliveries(filter: { eventTypes: $types }) {
    nodes { id outcome requestBody attempts { statusCode error answer } } } }"""


@pytest.mark.parametrize("language", RECEIVERS)
async def test_a_receiver_takes_what_the_platform_sends(
    databases: Databases, clock: Clock, language: str
) -> None:
    """A test, an event, one after the secret was rotated, and one that is sent again."""
    clock.now = datetime.now(UTC)  # receivers refuse other times
    private: dict[str, Any] = {"webhook_private_targets": True}
    async with running_live_api(databases, clock, **private) as live:
        types = ["CUSTOMER_CREATED", "CUSTOMER_UPDATED"]
        made = await add_endpoint(live, isActive=False, eventTypes=types)
        async with receiving(language, made["secret"]) as receiver:
            await live.done(
                "saveWebhookEndpoint", "", id=made["id"], url=receiver.url, isActive=True
            )
            await ping(live, made["id"])
            assert re.fullmatch(r"received evt_\w+ ping .+", await receiver.line())
            customer = await live.save_customer(name="Acme")
            created = await receiver.line()
            assert re.fullmatch(r"received evt_\w+ customer\.created .+", created)
            assert customer["id"] in created
            await live.done("rotateWebhookSecret", "", id=made["id"])
            await live.save_customer(id=customer["id"], name="Acme Limited")
            assert " customer.updated " in await receiver.line()
            (sent,) = await accepted(live, ["CUSTOMER_CREATED"])
            assert sent["attempts"] == [{"statusCode": 204, "error": None, "answer": ""}]
            assert customer["id"] in sent["requestBody"]
            await live.done("redeliverWebhooks", "", deliveryIds=[sent["id"]])
            assert await receiver.line() == f"repeated {created.split()[1]}"


async def accepted(live: LiveApi, types: Sequence[str]) -> list[Json]:
    """Wait until all deliveries of some types are accepted; return them."""
    async with asyncio.timeout(ENOUGH_S):
        while True:
            found = (await live.data(OUTCOMES, types=types))["webhookDeliveries"]["nodes"]
            if {one["outcome"] for one in found} == {"DELIVERED"}:
                return list(found)
            await asyncio.sleep(0.05)


def test_the_lock_file_holds_no_download_addresses() -> None:
    lock = Path(EXAMPLE / "typescript" / "package-lock.json")
    packages = json.loads(lock.read_text())["packages"]
    assert [name for name, package in packages.items() if "resolved" in package] == []
