"""The job that sends a confirmation mail, with all failures of a mail server."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from email.message import EmailMessage

import pytest
import structlog

from models import Confirmation, ConfirmationToken, Contact, Job
from models.changes.confirmation_answer import use_link
from models.changes.confirmation_mails import Lifetimes
from models.changes.confirmation_request import request_verification
from models.changes.contact_editing import create_contact, delete_contact, edit_contact
from models.jobs.job import Claim, JobState
from models.jobs.job_attempt import Outcome
from models.jobs.kinds import CONFIRMATION_MAIL
from models.jobs.worker import JobKindOptions, TryAgainError, Worker
from models.rules.confirmation_link import LinkState
from models.rules.mail_failure import MailFailureCode as Code
from models.storage.database import Database
from models.tables.audit import ActorContext
from models.tables.confirmation import LinkPurpose, MailState
from notifications.confirmation_mailer import SILENT_AFTER, ConfirmationMailer
from notifications.errors import MailDelayed
from notifications.mail_transport import MailTransport
from notifications.mime import Sender
from notifications.smtp_transport import SmtpTransport, smtp_server
from tests.clock import Clock
from tests.factories import add_customer, at, erase
from tests.mails import Mail
from tests.notifications.servers import (
    Inbox,
    dying_at,
    mail_server,
    odd_server,
    silent,
)

SENDER = Sender("Acme Billing", "no-reply@billing.example")
LIFETIMES = Lifetimes(timedelta(hours=72), timedelta(days=730))
SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class Desk:
    """A contact with a requested confirmation, and the worker that sends the mail."""

    database: Database
    act: ActorContext
    clock: Clock
    contact: Contact

    def mailer(self, url: str) -> ConfirmationMailer:
        post = SmtpTransport(smtp_server(url), SENDER.address, timeout_s=2.0)
        return self.mailer_of(post)

    def mailer_of(self, post: MailTransport) -> ConfirmationMailer:
        return ConfirmationMailer(
            self.database, post, SENDER, "https://billing.example", LIFETIMES, self.clock
        )

    def worker(self, mailer: ConfirmationMailer) -> Worker:
        return Worker("w", self.database, {CONFIRMATION_MAIL: JobKindOptions(mailer)}, self.clock)

    async def ask(self) -> None:
        act = at(self.act, self.clock())
        await self.database.transaction(lambda: request_verification(act, self.contact.id, None))

    async def work(self, url: str) -> int:
        return await self.worker(self.mailer(url)).run_due()

    async def press(self, mail: Mail) -> LinkState:
        token = mail.links[0].rsplit("/", 1)[1]
        followed = await self.database.transaction(
            lambda: use_link(token, LinkPurpose.CONFIRM, self.clock(), "request-2")
        )
        return followed.state

    async def failure(self) -> tuple[Code | None, bool]:
        contact = await Contact.get(id=self.contact.id)
        assert (contact.mail_failure is None) == (contact.mail_failed_at is None)
        return contact.mail_failure, contact.is_mail_given_up


@pytest.fixture
async def desk(database: Database, act: ActorContext, clock: Clock) -> Desk:
    customer = await add_customer(database, act)
    values = {"name": "Ann", "email": "ann@münchen.example"}
    contact = await database.transaction(lambda: create_contact(act, customer.id, values))
    return Desk(database, act, clock, contact)


async def test_a_mail_goes_out_once_and_to_the_address_as_servers_take_it(desk: Desk) -> None:
    """R60."""
    await desk.ask()
    async with mail_server() as inbox:
        assert await desk.work(inbox.url) == 1
        assert await desk.work(inbox.url) == 0
    ((to, mail),) = inbox.taken
    assert to == "ann@xn--mnchen-3ya.example"
    confirmation = await Confirmation.get()
    assert (confirmation.mail_state, confirmation.mail_sent_at) == (MailState.SENT, desk.clock())
    assert mail.message["Message-ID"] == f"<{confirmation.id}@billing.example>"
    assert (await Job.get()).state is JobState.DONE
    assert await desk.press(mail) is LinkState.DONE


async def test_a_server_that_is_down_delays_the_mail_and_loses_nothing(desk: Desk) -> None:
    """The contact shows the failure until the mail has been sent."""
    await desk.ask()
    async with odd_server(dying_at(b"EHLO")) as url:
        for _ in range(3):
            assert await desk.work(url) == 1
            assert await desk.failure() == (Code.BROKE_OFF, False)
            assert (await Confirmation.get()).mail_state is MailState.RETRYING
            job = await Job.get()
            assert job.due_at is not None
            desk.clock.now = job.due_at
    async with mail_server() as inbox:
        assert await desk.work(inbox.url) == 1
    assert await desk.failure() == (None, False)
    ((_, mail),) = inbox.taken
    assert await desk.press(mail) is LinkState.DONE


async def test_the_lifetime_of_a_link_counts_from_when_its_mail_goes_out(desk: Desk) -> None:
    """R67."""
    await desk.ask()
    desk.clock.advance(timedelta(hours=40))
    async with mail_server() as inbox:
        await desk.work(inbox.url)
    desk.clock.advance(timedelta(hours=71))
    assert await desk.press(inbox.taken[0][1]) is LinkState.DONE


async def test_a_slow_server_is_given_up_on_for_now(desk: Desk) -> None:
    await desk.ask()
    async with odd_server(silent) as url:
        await desk.work(url)
    assert await desk.failure() == (Code.TOO_SLOW, False)


async def test_a_refusal_for_now_is_tried_again_and_one_for_good_is_not(desk: Desk) -> None:
    await desk.ask()
    async with mail_server(Inbox(to_rcpt=["450 later", "550 no such user"])) as inbox:
        await desk.work(inbox.url)
        assert await desk.failure() == (Code.TEMPORARILY_REFUSED, False)
        desk.clock.advance(10 * SECOND)
        await desk.work(inbox.url)
        assert await desk.failure() == (Code.RECIPIENT_REFUSED, True)
        confirmation = await Confirmation.get()
        assert confirmation.mail_state is MailState.UNDELIVERABLE
        assert (await Job.get()).state is JobState.DONE
        desk.clock.advance(timedelta(days=1))
        assert await desk.work(inbox.url) == 0
        await desk.ask()
        await desk.work(inbox.url)
    assert len(inbox.taken) == 1
    assert await desk.failure() == (None, False)


async def test_the_line_of_a_mail_says_what_became_of_it(desk: Desk) -> None:
    with structlog.testing.capture_logs() as lines:
        async with mail_server(Inbox(to_rcpt=["550 no such user"])) as inbox:
            for _ in range(2):
                await desk.ask()
                await desk.work(inbox.url)
                desk.clock.advance(timedelta(days=1))
    refused, sent = (line for line in lines if line["event"] == "job_done")
    assert (refused["outcome"], refused["reason"]) == ("UNDELIVERABLE", "RECIPIENT_REFUSED")
    assert sent["outcome"] == "SENT"
    assert "reason" not in sent


async def test_a_mail_is_given_up_after_two_days_with_its_last_failure(desk: Desk) -> None:
    await desk.ask()
    async with odd_server(dying_at(b"MAIL")) as url:
        await desk.work(url)
        desk.clock.advance(timedelta(hours=48))
        await desk.work(url)
    assert await desk.failure() == (Code.BROKE_OFF, True)
    assert (await Job.get()).state is JobState.FAILED
    assert (await Confirmation.get()).mail_state is MailState.UNDELIVERABLE


async def test_a_server_that_dies_before_its_last_word_may_get_the_mail_twice(
    desk: Desk,
) -> None:
    """Both mails have the same Message-ID; only the first use of their links counts (R67)."""
    await desk.ask()
    heard: list[bytes] = []

    async def dies_too_soon(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example\r\n")
        while line := await reader.readline():
            if line.startswith(b"DATA"):
                writer.write(b"354 go on\r\n")
                heard.append(await reader.readuntil(b"\r\n.\r\n"))
                return
            writer.write(b"250 OK\r\n")

    async with odd_server(dies_too_soon) as url:
        await desk.work(url)
    assert await desk.failure() == (Code.BROKE_OFF, False)
    desk.clock.advance(10 * SECOND)
    async with mail_server() as inbox:
        await desk.work(inbox.url)
    first, second = Mail.of(heard[0]), inbox.taken[0][1]
    assert first.message["Message-ID"] == second.message["Message-ID"]
    assert first.links != second.links
    assert await ConfirmationToken.all().count() == 2
    assert await desk.press(first) is LinkState.DONE
    at_first = (await Contact.get()).email_verified_at
    desk.clock.advance(SECOND)
    assert await desk.press(second) is LinkState.DONE
    assert (await Contact.get()).email_verified_at == at_first


async def test_a_silent_server_holds_one_slot_and_is_found_again(desk: Desk) -> None:
    """After three timeouts in a row only one mail tries the server; the others wait."""
    answers, asked = asyncio.Event(), asyncio.Event()

    class Silent:
        sent = 0

        async def send(self, _: EmailMessage, __: str) -> None:
            if Silent.sent >= SILENT_AFTER:
                asked.set()
                await answers.wait()
            Silent.sent += 1
            if not answers.is_set():
                raise MailDelayed(Code.TOO_SLOW)

        async def remove(self, _: str) -> None:
            raise AssertionError

    mailer = desk.mailer_of(Silent())
    await desk.ask()
    (job,) = await Job.all()
    held = Claim(job.id, job.kind, job.payload, 1, "owner", job.created_at)
    for _ in range(SILENT_AFTER):
        with pytest.raises(TryAgainError, match="TOO_SLOW"):
            await mailer.run(held)
    probe = asyncio.create_task(mailer.run(held))
    async with asyncio.timeout(60):
        await asked.wait()
        with pytest.raises(TryAgainError, match="TOO_SLOW"):
            await mailer.run(held)  # without waiting
        answers.set()
        await probe
        await asyncio.gather(*(mailer.run(held) for _ in range(3)))
    assert Silent.sent == SILENT_AFTER + 4


async def test_a_worker_that_dies_after_the_mail_went_out_sends_it_again_as_the_same(
    desk: Desk,
) -> None:
    await desk.ask()
    async with mail_server() as inbox:
        dying = desk.worker(desk.mailer(inbox.url))
        with pytest.MonkeyPatch.context() as patch:
            for ending in ("finish", "reschedule"):
                patch.setattr(f"models.jobs.job_attempt.{ending}", _killed)
            await dying.run_due()
        assert len(inbox.taken) == 1
        assert (await Confirmation.get()).mail_state is MailState.QUEUED
        desk.clock.advance(timedelta(seconds=16))
        assert await desk.work(inbox.url) == 1
    (_, one), (_, other) = inbox.taken
    assert one.message["Message-ID"] == other.message["Message-ID"]
    assert [await desk.press(mail) for mail in (other, one)] == [LinkState.DONE] * 2


async def _killed(*_: object) -> None:
    raise RuntimeError("the worker is gone")


@pytest.mark.parametrize("end", ["address", "deleted", "erased"])
async def test_a_mail_that_nobody_waits_for_any_more_stays_unsent(desk: Desk, end: str) -> None:
    """R62: also if it happens after the job was claimed and before it runs."""
    await desk.ask()
    (job,) = await Job.all()
    held = Claim(job.id, job.kind, job.payload, 1, "owner", job.created_at)
    await Job.all().update(owner="owner")
    contact_id = desk.contact.id
    if end == "address":
        await desk.database.transaction(
            lambda: edit_contact(desk.act, contact_id, None, {"email": "b@acme.example"}, None)
        )
    elif end == "deleted":
        await desk.database.transaction(lambda: delete_contact(desk.act, contact_id, None))
    else:
        customer = await desk.contact.customer
        await erase(desk.database, desk.act, customer)
    async with mail_server() as inbox:
        store = await desk.mailer(inbox.url).run(held)
        assert await desk.database.transaction(store) == Outcome("NOT_NEEDED")
    assert inbox.taken == []
    assert await ConfirmationToken.all().count() == 0
    assert (await Confirmation.get()).mail_state is MailState.CANCELLED


async def test_a_failure_of_an_old_address_is_not_shown_for_a_new_one(desk: Desk) -> None:
    """R62."""
    await desk.ask()
    async with mail_server(Inbox(to_rcpt=["550 no"])) as inbox:
        await desk.work(inbox.url)
    assert await desk.failure() == (Code.RECIPIENT_REFUSED, True)
    values = {"email": "b@acme.example"}
    await desk.database.transaction(
        lambda: edit_contact(desk.act, desk.contact.id, None, values, None)
    )
    assert await desk.failure() == (None, False)
