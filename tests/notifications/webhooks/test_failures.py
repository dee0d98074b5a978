"""Receivers that fail in every way: what is stored, when it is tried again, who else suffers."""

import asyncio
from datetime import timedelta
from email.utils import format_datetime

import pytest
from aiohttp import web

from models import Event, Job, WebhookAttempt, WebhookDelivery, WebhookEndpoint
from models.jobs.webhook_fan_out import fan_out
from models.jobs.webhook_outcomes import Circumstances, find_failing
from models.jobs.webhook_queue import enable, enqueue_ping, redeliver
from models.rules.webhook_retry import BREAKER_AFTER, WebhookPolicy
from models.storage.database import Database
from models.tables.audit import ActorContext
from tests.clock import Clock
from tests.factories import add_customer
from tests.webhook_receiver import Answer, add_endpoint, hang, receiving, sending

SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)


async def drip(request: web.Request) -> web.StreamResponse:
    """Answer 200, and then a byte every now and then."""
    response = web.StreamResponse()
    await response.prepare(request)
    for _ in range(50):
        await response.write(b".")
        await asyncio.sleep(0.1)
    return response


async def drip_head(request: web.Request) -> web.StreamResponse:
    """Answer a head that never ends."""
    assert request.transport is not None
    for _ in range(50):
        request.transport.write(b"HTTP/1.1 200 OK\r\nX: " if _ == 0 else b"x")
        await asyncio.sleep(0.1)
    return web.Response()


async def huge(_: web.Request) -> web.StreamResponse:
    return web.Response(body=b"<" * 5_000_000)


