"""Email addresses: checked by their form alone, with no question to any name server."""

from email_validator import EmailNotValidError, validate_email

from models.rules.errors import RefusalCode
from models.rules.text import Checks

EMAIL_LENGTH = 254
"""The most characters that an address has."""


class InvalidEmailError(ValueError):
    """What was typed is no address; the message says why, to people."""


def normalise_email(text: str) -> str:
    """Give an address as it is stored: its domain in lower case and, if international, in Unicode.

    The part before the @ keeps its case, since that is the receiving server's own affair.
    """
    try:
        found = validate_email(
            text.strip(),
            strict=True,
            check_deliverability=False,
            test_environment=True,  # names under .test are good for trying things out
        )
    except EmailNotValidError as error:
        raise InvalidEmailError(str(error)) from error
    if "=?" in found.local_part:
        raise InvalidEmailError("The part before the @ must not hold =?, which mails decode.")
    return found.normalized


def email_on_the_wire(address: str) -> str:
    """Give a stored address as a mail server takes it: the domain in ASCII (RFC 5891)."""
    found = validate_email(address, check_deliverability=False, test_environment=True)
    return found.ascii_email or f"{found.local_part}@{found.ascii_domain}"


def email_key(address: str) -> str:
    """Give what two spellings of one address have in common, as limits count them."""
    return address.casefold()


def checked_email(checks: Checks, text: str | None, *path: str) -> str | None:
    """Give an address that somebody typed as it is stored, or nothing when it is blank."""
    trimmed = checks.optional_text(text, EMAIL_LENGTH, *path)
    if trimmed is None:
        return None
    try:
        return normalise_email(trimmed)
    except InvalidEmailError as error:
        checks.refuse(RefusalCode.INVALID_EMAIL, str(error), *path)
        return None
