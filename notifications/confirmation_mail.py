"""What the mails say that ask for a confirmation. PURE."""

from datetime import datetime
from email.message import EmailMessage
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from models.rules.confirmation_link import ConfirmationKind
from models.rules.confirmation_mail import ConfirmationMail
from models.rules.document import Document
from models.rules.mail_name import name_in_mail
from notifications.mime import Sender, compose

TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=select_autoescape(["html"]),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)

NAMES = {
    ConfirmationKind.EMAIL_VERIFICATION: "email_verification",
    ConfirmationKind.ATTACHMENT_PREFERENCE: "attachment_preference",
}
SUBJECTS = {
    ConfirmationKind.EMAIL_VERIFICATION: "Please confirm your email address",
    ConfirmationKind.ATTACHMENT_PREFERENCE: "Please confirm what we may send you by email",
}
IN_FULL = {
    Document.BILL: "itemised bills, with the list of individual calls",
    Document.CDR_ZIP: "call data records (CDR ZIP), without a password",
    Document.USAGE_FILES: "usage files, with raw call and usage data",
}
"""What a contact gets of each document once it has confirmed."""


def confirmation_message(
    letter: ConfirmationMail, to_address: str, sender: Sender, public_url: str, at: datetime
) -> EmailMessage:
    """Write the mail of a letter; its links begin with the public address of the service.

    `to_address` has its domain in ASCII. Names are repeated only if they are short and plain.
    """
    contact_name = name_in_mail(letter.contact_name or "")
    values = {
        "contact_name": contact_name,
        "customer_name": name_in_mail(letter.customer_name or ""),
        "address": letter.address,
        "confirm_url": f"{public_url}/confirm/{letter.confirming}",
        "withdraw_url": f"{public_url}/withdraw/{letter.withdrawing}",
        "documents": [IN_FULL[document] for document in letter.documents],
        "expires": f"{letter.expires_at:%d %B %Y, %H:%M} UTC",
        "subject": SUBJECTS[letter.kind],
        "sender": sender.name,
    }
    name = NAMES[letter.kind]
    return compose(
        message_id=letter.confirmation_id,
        sender=sender,
        to_name=contact_name or "",
        to_address=to_address,
        subject=SUBJECTS[letter.kind],
        text=TEMPLATES.get_template(f"{name}.txt").render(values),
        html=TEMPLATES.get_template(f"{name}.html").render(values),
        at=at,
    )
