"""The reasons why a mail was not sent. PURE."""

from enum import StrEnum, unique


@unique
class MailFailureCode(StrEnum):
    """Why a mail did not reach the mail server, or why the server refused it."""

    UNREACHABLE = "UNREACHABLE"
    TOO_SLOW = "TOO_SLOW"
    BROKE_OFF = "BROKE_OFF"
    TEMPORARILY_REFUSED = "TURNED_AWAY_FOR_NOW"  # as older rows have it
    SIGN_IN_REFUSED = "SIGN_IN_REFUSED"
    NOT_ENCRYPTED = "NOT_ENCRYPTED"
    RECIPIENT_REFUSED = "RECIPIENT_REFUSED"
    MAIL_REFUSED = "MAIL_REFUSED"
    ADDRESS_NOT_SUPPORTED = "ADDRESS_NOT_SUPPORTED"
    GAVE_UP = "GAVE_UP"
    INTERNAL_ERROR = "INTERNAL_ERROR"
