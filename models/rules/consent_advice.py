"""Finds advisories on a customer's consent: matters that a user should check. PURE."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum, unique

from models.rules.advisories import Advisory, AdvisoryCode
from models.rules.consent import DOCUMENTED, ConsentBasis


@unique
class ConsentAdvisoryCode(StrEnum):
    """The kinds of advisories on consent; customers can be filtered and counted by them."""

    REVIEW_CONSENT = "REVIEW_CONSENT"
    CONSENT_BY_TERMS = "CONSENT_BY_TERMS"
    CONSENT_WITHOUT_VERSION = "CONSENT_WITHOUT_VERSION"
    CONSENT_OUTDATED = "CONSENT_OUTDATED"
    CONSENT_REACHES_UNVERIFIED = "CONSENT_REACHES_UNVERIFIED"


@dataclass
class GivenConsent:
    """A period in which consent is given.

    It includes `from_at` and excludes `until_at`, which is None while the period has no end.
    `reaches_unverified`: a contact on the bill distribution list now has an unverified email
    address.
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
    """Return the advisories on the consent that is in effect `now`; empty without consent (A15).

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
                "The customer is a private individual or sole trader, and their consent is based on"
                " accepted terms and conditions. The regulator (ICO) expects consent to be separate"
                " from these; consider a written opt-in.",
            )
        )
    if consent.basis in DOCUMENTED and consent.document_version is None:
        found.append(
            Advisory(
                AdvisoryCode.CONSENT_WITHOUT_VERSION,
                "The consent does not record which version of the document was accepted; correct"
                " the ledger entry if you know the version.",
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
                "The customer's consent covers an email address on the bill distribution list that"
                " is not verified; ask the contact to verify their address.",
            )
        )
    return found
