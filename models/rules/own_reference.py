"""External references: ids that a reseller, or the platform, gave to its customers and contacts.

PURE.
"""

from models.rules.text import trimmed

REFERENCE_LENGTH = 200
OWNER_LENGTH = 32
KEY_LENGTH = OWNER_LENGTH + 1 + REFERENCE_LENGTH + 1 + OWNER_LENGTH
"""Length of a key, to which a migration may have appended a line feed and the id of the row."""


def reference_key(owner_id: str | None, reference: str | None) -> str | None:
    """Return the key of a reference, which is unique among all owners; None without a reference.

    `owner_id` is the id of the reseller whose reference it is, None for the platform.
    """
    return None if reference is None else f"{owner_id or ''}\n{reference}"


def possible_key(owner_id: str | None, text: str | None) -> str | None:
    """Return the key of a reference as a user wrote it; None if it is empty or too long."""
    reference = trimmed(text or "")
    is_possible = 0 < len(reference) <= REFERENCE_LENGTH
    return reference_key(owner_id, reference) if is_possible else None
