"""Marks figures as unreadable that are tagged, but in a context that cannot be used (R85)."""

from collections.abc import Sequence
from datetime import timedelta

from enrichment.accounts import concepts
from enrichment.accounts.concepts import UNDIMENSIONED_BALANCES, key_of
from enrichment.accounts.facts import Fact
from enrichment.accounts.figures import (
    CURRENT_ASSETS,
    FIXED_ASSETS,
    LESS_CURRENT_LIABILITIES,
    NET_ASSETS,
    TOTAL_ASSETS,
    Findings,
)
from enrichment.accounts.lines import Books, balances_in
from enrichment.accounts.model import WarningCode
from enrichment.accounts.periods import SLACK

_ROLES = {
    FIXED_ASSETS: (concepts.FIXED,),
    CURRENT_ASSETS: (concepts.CURRENT,),
    TOTAL_ASSETS: (concepts.TOTAL,),
    LESS_CURRENT_LIABILITIES: (concepts.LESS_CURRENT_LIABILITIES,),
    NET_ASSETS: (concepts.NET, concepts.EQUITY, concepts.FUNDS),
}
_OF_EQUITY = frozenset({"EquityClassesDimension", "ComponentsOfEquityAxis"})
_SHORTEST_YEAR = timedelta(days=180)
"""Balances that are older than the balance sheet by more than this may be of the previous year."""


def note_unusable(found: Findings, books: Books) -> None:
    """Mark each figure as unreadable, with a warning, that is tagged but was not found.

    Its tags are in unsuitable contexts, or in inline XBRL targets that are not read.
    """
    narrowed = {key_of(fact.concept) for fact in _all_narrowed_alike(books)}
    elsewhere = {key_of(fact.concept) for fact in _dated_otherwise(books)}
    for name, roles in _ROLES.items():
        if name in found.figures or name in found.unreadable:
            continue
        keys = {key for role in roles for key in role.concepts}
        facts = [fact for key in keys for fact in books.document.facts.get(key, ())]
        code = _reason([fact for fact in facts if not fact.is_nil], books)
        if code is None and keys & (narrowed | books.document.skipped):
            code = WarningCode.SCOPE_UNCERTAIN
        if code is None and keys & elsewhere:
            code = WarningCode.BALANCE_SHEET_DATE_CONFLICT
        if code is not None:
            found.warn(name, code)
            found.unreadable.add(name)


def _reason(facts: Sequence[Fact], books: Books) -> WarningCode | None:
    """Return what is wrong with the contexts of these facts; None if nothing is."""
    if any(fact.context is None and fact.context_id not in books.placed for fact in facts):
        return WarningCode.CONTEXT_UNDEFINED
    is_of_period = any(
        fact.context is not None
        and not fact.context.is_instant
        and not fact.context.dimensions
        and fact.context.ends_on(books.day)
        for fact in facts
    )
    return WarningCode.PERIOD_TYPE_WRONG if is_of_period else None


def _all_narrowed_alike(books: Books) -> Sequence[Fact]:
    """Return the balances of the books if all have the same dimension; otherwise nothing.

    Dimensions for components of equity do not count.
    """
    facts = list(balances_in(books))
    dimensions = [
        frozenset(dimension for dimension, _ in fact.context.dimensions)
        for fact in facts
        if fact.context is not None
    ]
    if not dimensions or len(dimensions) < len(facts):
        return ()
    return facts if frozenset.intersection(*dimensions) - _OF_EQUITY else ()


def _dated_otherwise(books: Books) -> Sequence[Fact]:
    """Return balances without dimensions of dates close to that of the books.

    Close means at most a week; if the books have no balances, up to half a year before, or later.
    """
    has_any = any(balances_in(books))
    return [
        fact
        for key in UNDIMENSIONED_BALANCES
        for fact in books.document.facts.get(key, ())
        if fact.context is not None
        and fact.context.end is not None
        and not fact.is_nil
        and not fact.context.dimensions
        and _is_of_year(fact.context.end - books.day, has_any=has_any)
    ]


def _is_of_year(distance: timedelta, *, has_any: bool) -> bool:
    return abs(distance) <= SLACK if has_any else distance > -_SHORTEST_YEAR
