"""An example of a confirmation mail, and its rendered message."""

from datetime import UTC, datetime

from models.rules.confirmation_link import ConfirmationKind
from models.rules.confirmation_mail import ConfirmationMail
from models.rules.document import Document
from models.rules.organisation import Organisation
from notifications.confirmation_mail import confirmation_message
from notifications.mime import Sender
from tests.mails import Mail

AT = datetime(2026, 10, 1, 9, 30, tzinfo=UTC)


SENDER = Sender("Acme Billing", "no-reply@billing.example")


TOKEN, OTHER = "a" * 43, "b" * 43


def letter(
    kind: ConfirmationKind = ConfirmationKind.ATTACHMENT_PREFERENCE,
    *,
    name: str = "Ann",
    customer: str = "Acme Limited",
    address: str = "ann@acme.example",
) -> ConfirmationMail:
    is_preference = kind is ConfirmationKind.ATTACHMENT_PREFERENCE
    return ConfirmationMail(
        "cfm_1",
        kind,
        address,
        name,
        customer,
        (Document.BILL, Document.CDR_ZIP) if is_preference else (),
        AT,
        TOKEN,
        OTHER if is_preference else None,
    )


def written(
    one: ConfirmationMail,
    to_address: str = "ann@acme.example",
    organisation: Organisation = Organisation(),  # noqa: B008  # immutable
) -> Mail:
    message = confirmation_message(
        one, to_address, SENDER, "https://billing.example/x", AT, organisation
    )
    return Mail.of(bytes(message))
