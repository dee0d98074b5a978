"""Runs the job that sends a confirmation mail: creates its links, sends it, stores the result."""

from collections.abc import Awaitable, Callable
from datetime import datetime

import structlog

from models.changes.confirmation_mails import (
    Lifetimes,
    MailHeldBack,
    is_erased,
    note_delayed,
    note_held,
    note_not_needed,
    note_sent,
    note_undeliverable,
    prepare_mail,
)
from models.jobs.job import Claim
from models.jobs.job_attempt import Outcome, ReleaseJobError, Store, TryAgainError
from models.rules.email_address import email_on_the_wire
from models.rules.mail_failure import MailFailureCode
from models.rules.organisation import Organisation
from models.storage.database import Database
from models.tables.confirmation import MailState
from models.tables.mail_quota import MailQuota
from notifications.confirmation_mail import confirmation_message
from notifications.errors import MailDelayed, MailRefused
from notifications.mail_transport import (
    MailSettings,
    MailTransport,
    organisation_of,
    sender_of,
    transport_of,
)
from notifications.mime import Sender

log = structlog.get_logger(__name__)

HELD = "HELD"
"""The reason of a retry if a mail must wait because its recipient got too many mails."""

SENT, NOT_NEEDED = Outcome(MailState.SENT), Outcome("NOT_NEEDED")

REMOVED = "removed"
"""The key in a job's payload of ids of erased mails, whose copies the job must delete."""

SILENT_AFTER = 3
"""After this number of timeouts in a row, mails are tried one at a time, until one is answered."""


class ConfirmationMailer:
    """Runs the jobs of kind `confirmation_mail`.

    If a worker dies after the mail server has accepted a mail, but before that is stored, the mail
    is sent again, with the same Message-ID and with new links. The links of both mails work, but a
    contact can confirm only once.
    """

    def __init__(
        self,
        database: Database,
        transport: MailTransport,
        sender: Sender,
        public_url: str,
        lifetimes: Lifetimes,
        clock: Callable[[], datetime],
        quota: MailQuota | None = None,
        organisation: Organisation | None = None,
    ) -> None:
        self._database = database
        self._transport = transport
        self._sender = sender
        self._public_url = public_url
        self._lifetimes = lifetimes
        self._clock = clock
        self._quota = quota or MailQuota()
        self._organisation = organisation or Organisation()
        self._timeouts = 0
        self._is_probing = False

    async def run(self, job: Claim) -> Store:
        """Send the mail of a job, and return a function that stores the result.

        Nothing is sent if the confirmation is no longer open. If the job's payload has the key
        REMOVED, copies of erased mails are deleted instead. Raises TryAgainError or ReleaseJobError
        if the job must wait.
        """
        if REMOVED in job.payload:
            for mail_id in job.payload[REMOVED]:
                await self._remove(mail_id)
            return _removed
        if self._timeouts < SILENT_AFTER:
            return await self._send(job)
        if self._is_probing:
            raise TryAgainError(MailFailureCode.TOO_SLOW)
        self._is_probing = True
        try:
            return await self._send(job)
        finally:
            self._is_probing = False

    async def _send(self, job: Claim) -> Store:
        confirmation_id: str = job.payload["confirmation_id"]
        now = self._clock()
        mail = await self._database.transaction(
            lambda: prepare_mail(confirmation_id, now, self._lifetimes, self._quota)
        )
        if isinstance(mail, MailHeldBack):
            log.info("mail_held", wait_s=round(mail.wait.total_seconds()))
            raise ReleaseJobError(HELD, mail.wait)
        if mail is None:
            return self._noted(NOT_NEEDED, lambda now: note_not_needed(confirmation_id, now))
        address = email_on_the_wire(mail.address)
        message = confirmation_message(
            mail, address, self._sender, self._public_url, now, self._organisation
        )
        try:
            await self._transport.send(message, address)
        except MailDelayed as fault:
            is_silent = fault.code is MailFailureCode.TOO_SLOW
            self._timeouts = self._timeouts + 1 if is_silent else 0
            log.info("mail_delayed", code=fault.code, status=fault.status)
            raise TryAgainError(fault.code) from fault
        except MailRefused as fault:
            self._timeouts = 0
            log.warning("mail_refused", code=fault.code, status=fault.status)
            code = fault.code
            return self._noted(
                Outcome(MailState.UNDELIVERABLE, code),
                lambda now: note_undeliverable(confirmation_id, code, now),
            )
        self._timeouts = 0
        if await is_erased(confirmation_id):  # the contact was erased while the mail was being sent
            await self._remove(confirmation_id)
        return self._noted(SENT, lambda now: note_sent(confirmation_id, now))

    async def _remove(self, mail_id: str) -> None:
        try:
            await self._transport.remove(mail_id)
        except MailDelayed as fault:
            log.warning("mail_not_removed", code=fault.code)
            raise TryAgainError(fault.code) from fault

    def _noted(self, outcome: Outcome, note: Callable[[datetime], Awaitable[None]]) -> Store:
        async def store() -> Outcome:
            await note(self._clock())
            return outcome

        return store

    async def note_retry(
        self,
        job: Claim,
        due_at: datetime,  # noqa: ARG002  # the worker's signature
        reason: str | None,
        attempts: int,  # noqa: ARG002  # the worker's signature
    ) -> None:
        """Store on the contact that the mail is delayed, and why.

        A mail that waits because its recipient got too many mails is stored as held back instead.
        """
        if REMOVED in job.payload:
            return
        if reason == HELD:
            await note_held(job.payload["confirmation_id"], self._clock())
        elif reason is not None:
            failure = MailFailureCode(reason)
            await note_delayed(job.payload["confirmation_id"], failure, self._clock())

    async def note_failure(
        self,
        job: Claim,
        reason: str,  # noqa: ARG002  # the worker's signature
        *,
        is_bare: bool,  # noqa: ARG002  # there is no more to store than the failure
    ) -> None:
        """Store on the contact that the mail was not delivered, when the last attempt failed."""
        if REMOVED in job.payload:
            return
        await note_undeliverable(job.payload["confirmation_id"], None, self._clock())


async def _removed() -> Outcome:
    return Outcome("REMOVED")


def confirmation_mailer(
    settings: MailSettings, database: Database, clock: Callable[[], datetime]
) -> ConfirmationMailer:
    """Return the mailer for the settings; raises ValueError if they are invalid."""
    return ConfirmationMailer(
        database,
        transport_of(settings),
        sender_of(settings),
        settings.links_begin_with,
        Lifetimes(*settings.link_lifetimes),
        clock,
        MailQuota(per_mailbox=settings.mails_per_mailbox_hour),
        organisation_of(settings),
    )
