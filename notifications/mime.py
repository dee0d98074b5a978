"""Composes mails in such a way that no value in them can add a header. PURE.

The HTML part is passed in; it comes from templates that escape all values.
"""

import unicodedata
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime

from notifications.address_header import MailboxHeader

ENCODED_WORD = "=?"
LINE_BREAKING = frozenset({"Cc", "Cs", "Zl", "Zp"})


@dataclass(frozen=True, slots=True)
class Sender:
    """The name and email address from which mails are sent; the domain of `address` is in ASCII."""

    name: str
    address: str

    @property
    def domain(self) -> str:
        return self.address.rpartition("@")[2]


def compose(
    *,
    message_id: str,
    sender: Sender,
    to_name: str,
    to_address: str,
    subject: str,
    text: str,
    html: str,
    at: datetime,
) -> EmailMessage:
    """Return a mail with two alternatives, text and HTML.

    `to_address` is an email address with its domain in ASCII. `message_id` is the part of the
    Message-ID before the @. It must be the same for each attempt, so that mail programs recognise a
    mail that arrives twice. Raises ValueError if a header value contains a control character.
    """
    needs_utf8 = not (sender.address.isascii() and to_address.isascii())
    message = EmailMessage(SMTPUTF8 if needs_utf8 else SMTP)
    message["From"] = _mailbox("From", sender.name, sender.address)
    message["To"] = _mailbox("To", to_name, to_address)
    message["Subject"] = checked(subject)
    message["Date"] = format_datetime(at)
    message["Message-ID"] = f"<{checked(message_id)}@{checked(sender.domain)}>"
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    message.set_content(text)
    message.add_alternative(html, subtype="html")
    _refuse_others(message)
    return message


def checked(value: str) -> str:
    """Return `value` in a form that is safe in a header.

    Raises ValueError if it contains control characters, which could end the line. Python decodes
    encoded words (RFC 2047) in a header value, including line breaks in them. So a space is put
    between the characters that would begin an encoded word.
    """
    if any(unicodedata.category(character) in LINE_BREAKING for character in value):
        raise ValueError("a header value contains a control character")
    return value.replace(ENCODED_WORD, "= ?")


def _mailbox(header: str, name: str, address: str) -> MailboxHeader:
    if checked(address) != address:
        raise ValueError("an address contains an encoded word")
    return MailboxHeader(header, checked(name), address)


def _refuse_others(message: EmailMessage) -> None:
    """Raise ValueError if the message as it is written would be parsed with other headers."""
    read = message_from_bytes(bytes(message), policy=SMTP)
    if read.keys() != message.keys() or not read.is_multipart():
        raise ValueError("a header value became a header")
    if any(len(read[header].addresses) != 1 for header in ("From", "To")):
        raise ValueError("a name became an address")
