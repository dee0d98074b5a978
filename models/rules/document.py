"""The documents that customers are emailed, in a full or a reduced form or not at all. PURE."""

from enum import StrEnum, unique


@unique
class Document(StrEnum):
    """A kind of document that is emailed."""

    BILL = "BILL"
    CDR_ZIP = "CDR_ZIP"
    USAGE_FILES = "USAGE_FILES"
