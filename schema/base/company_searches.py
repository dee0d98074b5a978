"""Name searches at Companies House: limited for each caller, whose answers are remembered."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from models.tables.access import Principal
from schema.base.search_limit import SearchLimit
from schema.engine.fair_cache import Entry, FairCache

REMEMBERED = timedelta(minutes=5)
MAX_ANSWERS = 1_000
MAX_CANDIDATES = 20_000
"""Limits of the answers that a process remembers, and of the companies in them: about 10 MB."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A company found by a name search at Companies House.

    A value is None if Companies House does not supply it.
    """

    company_number: str
    title: str
    status: str | None
    type: str | None
    incorporated_on: date | None
    address_snippet: str | None


Answer = tuple[datetime, Sequence[Candidate]]
"""When a search was answered, and the companies found."""


class CompanySearches:
    """Allows each caller `searches` searches a minute, and remembers their answers.

    Callers do not share answers: otherwise a quick answer would tell what others searched for.
    """

    def __init__(self, clock: Callable[[], datetime], searches: int) -> None:
        self._clock = clock
        self.limit = SearchLimit(clock, searches)
        self._answers = FairCache[Answer](MAX_ANSWERS, MAX_CANDIDATES)

    def slot(self, principal: Principal) -> AbstractAsyncContextManager[None]:
        """Return the context in which a search runs; see `SearchLimit.slot`."""
        return self.limit.slot(principal)

    def remembered(self, principal: Principal, query: str, size: int) -> Sequence[Candidate] | None:
        """Return the answer to an equal search of the principal; None if there is none."""
        known = self._answers.get(_key(principal, query, size))
        if known is None or self._clock() - known[0] >= REMEMBERED:
            return None
        return known[1]

    def remember(
        self, principal: Principal, query: str, size: int, found: Sequence[Candidate]
    ) -> None:
        """Remember the answer to a search of the principal."""
        entry = Entry((self._clock(), found), len(found), principal.caller)
        self._answers.put(_key(principal, query, size), entry)


def _key(principal: Principal, query: str, size: int) -> tuple[str, str, int]:
    return principal.caller, query.casefold(), size
