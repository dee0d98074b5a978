"""The content of a confirmation mail. PURE."""

from dataclasses import dataclass, field
from datetime import datetime

from models.rules.confirmation_link import ConfirmationKind
from models.rules.document import Document


@dataclass(frozen=True, slots=True)
class ConfirmationMail:
    """A mail that asks a contact for a confirmation.

    `address` is the email address as it is stored. `confirming` and `withdrawing` are the secret
    tokens of the two links, of which only hashes are stored. `expires_at` is when the link that
    confirms stops working. A name is None if the user who requested the mail may not see it.
    """

    confirmation_id: str
    kind: ConfirmationKind
    address: str
    contact_name: str | None
    customer_name: str | None
    documents: tuple[Document, ...]
    expires_at: datetime
    confirming: str = field(repr=False)
    withdrawing: str | None = field(repr=False)
