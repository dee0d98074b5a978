"""Email addresses: checked by their form alone, without DNS requests."""

from email_validator import EmailNotValidError, validate_email

from models.rules.errors import RefusalCode
from models.rules.text import Checks

EMAIL_LENGTH = 254
"""The maximum length of an email address, in characters."""


class InvalidEmailError(ValueError):
    """The text is not an email address; the message tells users why."""


def normalise_email(text: str) -> str:
    """Return an email address as it is stored: the domain in lower case, and in Unicode.

    The part before the @ keeps its case, because the receiving server may distinguish it.
    Raises InvalidEmailError.
    """
    try:
        found = validate_email(
            text.strip(),
            strict=True,
            check_deliverability=False,
            test_environment=True,  # accepts domains under .test, for trials
        )
    except EmailNotValidError as error:
        raise InvalidEmailError(str(error)) from error
    if "=?" in found.local_part:
        # Mail programs decode `=?…?=` in headers, so such an address could show as another one.
        raise InvalidEmailError("The email address must not contain =? before the @-sign.")
    return found.normalized


def email_on_the_wire(address: str) -> str:
    """Return a stored email address as mail servers need it: the domain in ASCII (RFC 5891)."""
    found = validate_email(address, check_deliverability=False, test_environment=True)
    return found.ascii_email or f"{found.local_part}@{found.ascii_domain}"


def email_key(address: str) -> str:
    """Return the key by which limits count an email address, the same for all its spellings."""
    return address.casefold()


def checked_email(checks: Checks, text: str | None, *path: str) -> str | None:
    """Return a typed email address as it is stored; None if it is blank or was refused."""
    trimmed = checks.optional_text(text, EMAIL_LENGTH, *path)
    if trimmed is None:
        return None
    try:
        return normalise_email(trimmed)
    except InvalidEmailError as error:
        checks.refuse(RefusalCode.INVALID_EMAIL, str(error), *path)
        return None
