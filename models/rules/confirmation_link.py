"""Computes the state of a link in a confirmation mail: usable, used or invalid. PURE."""

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
    """Why a confirmation was made invalid before the contact answered."""

    SUPERSEDED = "SUPERSEDED"
    ADDRESS_CHANGED = "ADDRESS_CHANGED"
    WITHDRAWN = "WITHDRAWN"
    CONTACT_DELETED = "CONTACT_DELETED"
    CUSTOMER_ERASED = "CUSTOMER_ERASED"


@unique
class LinkState(StrEnum):
    """The state of a link in a confirmation mail; the page that the link opens depends on it."""

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
    """The facts about a link, its confirmation and its contact, when the link is opened.

    `is_gone`: the contact was deleted. `is_in_force`: the preference or verification confirmed with
    the link is still valid. `used_at`: when the link was used; None before. `is_same_address`: the
    contact still has the email address that the mail was sent to.
    """

    expires_at: datetime
    is_gone: bool = False
    is_same_address: bool = True
    used_at: datetime | None = None
    is_in_force: bool = False
    void_reason: VoidReason | None = None


def confirming_link(facts: LinkFacts, now: datetime) -> LinkState:
    """Return the state of a link that confirms; such a link can be used once (R67)."""
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
    """Return the state of a link that withdraws; `facts` are those of this link.

    It also works if the contact confirmed nothing. It withdraws any preference that the contact has
    when the link is used, because receiving less detail harms nobody (R63).
    """
    if facts.is_gone:
        return LinkState.NO_LONGER_WANTED
    if facts.used_at is not None:
        return LinkState.DONE
    if not facts.is_same_address:
        return LinkState.ADDRESS_CHANGED
    return LinkState.EXPIRED if now >= facts.expires_at else LinkState.OPEN
