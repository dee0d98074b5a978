"""The GraphQL type of a company found by name at Companies House."""

from datetime import date

import strawberry

from schema.base.company_searches import Candidate


@strawberry.type(
    description="A company that a search by name found at Companies House. The search changes no"
    " customer; to choose the company, save its number with a customer."
)
class CompanyCandidate:
    company_number: str = strawberry.field(
        description="The company number, as Companies House writes it."
    )
    name: str = strawberry.field(description="The company's name at Companies House.")
    company_status: str | None = strawberry.field(
        description="The company's status as Companies House writes it, such as active or"
        " dissolved; null if Companies House gives none."
    )
    company_type: str | None = strawberry.field(
        description="The company's type as Companies House writes it, such as ltd or plc; null if"
        " Companies House gives none."
    )
    incorporated_on: date | None = strawberry.field(
        description="The company's day of incorporation; null if Companies House gives none."
    )
    address: str | None = strawberry.field(
        description="The company's address on one line; null if Companies House gives none."
    )

    @classmethod
    def of(cls, found: Candidate) -> "CompanyCandidate":
        return cls(
            company_number=found.company_number,
            name=found.title,
            company_status=found.status,
            company_type=found.type,
            incorporated_on=found.incorporated_on,
            address=found.address_snippet,
        )
