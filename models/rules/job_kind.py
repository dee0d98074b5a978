"""The kinds of background jobs. PURE."""

from enum import StrEnum, unique


@unique
class JobKind(StrEnum):
    """The kind of a job; the value is stored."""

    ENRICH = "enrich"
    """Look a customer up at Companies House."""
    CONFIRMATION_MAIL = "confirmation_mail"
    """Send a confirmation's mail, or delete an erased contact's stored mails."""
    WEBHOOK_NOTICE = "webhook_notice"
    """Tell the platform by email that a webhook endpoint fails."""
    IMPORT = "import"
    """Store the rows of an imported file."""
