"""Results of a company search by name. A user must choose one; none is stored by itself (R88)."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from enrichment.members import day, elements, member, text
from enrichment.profile import read_number


@dataclass(frozen=True, slots=True)
class CompanyCandidate:
    """A company found by name; an attribute is None if Companies House does not state it."""

    company_number: str
    title: str
    status: str | None
    type: str | None
    incorporated_on: date | None
    address_snippet: str | None


def read_candidates(payload: object) -> Iterator[CompanyCandidate]:
    """Yield the results of ``GET /search/companies``, except those without number or title."""
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
