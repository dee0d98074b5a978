"""Errors of sending a mail. PURE.

MailFault
├── MailDelayed       temporary: try again later
└── MailRefused       permanent: do not try again
"""

from models.rules.mail_failure import MailFailureCode


class MailFault(Exception):
    """A mail was not sent; `status` is the SMTP reply code, None if there was no reply."""

    def __init__(self, code: MailFailureCode, status: int | None = None) -> None:
        super().__init__(code.value)
        self.code = code
        self.status = status


class MailDelayed(MailFault):
    """The mail server may accept the mail later."""


class MailRefused(MailFault):
    """The mail server will never accept the mail."""
