"""Why a mail could not be handed over. PURE."""

from enum import StrEnum, unique


@unique
class MailFailureCode(StrEnum):
    """Why a mail could not be handed to the mail server, or was not taken by it."""

    UNREACHABLE = "UNREACHABLE"
    TOO_SLOW = "TOO_SLOW"
    BROKE_OFF = "BROKE_OFF"
    TURNED_AWAY_FOR_NOW = "TURNED_AWAY_FOR_NOW"
    SIGN_IN_REFUSED = "SIGN_IN_REFUSED"
    NOT_ENCRYPTED = "NOT_ENCRYPTED"
    RECIPIENT_REFUSED = "RECIPIENT_REFUSED"
    MAIL_REFUSED = "MAIL_REFUSED"
    ADDRESS_NOT_SUPPORTED = "ADDRESS_NOT_SUPPORTED"
    GAVE_UP = "GAVE_UP"
    INTERNAL_ERROR = "INTERNAL_ERROR"
