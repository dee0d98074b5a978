"""The content of a confirmation mail. PURE."""

from dataclasses import dataclass, field
from datetime import datetime

from models.rules.confirmation_link import ConfirmationKind
from models.rules.document import Document


@dataclass(frozen=True, slots=True)
class ConfirmationMail:
    """A mail that asks for a confirmation, with the secrets of its links, stored nowhere else.

    `address` is written as it is stored; `expires_at` is when the link that confirms ends.
    """

    confirmation_id: str
    kind: ConfirmationKind
    address: str
    contact_name: str
    customer_name: str
    documents: tuple[Document, ...]
    expires_at: datetime
    confirming: str = field(repr=False)
    withdrawing: str | None = field(repr=False)
