"""Companies a name search found: offered to a person to choose from, never filled in (R88)."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from enrichment.members import day, elements, member, text
from enrichment.profile import read_number


@dataclass(frozen=True, slots=True)
class CompanyCandidate:
    """One company by its search hit; None means the register does not say."""

    company_number: str
    title: str
    status: str | None
    type: str | None
    incorporated_on: date | None
    address_snippet: str | None


def read_candidates(payload: object) -> Iterator[CompanyCandidate]:
    """Read the hits of ``GET /search/companies``; one without number or title is passed over."""
    for item in elements(payload, "items"):
        number, title = read_number(member(item, "company_number")), text(item, "title")
        if number is not None and title is not None:
            yield CompanyCandidate(
                company_number=number,
                title=title,
                status=text(item, "company_status"),
                type=text(item, "company_type"),
                incorporated_on=day(item, "date_of_creation"),
                address_snippet=text(item, "address_snippet"),
            )
