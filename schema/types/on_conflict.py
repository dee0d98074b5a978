"""What a save does if the external reference is in use."""

from enum import StrEnum, unique

from schema.base.descriptions import described_enum


@unique
class OnConflict(StrEnum):
    """What to do if an object with the external reference exists already."""

    REFUSE = "REFUSE"
    UPDATE = "UPDATE"


OnConflictEnum = described_enum(
    OnConflict,
    "OnConflict",
    "What to do if an object with the same external reference exists already.",
    {
        "REFUSE": "Change nothing, and return the error ALREADY_EXISTS.",
        "UPDATE": "Change that object; create one only if there is none.",
    },
)
