"""Checks email addresses by their form, without DNS requests, and normalises them."""

from email_validator import EmailNotValidError, validate_email

from models.rules.checks import Checks
from models.rules.errors import RefusalCode

EMAIL_LENGTH = 254
"""The maximum length of an email address, in characters."""


class InvalidEmailError(ValueError):
    """The text is not an email address; the message is for users and says why."""


def normalise_email(text: str) -> str:
    """Return an email address in the form to store: the domain in Unicode and lower case.

    The part before the @ keeps its case, because a mail server may distinguish case there.
    Raises InvalidEmailError.
    """
    try:
        found = validate_email(
            text.strip(),
            strict=True,
            check_deliverability=False,
            test_environment=True,  # accepts domains under .test
        )
    except EmailNotValidError as error:
        raise InvalidEmailError(str(error)) from error
    if "=?" in found.local_part:
        # Mail programs decode `=?…?=` in headers and could show a different address.
        raise InvalidEmailError("The email address must not contain =? before the @-sign.")
    return found.normalized


def email_on_the_wire(address: str) -> str:
    """Return a stored email address with its domain in ASCII (RFC 5891), for mail servers."""
    found = validate_email(address, check_deliverability=False, test_environment=True)
    return found.ascii_email or f"{found.local_part}@{found.ascii_domain}"


def email_key(address: str) -> str:
    """Return the key under which mails to an email address are counted, ignoring case."""
    return address.casefold()


def checked_email(checks: Checks, text: str | None, *path: str) -> str | None:
    """Return an email address that a user typed, in the form to store; None if blank or invalid.

    If it is invalid, a refusal of the input field at `path` is added to `checks`.
    """
    trimmed = checks.optional_text(text, EMAIL_LENGTH, *path)
    if trimmed is None:
        return None
    try:
        return normalise_email(trimmed)
    except InvalidEmailError as error:
        checks.refuse(RefusalCode.INVALID_EMAIL, str(error), *path)
        return None
