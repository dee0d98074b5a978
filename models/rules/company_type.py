"""Which of the register's company types count as limited companies and as PLCs (A21). PURE."""

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
"""The register's company types that fit a shipped class; guarantee companies are limited (A21)."""


@unique
class CompanyFamily(StrEnum):
    """The two kinds of companies that the checked classes are for."""

    LIMITED = "LIMITED"
    PLC = "PLC"


def family_of(company_type: str | None) -> CompanyFamily | None:
    """Tell which kind a register type is; the type decides, never the number's prefix."""
    if company_type in LIMITED_TYPES:
        return CompanyFamily.LIMITED
    return CompanyFamily.PLC if company_type in PLC_TYPES else None
