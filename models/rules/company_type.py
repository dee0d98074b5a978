"""Tells limited companies and PLCs by the company types of Companies House (A21). PURE."""

from enum import StrEnum, unique

LIMITED_TYPES = frozenset(
    {
        "ltd",
        "private-limited-guarant-nsc",
        "private-limited-guarant-nsc-limited-exemption",
        "private-limited-shares-section-30-exemption",
    }
)
PLC_TYPES = frozenset({"plc"})
FITTING_TYPES = {
    "COMPANY_UK_LIMITED": LIMITED_TYPES,
    "COMPANY_UK_PLC": PLC_TYPES,
    "RESELLER_UK_COMPANY": LIMITED_TYPES | PLC_TYPES,
}
"""The company types that fit each class that is checked at Companies House, by class code.

Companies limited by guarantee count as limited companies (A21).
"""


@unique
class CompanyFamily(StrEnum):
    """The two kinds of companies that are looked up at Companies House."""

    LIMITED = "LIMITED"
    PLC = "PLC"


def family_of(company_type: str | None) -> CompanyFamily | None:
    """Return whether companies of this type are limited companies or PLCs; None if neither."""
    if company_type in LIMITED_TYPES:
        return CompanyFamily.LIMITED
    return CompanyFamily.PLC if company_type in PLC_TYPES else None
