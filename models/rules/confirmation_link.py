"""What a link from a mail still does: confirm, withdraw, or say why not. PURE."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum, unique


@unique
class ConfirmationKind(StrEnum):
    """What a contact is asked to confirm."""

    EMAIL_VERIFICATION = "EMAIL_VERIFICATION"
    ATTACHMENT_PREFERENCE = "ATTACHMENT_PREFERENCE"


@unique
class VoidReason(StrEnum):
    """Why a confirmation no longer waits for an answer."""

    SUPERSEDED = "SUPERSEDED"
    ADDRESS_CHANGED = "ADDRESS_CHANGED"
    WITHDRAWN = "WITHDRAWN"
    CONTACT_DELETED = "CONTACT_DELETED"
    CUSTOMER_ERASED = "CUSTOMER_ERASED"


@unique
class LinkState(StrEnum):
    """What following a link comes to."""

    OPEN = "OPEN"
    DONE = "DONE"
    DONE_BUT_OVER = "DONE_BUT_OVER"
    EXPIRED = "EXPIRED"
    SUPERSEDED = "SUPERSEDED"
    ADDRESS_CHANGED = "ADDRESS_CHANGED"
    WITHDRAWN = "WITHDRAWN"
    NO_LONGER_WANTED = "NO_LONGER_WANTED"
    UNKNOWN = "UNKNOWN"


_VOID = {
    VoidReason.SUPERSEDED: LinkState.SUPERSEDED,
    VoidReason.ADDRESS_CHANGED: LinkState.ADDRESS_CHANGED,
    VoidReason.WITHDRAWN: LinkState.WITHDRAWN,
    VoidReason.CONTACT_DELETED: LinkState.NO_LONGER_WANTED,
    VoidReason.CUSTOMER_ERASED: LinkState.NO_LONGER_WANTED,
}


@dataclass(frozen=True, slots=True)
class LinkFacts:
    """What is known of a confirmation and its contact when one of its links is followed.

    `is_in_force` tells whether what was confirmed by it still holds, `is_same_address` whether the
    contact still has the address that the mail went to.
    """

    expires_at: datetime
    is_gone: bool = False
    is_same_address: bool = True
    used_at: datetime | None = None
    is_in_force: bool = False
    void_reason: VoidReason | None = None


def confirming_link(facts: LinkFacts, now: datetime) -> LinkState:
    """Say what the link that confirms comes to; it is good for one confirmation (R67)."""
    if facts.is_gone:
        return LinkState.NO_LONGER_WANTED
    if facts.used_at is not None:
        return LinkState.DONE if facts.is_in_force else LinkState.DONE_BUT_OVER
    if facts.void_reason is not None:
        return _VOID[facts.void_reason]
    if not facts.is_same_address:
        return LinkState.ADDRESS_CHANGED
    return LinkState.EXPIRED if now >= facts.expires_at else LinkState.OPEN


def withdrawing_link(facts: LinkFacts, now: datetime) -> LinkState:
    """Say what the link that withdraws comes to: facts of the link itself, not of the request.

    It works whether or not anything was confirmed, and for whatever preference the contact has by
    then, since nobody is harmed by getting less (R63).
    """
    if facts.is_gone:
        return LinkState.NO_LONGER_WANTED
    if facts.used_at is not None:
        return LinkState.DONE
    if not facts.is_same_address:
        return LinkState.ADDRESS_CHANGED
    return LinkState.EXPIRED if now >= facts.expires_at else LinkState.OPEN