async def hang_up(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.close()
    return web.Response()


async def zeros(_: web.Request) -> web.StreamResponse:
    return web.Response(status=400, body=b"\x00\xff\x1b[2J\twhy\r\n" + b"y" * 3_000)


async def redirect(request: web.Request) -> web.StreamResponse:
    return web.Response(status=307, headers={"Location": str(request.url)})


def asking(value: str, status: int = 503) -> Answer:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(status=status, headers={"Retry-After": value})

    return answer


async def delivery() -> WebhookDelivery:
    return await WebhookDelivery.all().order_by("id").first()  # type: ignore[return-value]  # there is one


@pytest.mark.parametrize(
    ("answer", "status", "error", "state"),
    [
        (199 + 1, 200, None, "DELIVERED"),
        (204, 204, None, "DELIVERED"),
        (304, 304, "REDIRECTED", "PENDING"),
        (redirect, 307, "REDIRECTED", "PENDING"),
        (400, 400, "REFUSED", "PENDING"),
        (429, 429, "REFUSED", "PENDING"),
        (500, 500, "REFUSED", "PENDING"),
        (hang, None, "TIMED_OUT", "PENDING"),
        (drip, 200, None, "DELIVERED"),
        (drip_head, None, "TIMED_OUT", "PENDING"),
        (huge, 200, None, "DELIVERED"),
        (hang_up, None, "BROKEN_ANSWER", "PENDING"),
        (zeros, 400, "REFUSED", "PENDING"),
    ],
)
async def test_each_answer_has_its_outcome(
    database: Database,
    act: ActorContext,
    clock: Clock,
    answer: int | Answer,
    status: int | None,
    error: str | None,
    state: str,
) -> None:
    async with receiving() as receiver, sending(database, clock) as sender:
        await add_endpoint(database, receiver.url, clock)
        receiver.always = answer
        await add_customer(database, act)
        await fan_out(database, clock())
        assert await sender.send_due() == 1
        assert len(receiver.taken) == 1
    attempt = await WebhookAttempt.get()
    assert (attempt.status_code, attempt.error) == (status, error)
    assert (await delivery()).state == state
    assert attempt.started_at == clock()
    assert attempt.duration_ms < 3_000
    assert len(attempt.answer or "") <= 1_000
    if answer is huge:
        assert attempt.answer == "<" * 1_000
    if answer is zeros:
        assert attempt.answer is not None
        assert attempt.answer.startswith("\ufffd\ufffd\ufffd[2J\twhy\r\nyy")


async def test_nobody_listening_is_a_failure_to_connect(
    database: Database, act: ActorContext, clock: Clock
) -> None:
    async with receiving() as receiver:
        url = receiver.url
    async with sending(database, clock) as sender:
        await add_endpoint(database, url, clock)
        await add_customer(database, act)
        await fan_out(database, clock())
        await sender.send_due()
    assert (await WebhookAttempt.get()).error == "CONNECT_FAILED"


@pytest.mark.parametrize(
    ("value", "wait"),
    [
        ("120", timedelta(seconds=120)),
        ("999999", DAY),
        ("0", 5 * SECOND),
        ("soon", 5 * SECOND),
        ("-7", 5 * SECOND),
        ("DATE", 2 * HOUR),
    ],
)
async def test_a_receiver_may_ask_for_a_longer_wait(
    database: Database, act: ActorContext, clock: Clock, value: str, wait: timedelta
) -> None:
    if value == "DATE":
        value = format_datetime(clock() + 2 * HOUR, usegmt=True)
    async with receiving() as receiver, sending(database, clock) as sender:
        await add_endpoint(database, receiver.url, clock)
        receiver.always = asking(value)
        await add_customer(database, act)
        await fan_out(database, clock())
        await sender.send_due()
    assert (await delivery()).next_attempt_at == clock() + wait


async def test_gone_disables_at_once_and_is_told_as_an_event(
    database: Database, act: ActorContext, clock: Clock
) -> None:
    async with receiving() as receiver, sending(database, clock) as sender:
        endpoint = await add_endpoint(database, receiver.url, clock)
        receiver.answers = [410]
        await add_customer(database, act, name="A")
        await fan_out(database, clock())
        await sender.send_due()
        await endpoint.refresh_from_db()
        assert (endpoint.is_active, endpoint.disabled_reason) == (False, "GONE")
        assert endpoint.disabled_at == clock()
        event = await Event.get(type="webhook_endpoint.disabled")
        assert (event.subject_id, event.customer_id) == (endpoint.id, None)
        # Nothing is lost: what is pending and what happens meanwhile arrives once it is enabled.
        await add_customer(database, act, name="B")
        assert await fan_out(database, clock()) == 0
        clock.advance(DAY)
        assert await sender.send_due() == 0

        async def enabled() -> None:
            await enable(await WebhookEndpoint.get(), clock())

        await database.transaction(enabled)
        await fan_out(database, clock())
        await sender.send_due()
        types = [one.data["type"] for one in receiver.taken]
        assert sorted(types) == [
            "customer.created",
            "customer.created",
            "customer.created",
            "webhook_endpoint.disabled",
        ]
        assert len(set(receiver.ids)) == 3
        assert await WebhookDelivery.exclude(state="DELIVERED").count() == 0
        await endpoint.refresh_from_db()
        assert endpoint.last_number is None


async def test_after_failures_in_a_row_an_endpoint_gets_one_probe_at_a_time(
    database: Database, act: ActorContext, clock: Clock
) -> None:
    async with receiving() as receiver, sending(database, clock) as sender:
        await add_endpoint(database, receiver.url, clock)
        receiver.always = 500
        for n in range(12):
            await add_customer(database, act, name=f"C {n}")
        await fan_out(database, clock())
        await sender.send_due()
        failed = len(receiver.taken)
        assert BREAKER_AFTER <= failed <= BREAKER_AFTER + 3  # as four are in flight
        for _ in range(3):
            assert await sender.send_due() == 0
        clock.advance(60 * SECOND)
        await sender.send_due()
        assert len(receiver.taken) == failed + 1
        receiver.always = 200
        clock.advance(10 * 60 * SECOND)
        await sender.send_due()  # the probe succeeds, and wakes the lanes that wait for retries
        assert await WebhookDelivery.exclude(state="DELIVERED").count() == 0
        assert (await WebhookEndpoint.get()).failures == 0


async def test_a_hanging_endpoint_does_not_delay_another(
    database: Database, act: ActorContext, clock: Clock
) -> None:
    async with (
        receiving() as slow,
        receiving() as quick,
        sending(database, clock, total_s=2.0) as sender,
    ):
        slow.always = hang
        await add_endpoint(database, slow.url, clock)
        await add_endpoint(database, quick.url, clock)
        for n in range(10):
            await add_customer(database, act, name=f"C {n}")
        await fan_out(database, clock())
        running = asyncio.create_task(sender.run())
        async with asyncio.timeout(10):
            while len(quick.taken) < 10:  # noqa: ASYNC110  # arrivals fire no event
                await asyncio.sleep(0.01)
        assert len(slow.taken) <= 4
        sender.stop()
        await running


async def test_a_delivery_that_alone_fails_is_set_aside_and_the_lane_goes_on(
    database: Database, act: ActorContext, clock: Clock
) -> None:
    async with receiving() as receiver, sending(database, clock) as sender:
        endpoint = await add_endpoint(database, receiver.url, clock)
        poison = (await add_customer(database, act, name="Poison")).id

        async def answer(request: web.Request) -> web.StreamResponse:
            is_poison = poison.encode() in await request.read() and not is_mended
            return web.Response(status=500 if is_poison else 200)

        is_mended = False
        receiver.always = answer
        await fan_out(database, clock())
        for _ in range(9):
            await sender.send_due()
            await add_customer(database, act, name=f"Good {clock().timestamp()}")
            await fan_out(database, clock())
            await sender.send_due()
            clock.advance(6 * HOUR)
        first = await WebhookDelivery.get(customer_id=poison)
        assert first.state == "FAILED"
        assert await WebhookDelivery.filter(state="DELIVERED").count() == 9
        is_mended = True

        async def again() -> list[str]:
            return await redeliver(endpoint, [first.id, first.id, "whd_unknown"], clock())

        (again_id,) = await database.transaction(again)
        await sender.send_due()
        second = await WebhookDelivery.get(id=again_id)
        assert (second.state, second.cause, second.event_id) == (
            "DELIVERED",
            "REDELIVERY",
            first.event_id,
        )
        assert second.position == first.position + 1


async def test_an_endpoint_that_fails_for_days_is_disabled(
    database: Database, act: ActorContext, clock: Clock
) -> None:
    policy = WebhookPolicy(has_notices=True)

    async def look() -> None:
        around = Circumstances(clock(), lambda: 0.5, policy)
        await database.transaction(lambda: find_failing(around))

    async with receiving() as receiver, sending(database, clock) as sender:
        endpoint = await add_endpoint(database, receiver.url, clock)
        receiver.always = 500
        await add_customer(database, act)
        await fan_out(database, clock())
        await sender.send_due()
        started = clock()
        clock.now = started + 6 * HOUR - SECOND
        await look()
        assert await Job.filter(kind="webhook_notice").count() == 0
        clock.now = started + 6 * HOUR
        await look()
        await look()
        assert await Job.filter(kind="webhook_notice").count() == 1
        clock.now = started + 3 * DAY - SECOND
        await look()
        assert (await WebhookEndpoint.get()).is_active
        clock.now = started + 3 * DAY
        await look()
        await endpoint.refresh_from_db()
        assert (endpoint.is_active, endpoint.disabled_reason) == (False, "FAILING")
        assert await Event.filter(type="webhook_endpoint.disabled").count() == 1
        assert await Job.filter(kind="webhook_notice").count() == 2


async def test_a_ping_waits_for_nothing_and_is_not_repeated(
    database: Database, act: ActorContext, clock: Clock
) -> None:
    async with receiving() as receiver, sending(database, clock) as sender:
        endpoint = await add_endpoint(database, receiver.url, clock)
        receiver.answers = [500, 500]
        await add_customer(database, act)
        await fan_out(database, clock())
        await sender.send_due()
        ping_id = await database.transaction(lambda: enqueue_ping(endpoint, clock()))
        await sender.send_due()
        assert receiver.taken[-1].data["type"] == "ping"
        assert receiver.taken[-1].data["data"] == {"webhookEndpointId": endpoint.id}
        ping = await WebhookDelivery.get(id=ping_id)
        assert (ping.state, ping.attempts, ping.next_attempt_at) == ("FAILED", 1, None)


async def test_a_test_that_is_accepted_sends_what_waits_at_once(
    database: Database, act: ActorContext, clock: Clock
) -> None:
    async with receiving() as receiver, sending(database, clock) as sender:
        endpoint = await add_endpoint(database, receiver.url, clock)
        receiver.answers = [500, 500]
        customer = await add_customer(database, act)
        await fan_out(database, clock())
        await sender.send_due()
        clock.advance(10 * SECOND)
        await sender.send_due()
        assert (await delivery()).state == "PENDING"
        await database.transaction(lambda: enqueue_ping(endpoint, clock()))
        await sender.send_due()
        await sender.send_due()
        sent = await WebhookDelivery.filter(customer_id=customer.id)
        assert [(one.state, one.attempts) for one in sent] == [("DELIVERED", 3)]


async def test_an_event_that_was_deleted_does_not_stop_its_lane(
    database: Database, act: ActorContext, clock: Clock
) -> None:
    async with receiving() as receiver, sending(database, clock) as sender:
        endpoint = await add_endpoint(database, receiver.url, clock)
        await add_customer(database, act)
        await fan_out(database, clock())
        await Event.all().delete()
        await sender.send_due()
        assert receiver.taken == []
        assert (await delivery()).state == "FAILED"
        assert await WebhookAttempt.all().count() == 0
        await endpoint.refresh_from_db()
        assert endpoint.failures == 0
