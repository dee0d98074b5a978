"""What somebody should look at about the consent of a customer. PURE."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum, unique

from models.rules.advisories import Advisory, AdvisoryCode
from models.rules.consent import DOCUMENTED, ConsentBasis


@unique
class ConsentAdvisoryCode(StrEnum):
    """The advisories that customers can be filtered and counted by."""

    REVIEW_CONSENT = "REVIEW_CONSENT"
    CONSENT_BY_TERMS = "CONSENT_BY_TERMS"
    CONSENT_WITHOUT_VERSION = "CONSENT_WITHOUT_VERSION"
    CONSENT_OUTDATED = "CONSENT_OUTDATED"
    CONSENT_REACHES_UNVERIFIED = "CONSENT_REACHES_UNVERIFIED"


@dataclass
class GivenConsent:
    """A time in which consent is given; no end means until further notice.

    `reaches_unverified` tells whether an address that is not verified is on the bill list now.
    """

    from_at: datetime
    until_at: datetime | None
    basis: ConsentBasis | None
    document_version: str | None
    reaches_unverified: bool = False

    def holds_at(self, instant: datetime) -> bool:
        """Tell whether an instant lies in it; its beginning does, its end does not."""
        return self.from_at <= instant and self.ends_after(instant)

    def ends_after(self, instant: datetime) -> bool:
        """Tell whether consent is on record at an instant: given by then, or later."""
        return self.until_at is None or instant < self.until_at


def consent_advisories(
    given: Iterable[GivenConsent], *, is_individual: bool, now: datetime, oldest_age: timedelta
) -> list[Advisory]:
    """Give what to look at about the consent that is given now, if any (A15)."""
    consent = next((one for one in given if one.holds_at(now)), None)
    if consent is None:
        return []
    found = []
    if is_individual and consent.basis is ConsentBasis.TERMS_ACCEPTED:
        found.append(
            Advisory(
                AdvisoryCode.CONSENT_BY_TERMS,
                "The customer is a legal individual, and its consent rests on accepted terms:"
                " the ICO wants consent to stand apart from terms and conditions.",
            )
        )
    if consent.basis in DOCUMENTED and consent.document_version is None:
        found.append(
            Advisory(
                AdvisoryCode.CONSENT_WITHOUT_VERSION,
                "The consent on record does not say which version of the document was accepted.",
            )
        )
    if consent.from_at <= now - oldest_age:
        found.append(
            Advisory(
                AdvisoryCode.CONSENT_OUTDATED,
                f"The consent dates from {consent.from_at.date().isoformat()},"
                f" more than {oldest_age.days} days ago: consider renewing it.",
            )
        )
    if consent.reaches_unverified:
        found.append(
            Advisory(
                AdvisoryCode.CONSENT_REACHES_UNVERIFIED,
                "The consent of the account covers an email address on the bill distribution list"
                " that is not verified.",
            )
        )
    return found
