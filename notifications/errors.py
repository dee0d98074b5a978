"""Why a mail did not leave. PURE.

MailFault
├── MailDelayed       may pass: try again later
└── MailRefused       will not pass: this mail is given up
"""

from models.rules.mail_failure import MailFailureCode


class MailFault(Exception):
    """A mail was not handed over; `status` is the SMTP reply code, where there was a reply."""

    def __init__(self, code: MailFailureCode, status: int | None = None) -> None:
        super().__init__(code.value)
        self.code = code
        self.status = status


class MailDelayed(MailFault):
    """The mail may be taken later."""


class MailRefused(MailFault):
    """The mail will never be taken."""
