"""Decides when a customer is looked up again at Companies House, and whether much changed. PURE."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from hashlib import sha256
from typing import Any

from models.rules.enrichment_status import EnrichmentReason, EnrichmentStatus

SPREAD = timedelta(days=5)
"""The days over which the lookups of companies whose accounts fall due together are spread.

Due dates bunch at month ends, most of all on 30 September and 31 December.
"""

AGE_SPREAD = 0.2
"""The fraction of the maximum age by which a lookup may come earlier, so that customers who were
loaded on one day are not all looked up again on one day."""

OVERDUE = (timedelta(), timedelta(days=6), timedelta(days=20))
"""When to look for accounts that are due: after the grace, and twice more while they are not filed;
after that, the age of the profile alone decides."""

YEAR = timedelta(days=365)
"""The age at which a company that has ended is looked up again; it may be restored."""

AFTER_FAILURE = timedelta(days=7)
"""The longest time until a lookup that failed for good is tried again."""

TOGETHER = timedelta(days=5)
"""Customers with one company number share a lookup if all are due within this time."""

LATE = timedelta(days=1)
"""How long after it was due a lookup counts as overdue."""

START_EVERY = timedelta(minutes=1)
"""How often refreshes that are due are put into the queue."""

REFRESH_SHARE = 0.5
"""The share of the request limit that refreshes may use."""

ENDED = frozenset({"dissolved", "converted-closed", "closed", "removed"})
"""The statuses at Companies House of companies that file no further accounts."""

REFRESHED = (
    EnrichmentStatus.SUCCEEDED,
    EnrichmentStatus.PARTIAL,
    EnrichmentStatus.NOT_FOUND,
    EnrichmentStatus.FAILED,
)
"""The states of customers who are looked up again: those whose latest lookup has ended. A customer
whose class is not checked at Companies House has another state."""


@dataclass(frozen=True, slots=True)
class RefreshPolicy:
    """How old a profile may grow, and how many days after accounts fell due they are looked for."""

    max_age: timedelta = timedelta(days=30)
    grace: timedelta = timedelta(days=1)


def next_refresh(
    company_number: str,
    looked_at: datetime,
    status: EnrichmentStatus,
    details: Mapping[str, Any],
    policy: RefreshPolicy,
) -> datetime:
    """Return when to look a company up again after a lookup that ended at `looked_at`.

    `status` is how the lookup ended, `details` what is known from Companies House. The same number
    always gets the same share of the spread, so customers with one number stay together.
    """
    digest = sha256(company_number.encode()).digest()
    share = int.from_bytes(digest[:8], "big") / 2**64
    has_ended = details.get("company_status") in ENDED
    age = YEAR if has_ended else policy.max_age
    if status is EnrichmentStatus.FAILED:
        age = min(age, AFTER_FAILURE)
    by_age = looked_at + age * (1 - AGE_SPREAD * share)
    due_on = details.get("accounts_next_due_on")
    if due_on is None or has_ended:
        return by_age
    midnight = datetime.combine(date.fromisoformat(due_on), time(), UTC)
    due_at = midnight + policy.grace + SPREAD * share
    by_accounts = next((due_at + wait for wait in OVERDUE if due_at + wait > looked_at), by_age)
    return min(by_age, by_accounts)


KNOWN = "known"
"""The member of a profile's `details` with the outcome of the last complete lookup."""


@dataclass(frozen=True, slots=True)
class Known:
    """What a complete lookup found: the tag of the profile, the day of the last accounts, its end.

    Without one, or after a lookup that could not get the accounts, everything is requested again.
    """

    etag: str | None
    last_accounts_on: str | None
    status: EnrichmentStatus
    reason: EnrichmentReason | None = None

    @classmethod
    def of(cls, details: Mapping[str, Any]) -> "Known | None":
        """Return what is stored in the details of a profile; None if nothing is."""
        stored = details.get(KNOWN)
        if stored is None:
            return None
        reason = stored["reason"]
        return cls(
            stored["etag"],
            stored["last_accounts_on"],
            EnrichmentStatus(stored["status"]),
            None if reason is None else EnrichmentReason(reason),
        )

    @property
    def is_complete(self) -> bool:
        """Whether the lookup got all that Companies House has."""
        is_read = self.status in (EnrichmentStatus.SUCCEEDED, EnrichmentStatus.PARTIAL)
        return is_read and self.reason is not EnrichmentReason.ACCOUNTS_UNAVAILABLE

    def stored(self) -> dict[str, Any]:
        """Return the form to store in the details of a profile."""
        return {
            "etag": self.etag,
            "last_accounts_on": self.last_accounts_on,
            "status": self.status.value,
            "reason": None if self.reason is None else self.reason.value,
        }

    def is_unchanged(self, etag: str | None, last_accounts_on: str | None) -> bool:
        """Return whether a profile with this tag and day need not be looked into further."""
        is_same = etag is not None and etag == self.etag
        return is_same and last_accounts_on == self.last_accounts_on
