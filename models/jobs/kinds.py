"""The kinds of jobs, and the keys by which jobs of a kind are unique."""

ENRICH = "enrich"
"""Look a customer up at Companies House."""

CONFIRMATION_MAIL = "confirmation_mail"
"""Send the mail of a confirmation, or delete the kept copies of an erased contact's mails."""


def lookup_key(customer_id: str) -> str:
    """Return the unique key of a customer's lookup: one lives at a time (R89)."""
    return f"{ENRICH}:{customer_id}"


def mail_key(confirmation_id: str) -> str:
    """Return the unique key of a confirmation's mail."""
    return f"{CONFIRMATION_MAIL}:{confirmation_id}"


def removal_key(contact_id: str) -> str:
    """Return the unique key of the job that deletes the copies of a contact's mails."""
    return f"{CONFIRMATION_MAIL}:removal:{contact_id}"
