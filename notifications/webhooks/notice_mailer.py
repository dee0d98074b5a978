"""Runs the job that tells the platform by email that a webhook endpoint fails, or was disabled."""

from collections.abc import Callable
from datetime import UTC, datetime
from html import escape
from typing import Protocol
from urllib.parse import urlsplit

import structlog

from models.jobs.job import Claim
from models.jobs.job_attempt import Outcome, Store, TryAgainError
from models.rules.email_address import email_on_the_wire
from models.tables.webhook import DisabledReason, WebhookEndpoint
from notifications.errors import MailDelayed, MailRefused
from notifications.mail_transport import MailSettings, MailTransport, sender_of, transport_of
from notifications.mime import Sender, compose

log = structlog.get_logger(__name__)

SENT, NOT_NEEDED, REFUSED = Outcome("SENT"), Outcome("NOT_NEEDED"), Outcome("UNDELIVERABLE")

WHY = {
    DisabledReason.GONE.value: "It answered 410 Gone, so it was disabled.",
    DisabledReason.FAILING.value: "It took nothing for days, so it was disabled.",
    None: "It takes nothing at present. It is tried again, and disabled if that goes on.",
}


class NoticeSettings(MailSettings, Protocol):
    """The settings of notices."""

    @property
    def webhook_notice_address(self) -> str | None:
        """The email address to which notices are sent."""


class WebhookNoticeMailer:
    """Runs the jobs of kind `webhook_notice`; nothing is sent about an endpoint that works again.

    The mail names the endpoint's id and host only: its path may hold a secret of the receiver.
    """

    def __init__(
        self,
        transport: MailTransport,
        sender: Sender,
        address: str | None,
        clock: Callable[[], datetime],
    ) -> None:
        self._transport = transport
        self._sender = sender
        self._address = address
        self._clock = clock

    async def run(self, job: Claim) -> Store:
        """Send the mail of a job; raises TryAgainError if it must wait."""
        endpoint = await WebhookEndpoint.get_or_none(id=job.payload["endpoint_id"])
        if self._address is None or endpoint is None or not _is_failing(endpoint):
            return _store(NOT_NEEDED)
        address = email_on_the_wire(self._address)
        host = urlsplit(endpoint.url).hostname or ""
        state = "disabled" if endpoint.disabled_at is not None else "failing"
        text = (
            f"The webhook endpoint {endpoint.id} ({host}) is {state}.\n\n"
            f"{WHY[endpoint.disabled_reason]}\n"
            f"First failure: {_shown(endpoint.failing_since)}\n\n"
            "Nothing is lost: what could not be delivered is kept, and is sent when the endpoint"
            " works again or is enabled. See the deliveries of the endpoint in the API.\n"
        )
        message = compose(
            message_id=job.id,
            sender=self._sender,
            to_name="",
            to_address=address,
            subject=f"Webhook endpoint {state}: {host}",
            text=text,
            html=f"<p>{escape(text)}</p>".replace("\n", "<br>"),
            at=self._clock(),
        )
        try:
            await self._transport.send(message, address)
        except MailDelayed as fault:
            raise TryAgainError(fault.code) from fault
        except MailRefused as fault:
            log.warning("mail_refused", code=fault.code, status=fault.status)
            return _store(REFUSED)
        return _store(SENT)

    async def note_retry(
        self,
        job: Claim,
        due_at: datetime,
        reason: str | None,
        attempts: int,
    ) -> None:
        """Store nothing more than the job's own row has."""

    async def note_failure(self, job: Claim, reason: str, *, is_bare: bool) -> None:
        """Store nothing: the API shows the endpoint's state anyway."""


def webhook_notice_mailer(
    settings: NoticeSettings, clock: Callable[[], datetime]
) -> WebhookNoticeMailer:
    """Return the mailer for the settings; raises ValueError if they are invalid."""
    return WebhookNoticeMailer(
        transport_of(settings), sender_of(settings), settings.webhook_notice_address, clock
    )


def _is_failing(endpoint: WebhookEndpoint) -> bool:
    is_disabled = endpoint.disabled_at is not None
    return endpoint.deleted_at is None and (is_disabled or endpoint.failing_since is not None)


def _shown(instant: datetime | None) -> str:
    return "unknown" if instant is None else f"{instant.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _store(outcome: Outcome) -> Store:
    async def store() -> Outcome:
        return outcome

    return store
