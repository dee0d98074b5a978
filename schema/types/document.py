"""The documents that go out by email, as clients see them."""

from models.rules.document import Document
from schema.base.descriptions import described_enum

DocumentEnum = described_enum(
    Document,
    "Document",
    "A kind of document that goes out by email.",
    {
        "BILL": "The bill: with its list of calls, or short.",
        "CDR_ZIP": "The archive of call data records: unencrypted, or under a password.",
        "USAGE_FILES": "The files of raw call and usage data: sent, or withheld.",
    },
)
