"""The kinds of documents to which the delivery rule applies. PURE."""

from enum import StrEnum, unique


@unique
class Document(StrEnum):
    """A kind of document that contacts may be emailed."""

    BILL = "BILL"
    CDR_ZIP = "CDR_ZIP"
    USAGE_FILES = "USAGE_FILES"
