"""The kinds of jobs, and the live keys by which jobs of a kind are unique."""

ENRICH = "enrich"
"""The kind of jobs that look a customer up at Companies House."""

CONFIRMATION_MAIL = "confirmation_mail"
"""The kind of jobs that send a confirmation's mail or delete an erased contact's mails."""


def lookup_key(customer_id: str) -> str:
    """Return the live key of a customer's lookup; one can be unfinished at a time (R89)."""
    return f"{ENRICH}:{customer_id}"


def mail_key(confirmation_id: str) -> str:
    """Return the live key of the job that sends a confirmation's mail."""
    return f"{CONFIRMATION_MAIL}:{confirmation_id}"


def removal_key(contact_id: str) -> str:
    """Return the live key of the job that deletes the stored copies of a contact's mails."""
    return f"{CONFIRMATION_MAIL}:removal:{contact_id}"
