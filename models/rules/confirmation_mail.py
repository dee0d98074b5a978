"""The content of a confirmation mail. PURE."""

from dataclasses import dataclass, field
from datetime import datetime

from models.rules.confirmation_link import ConfirmationKind
from models.rules.document import Document


@dataclass(frozen=True, slots=True)
class ConfirmationMail:
    """A mail that asks a contact for a confirmation.

    `address` is the stored email address. `confirming` and `withdrawing` are the secrets of the two
    links, which are stored nowhere else. `expires_at` is the end of the link that confirms. A name
    is None if the user who requested the mail may not see it.
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
