"""Advisories on the consent of a customer. PURE."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum, unique

from models.rules.advisories import Advisory, AdvisoryCode
from models.rules.consent import DOCUMENTED, ConsentBasis


@unique
class ConsentAdvisoryCode(StrEnum):
    """The consent advisories by which customers can be filtered and counted."""

    REVIEW_CONSENT = "REVIEW_CONSENT"
    CONSENT_BY_TERMS = "CONSENT_BY_TERMS"
    CONSENT_WITHOUT_VERSION = "CONSENT_WITHOUT_VERSION"
    CONSENT_OUTDATED = "CONSENT_OUTDATED"
    CONSENT_REACHES_UNVERIFIED = "CONSENT_REACHES_UNVERIFIED"


@dataclass
class GivenConsent:
    """A period in which consent is given.

    It includes `from_at` and excludes `until_at`, which is None while the period has no end.
    `reaches_unverified`: an unverified email address is now on the bill distribution list.
    """

    from_at: datetime
    until_at: datetime | None
    basis: ConsentBasis | None
    document_version: str | None
    reaches_unverified: bool = False

    def holds_at(self, instant: datetime) -> bool:
        return self.from_at <= instant and self.ends_after(instant)

    def ends_after(self, instant: datetime) -> bool:
        """Return whether the period covers an instant or starts after it."""
        return self.until_at is None or instant < self.until_at


def consent_advisories(
    given: Iterable[GivenConsent], *, is_individual: bool, now: datetime, oldest_age: timedelta
) -> list[Advisory]:
    """Return the advisories on the consent that is valid `now`; empty without consent (A15).

    `given` are the customer's periods of consent. `oldest_age` is the age from which a consent
    counts as outdated.
    """
    consent = next((one for one in given if one.holds_at(now)), None)
    if consent is None:
        return []
    found = []
    if is_individual and consent.basis is ConsentBasis.TERMS_ACCEPTED:
        found.append(
            Advisory(
                AdvisoryCode.CONSENT_BY_TERMS,
                "The customer is a legal individual and their consent is based on accepted terms."
                " The ICO expects consent to be separate from terms and conditions; consider a"
                " written opt-in.",
            )
        )
    if consent.basis in DOCUMENTED and consent.document_version is None:
        found.append(
            Advisory(
                AdvisoryCode.CONSENT_WITHOUT_VERSION,
                "The consent does not record which version of the document was accepted; correct"
                " the entry if you know it.",
            )
        )
    if consent.from_at <= now - oldest_age:
        found.append(
            Advisory(
                AdvisoryCode.CONSENT_OUTDATED,
                f"The consent took effect on {consent.from_at.date().isoformat()}, at least"
                f" {oldest_age.days} days ago; consider renewing it.",
            )
        )
    if consent.reaches_unverified:
        found.append(
            Advisory(
                AdvisoryCode.CONSENT_REACHES_UNVERIFIED,
                "The account's consent releases call detail to an email address on the bill"
                " distribution list that is not verified; ask the contact to verify it.",
            )
        )
    return found
