"""The query that searches companies by name at Companies House."""

from math import ceil
from typing import Annotated

import strawberry

from schema.base.context import Info, RegisterUnavailable
from schema.base.errors import ErrorCode, RequestRefused
from schema.types.company_candidate import CompanyCandidate

MIN_QUERY, MAX_QUERY = 2, 160
DEFAULT_FOUND, MAX_FOUND = 20, 100


async def company_search(
    info: Info,
    query: Annotated[
        str,
        strawberry.argument(
            description=f"A company name or the start of one; {MIN_QUERY} to {MAX_QUERY}"
            " characters, not counting blanks around it."
        ),
    ],
    first: Annotated[
        int | None,
        strawberry.argument(
            description=f"The maximum number of companies: 1 to {MAX_FOUND}, by default"
            f" {DEFAULT_FOUND}."
        ),
    ] = DEFAULT_FOUND,
) -> list[CompanyCandidate]:
    sought = " ".join(query.split())
    if not MIN_QUERY <= len(sought) <= MAX_QUERY:
        raise RequestRefused(
            ErrorCode.BAD_USER_INPUT, f"`query` must have {MIN_QUERY} to {MAX_QUERY} characters."
        )
    most = DEFAULT_FOUND if first is None else first
    if not 1 <= most <= MAX_FOUND:
        raise RequestRefused(
            ErrorCode.BAD_USER_INPUT, f"`first` must be between 1 and {MAX_FOUND}."
        )
    # Two sizes only, so that an answer can be used again for another `first`.
    size = DEFAULT_FOUND if most <= DEFAULT_FOUND else MAX_FOUND
    try:
        found = await info.context.find_companies(sought, size)
    except RegisterUnavailable as unavailable:
        raise RequestRefused(
            ErrorCode.COMPANIES_HOUSE_UNAVAILABLE,
            "Companies House cannot be reached at the moment. Try again later.",
            retryAfterSeconds=None if unavailable.wait is None else ceil(unavailable.wait),
        ) from unavailable
    return [CompanyCandidate.of(candidate) for candidate in found[:most]]
