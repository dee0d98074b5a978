"""Writes the mails that ask contacts for a confirmation. PURE."""

from datetime import datetime
from email.message import EmailMessage
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from models.rules.confirmation_link import ConfirmationKind
from models.rules.confirmation_mail import ConfirmationMail
from models.rules.document import Document
from models.rules.mail_name import name_in_mail
from models.rules.organisation import Organisation
from models.rules.uk_time import uk_time
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
"""By document, what contacts will be sent in full if they confirm."""

NO_ORGANISATION = Organisation()


def confirmation_message(
    mail: ConfirmationMail,
    to_address: str,
    sender: Sender,
    public_url: str,
    at: datetime,
    organisation: Organisation = NO_ORGANISATION,
) -> EmailMessage:
    """Return the message for a confirmation mail; its links begin with `public_url`.

    `to_address` is the recipient's email address, with its domain in ASCII. `at` is the date of the
    message. The names of contact and customer are left out unless they are short and plain.
    """
    contact_name = name_in_mail(mail.contact_name or "")
    values = {
        "contact_name": contact_name,
        "customer_name": name_in_mail(mail.customer_name or ""),
        "address": mail.address,
        "confirm_url": f"{public_url}/confirm/{mail.confirming}",
        "withdraw_url": f"{public_url}/withdraw/{mail.withdrawing}",
        "documents": [IN_FULL[document] for document in mail.documents],
        "expires": uk_time(mail.expires_at),
        "subject": SUBJECTS[mail.kind],
        "sender": sender.name,
        "organisation": organisation,
    }
    name = NAMES[mail.kind]
    return compose(
        message_id=mail.confirmation_id,
        sender=sender,
        to_name=contact_name or "",
        to_address=to_address,
        subject=SUBJECTS[mail.kind],
        text=TEMPLATES.get_template(f"{name}.txt").render(values),
        html=TEMPLATES.get_template(f"{name}.html").render(values),
        at=at,
    )
