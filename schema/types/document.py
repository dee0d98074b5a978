"""GraphQL types of the documents that are sent by email."""

from models.rules.document import Document
from schema.base.descriptions import described_enum

DocumentEnum = described_enum(
    Document,
    "Document",
    "A kind of document that is sent by email.",
    {
        "BILL": "The customer's bill, with or without the list of calls.",
        "CDR_ZIP": "The ZIP archive of call data records (CDRs), unencrypted or protected by a"
        " password.",
        "USAGE_FILES": "The files of raw call and usage data.",
    },
)
