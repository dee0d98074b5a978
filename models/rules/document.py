"""What a customer gets by email, each in a full and a reduced form or not at all. PURE."""

from enum import StrEnum, unique


@unique
class Document(StrEnum):
    """A kind of document that goes out by email."""

    BILL = "BILL"
    CDR_ZIP = "CDR_ZIP"
    USAGE_FILES = "USAGE_FILES"
