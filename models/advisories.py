"""What somebody should look at about a customer. PURE."""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum, unique

from models.company_type import FITTING_TYPES, LIMITED_TYPES, PLC_TYPES
from models.profile import Profile

_LEGAL_FORMS = re.compile(
    r"\b(limited|ltd|public limited company|plc|cyf|ccc|the|and|co|company)\b"
)
_NOT_LETTERS = re.compile(r"[^0-9a-z]+")


@unique
class AdvisoryCode(StrEnum):
    """The kinds of advisories."""

    REVIEW_CONSENT = "REVIEW_CONSENT"
    CONSENT_BY_TERMS = "CONSENT_BY_TERMS"
    CONSENT_WITHOUT_VERSION = "CONSENT_WITHOUT_VERSION"
    CONSENT_OUTDATED = "CONSENT_OUTDATED"
    CONSENT_REACHES_UNVERIFIED = "CONSENT_REACHES_UNVERIFIED"
    CLASS_MISMATCH = "CLASS_MISMATCH"
    NAME_MISMATCH = "NAME_MISMATCH"
    COMPANY_NOT_ACTIVE = "COMPANY_NOT_ACTIVE"


@dataclass(frozen=True, slots=True)
class Advisory:
    """One thing to look at, and the class that would fit, where that is the matter."""

    code: AdvisoryCode
    message: str
    suggested_class_code: str | None = None


def advisories(
    *,
    name: str,
    class_code: str | None,
    is_checked: bool,
    profile: Profile,
    consent_review_due_at: datetime | None,
) -> list[Advisory]:
    """Give what to look at; none of it changes anything by itself (A21, R30)."""
    found = []
    if consent_review_due_at is not None:
        found.append(
            Advisory(
                AdvisoryCode.REVIEW_CONSENT,
                "The customer changed between individual and organisation on"
                f" {consent_review_due_at.date().isoformat()}: review the consent on record.",
            )
        )
    details = profile.get("details")
    if not details or not is_checked:
        return found
    company_type, status = details.get("company_type"), details.get("company_status")
    mismatch = _class_mismatch(class_code, company_type)
    if mismatch is not None:
        found.append(mismatch)
    if not is_same_name(name, details.get("company_name") or ""):
        found.append(
            Advisory(
                AdvisoryCode.NAME_MISMATCH,
                f"The register calls this company {details.get('company_name')}:"
                " check the company number.",
            )
        )
    if status not in {None, "active", "open", "registered"}:
        found.append(Advisory(AdvisoryCode.COMPANY_NOT_ACTIVE, f"The company is in: {status}."))
    return found


def is_same_name(one: str, other: str) -> bool:
    """Compare names without case, punctuation and legal form."""
    return _bare(one) == _bare(other)


def _bare(name: str) -> str:
    words = _LEGAL_FORMS.sub(" ", name.casefold().replace("&", " and ").replace(".", ""))
    return _NOT_LETTERS.sub("", words)


def _class_mismatch(class_code: str | None, company_type: str | None) -> Advisory | None:
    fitting = FITTING_TYPES.get(class_code or "", LIMITED_TYPES | PLC_TYPES)
    if company_type is None or company_type in fitting:
        return None
    suggested = None
    if class_code in FITTING_TYPES and company_type in PLC_TYPES:
        suggested = "COMPANY_UK_PLC"
    elif class_code in FITTING_TYPES and company_type in LIMITED_TYPES:
        suggested = "COMPANY_UK_LIMITED"
    elif class_code == "RESELLER_UK_COMPANY":
        suggested = "RESELLER_OTHER"
    return Advisory(
        AdvisoryCode.CLASS_MISMATCH,
        f"The register's type for this company is {company_type}, which does not fit its class.",
        suggested,
    )
