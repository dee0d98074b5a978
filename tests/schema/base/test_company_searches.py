"""Answers of name searches are remembered for their caller, for some minutes."""

from datetime import timedelta

from models.tables.access import Principal, Scope
from schema.base.company_searches import MAX_ANSWERS, Candidate, CompanySearches
from tests.clock import Clock
from tests.graphql_client import LiveApi

A = Principal("tok_1", "Ann", frozenset())
B = Principal("tok_2", "Bob", frozenset())
FOUND = [Candidate("00000101", "ALPHA LIMITED", None, None, None, None)]
SEARCH = """query($q: String!, $first: Int = 20) {
  companySearch(query: $q, first: $first) { companyNumber } }"""


def test_an_answer_is_remembered_for_five_minutes(clock: Clock) -> None:
    searches = CompanySearches(clock, 30)
    assert searches.remembered(A, "alpha", 20) is None
    searches.remember(A, "alpha", 20, FOUND)
    clock.advance(timedelta(seconds=299))
    assert searches.remembered(A, "ALPHA", 20) == FOUND
    assert searches.remembered(A, "alpha", 100) is None
    clock.advance(timedelta(seconds=1))
    assert searches.remembered(A, "alpha", 20) is None


def test_an_answer_is_remembered_for_its_caller_only(clock: Clock) -> None:
    """R99: whether a search was made before tells nobody else anything."""
    searches = CompanySearches(clock, 30)
    searches.remember(A, "alpha", 20, FOUND)
    assert searches.remembered(B, "alpha", 20) is None


def test_so_many_answers_are_remembered_and_a_flood_forgets_its_own(clock: Clock) -> None:
    searches = CompanySearches(clock, 30)
    searches.remember(B, "kept", 20, [])
    for place in range(MAX_ANSWERS + 10):
        searches.remember(A, f"alpha {place}", 20, FOUND)
    assert len(searches._answers) == MAX_ANSWERS
    assert searches.remembered(A, "alpha 0", 20) is None
    assert searches.remembered(A, f"alpha {MAX_ANSWERS}", 20) == FOUND
    assert searches.remembered(B, "kept", 20) == []


async def test_the_same_search_asks_the_register_once_and_is_not_limited(live: LiveApi) -> None:
    """R88."""
    found = {"companySearch": [{"companyNumber": "00000101"}]}
    for query in (" alpha  trading ", "Alpha Trading", *["ALPHA TRADING"] * 30):
        assert await live.data(SEARCH, q=query) == found
    assert [request.path for request in live.sandbox.requests] == ["/search/companies"]
    live.clock.advance(timedelta(minutes=5))
    assert await live.data(SEARCH, q="alpha trading") == found
    assert len(live.sandbox.requests) == 2
    other = await live.token_for(Scope.CUSTOMERS_READ, name="Bob")
    assert await live.data(SEARCH, token=other, q="alpha trading") == found
    assert len(live.sandbox.requests) == 3


async def test_so_many_companies_are_found_as_were_asked_for(live: LiveApi) -> None:
    """R88: an answer serves every `first` up to 20."""
    for first, expected in ((3, 3), (20, 20), (None, 20), (1, 1)):
        found = await live.data(SEARCH, q="sandbox", first=first)
        assert len(found["companySearch"]) == expected
    assert len(live.sandbox.requests) == 1
    more = await live.data(SEARCH, q="sandbox", first=21)
    assert len(more["companySearch"]) == 21
    for first in (0, -1, 101):
        error = await live.error(SEARCH, q="sandbox", first=first)
        assert error["message"] == "`first` must be between 1 and 100."
        assert error["extensions"] == {"code": "BAD_USER_INPUT"}
