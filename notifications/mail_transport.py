"""How mails leave: by a mail server where one is set, else into the local mailbox."""

from datetime import timedelta
from email.message import EmailMessage
from email.utils import parseaddr
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from models.rules.email_address import InvalidEmailError, email_on_the_wire, normalise_email
from notifications.file_transport import FileTransport
from notifications.mime import Sender, checked

DEFAULT_NAME = "Customer accounts"


class MailTransport(Protocol):
    """Takes mails away."""

    async def send(self, message: EmailMessage, recipient: str) -> None:
        """Hand a mail over; raises MailDelayed or MailRefused."""

    async def remove(self, mail_id: str) -> None:
        """Delete the copy of a mail, if this transport keeps one; raises MailDelayed."""


class MailSettings(Protocol):
    """What an operator may set about mails."""

    @property
    def smtp_address(self) -> str | None:
        """Give the address of the mail server, password and all."""

    @property
    def smtp_timeout_s(self) -> float:
        """How many seconds it may take to hand over a mail."""

    @property
    def mail_from(self) -> str | None:
        """Give whom mails come from, as `Name <address>`."""

    @property
    def mailbox(self) -> Path:
        """Give the folder of the local mailbox."""

    @property
    def links_begin_with(self) -> str:
        """Give the public address of this service, without a slash at its end."""

    @property
    def mails_per_mailbox_hour(self) -> int:
        """Give how many mails one mailbox gets in an hour."""

    @property
    def link_lifetimes(self) -> tuple[timedelta, timedelta]:
        """Give how long links work: those that confirm, and those that withdraw."""


def sender_of(settings: MailSettings) -> Sender:
    """Give whom mails come from; raises ValueError for what is no address."""
    if settings.mail_from is None:
        host = urlsplit(settings.links_begin_with).hostname or ""
        is_name = any(character.isalpha() for character in host) and ":" not in host
        return Sender(DEFAULT_NAME, f"no-reply@{host if is_name else 'localhost'}")
    name, address = parseaddr(checked(settings.mail_from))
    try:
        stored = normalise_email(address)
    except InvalidEmailError as error:
        raise ValueError("MAIL_FROM is an address, or a name and an address in <>") from error
    return Sender(name or DEFAULT_NAME, email_on_the_wire(stored))


def transport_of(settings: MailSettings) -> MailTransport:
    """Give what takes mails away; raises ValueError for settings that make no sense."""
    sender = sender_of(settings)
    if settings.smtp_address is None:
        return FileTransport(settings.mailbox)
    from notifications.smtp_transport import SmtpTransport, smtp_server  # noqa: PLC0415  # seldom for the mailbox

    return SmtpTransport(
        smtp_server(settings.smtp_address),
        sender.address,
        timeout_s=settings.smtp_timeout_s,
    )
