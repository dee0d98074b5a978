"""Chooses how mails are sent: by a mail server if one is set, or else to files in a folder."""

from datetime import timedelta
from email.message import EmailMessage
from email.utils import parseaddr
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from models.rules.email_address import InvalidEmailError, email_on_the_wire, normalise_email
from models.rules.organisation import Organisation
from notifications.file_transport import FileTransport
from notifications.mime import Sender, checked

DEFAULT_NAME = "Customer accounts"


class MailTransport(Protocol):
    """The interface of classes that send mails."""

    async def send(self, message: EmailMessage, recipient: str) -> None:
        """Send a mail to the email address `recipient`; raises MailDelayed or MailRefused."""

    async def remove(self, mail_id: str) -> None:
        """Delete the copy of a mail, if this transport keeps copies; raises MailDelayed."""


class MailSettings(Protocol):
    """The settings of mails."""

    @property
    def smtp_address(self) -> str | None:
        """The URL of the mail server, with the password; if None, mails are written to files."""

    @property
    def smtp_timeout_s(self) -> float:
        """Seconds in which the mail server must accept a mail."""

    @property
    def mail_from(self) -> str | None:
        """The sender, as `Name <address>`."""

    @property
    def mailbox(self) -> Path:
        """The folder to which mails are written as files."""

    @property
    def links_begin_with(self) -> str:
        """The public URL of this service, without a slash at the end."""

    @property
    def mails_per_mailbox_hour(self) -> int:
        """The maximum number of mails that one recipient gets in an hour."""

    @property
    def link_lifetimes(self) -> tuple[timedelta, timedelta]:
        """How long links in mails work: those to confirm, and those to withdraw."""

    @property
    def organisation_name(self) -> str | None:
        """The name of the organisation in whose name mails are sent."""

    @property
    def organisation_privacy_url(self) -> str | None:
        """The URL of the organisation's privacy notice."""

    @property
    def organisation_contact(self) -> str | None:
        """An email address or URL of the organisation, for questions."""


def organisation_of(settings: MailSettings) -> Organisation:
    return Organisation(
        settings.organisation_name,
        settings.organisation_privacy_url,
        settings.organisation_contact,
    )


def sender_of(settings: MailSettings) -> Sender:
    """Return the sender of mails; raises ValueError if MAIL_FROM has no valid email address."""
    default_name = settings.organisation_name or DEFAULT_NAME
    if settings.mail_from is None:
        host = urlsplit(settings.links_begin_with).hostname or ""
        is_name = any(character.isalpha() for character in host) and ":" not in host
        return Sender(default_name, f"no-reply@{host if is_name else 'localhost'}")
    name, address = parseaddr(checked(settings.mail_from))
    try:
        stored = normalise_email(address)
    except InvalidEmailError as error:
        raise ValueError(
            "MAIL_FROM must be an email address, alone or as `Name <address>`"
        ) from error
    return Sender(name or default_name, email_on_the_wire(stored))


def transport_of(settings: MailSettings) -> MailTransport:
    """Return the transport for mails that the settings choose; raises ValueError if invalid."""
    sender = sender_of(settings)
    if settings.smtp_address is None:
        return FileTransport(settings.mailbox)
    from notifications.smtp_transport import SmtpTransport, smtp_server  # noqa: PLC0415  # seldom for the mailbox

    return SmtpTransport(
        smtp_server(settings.smtp_address),
        sender.address,
        timeout_s=settings.smtp_timeout_s,
    )
