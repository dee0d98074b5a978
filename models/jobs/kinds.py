"""The kinds of jobs, and the live keys of jobs: no two unfinished jobs have the same live key."""

from datetime import datetime

from models.rules.job_kind import JobKind

ENRICH = JobKind.ENRICH.value
CONFIRMATION_MAIL = JobKind.CONFIRMATION_MAIL.value
WEBHOOK_NOTICE = JobKind.WEBHOOK_NOTICE.value
IMPORT = JobKind.IMPORT.value
WEBHOOK = "webhook"
"""What pauses the sending of webhooks, which are no jobs: the name of a pause, as of a kind."""

MAX_CRASHES = {IMPORT: 3}
"""By kind: how many attempts may end by a bug; without an entry, bugs are like other failures.

A bug that a file reveals does not pass, and meanwhile the sender cannot import another file.
"""


def lookup_key(customer_id: str) -> str:
    """Return the live key of a customer's lookup; at most one is unfinished at a time (R89)."""
    return f"{ENRICH}:{customer_id}"


def mail_key(confirmation_id: str) -> str:
    """Return the live key of the job that sends a confirmation's mail."""
    return f"{CONFIRMATION_MAIL}:{confirmation_id}"


def removal_key(contact_id: str) -> str:
    """Return the live key of the job that deletes the stored copies of a contact's mails."""
    return f"{CONFIRMATION_MAIL}:removal:{contact_id}"


def webhook_notice_key(endpoint_id: str, *, is_disabled: bool, at: datetime) -> str:
    """Return the live key of the job that sends a notice about a webhook endpoint."""
    return f"{WEBHOOK_NOTICE}:{endpoint_id}:{is_disabled:d}:{at.timestamp():.0f}"


def import_key(import_id: str) -> str:
    """Return the live key of the job that stores the rows of an imported file."""
    return f"{IMPORT}:{import_id}"
