"""Figures that are tagged, but in a context that does not say whose or when they are (R85)."""

from collections.abc import Sequence

from enrichment.accounts import concepts
from enrichment.accounts.concepts import key_of
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

_ROLES = {
    FIXED_ASSETS: (concepts.FIXED,),
    CURRENT_ASSETS: (concepts.CURRENT,),
    TOTAL_ASSETS: (concepts.TOTAL,),
    LESS_CURRENT_LIABILITIES: (concepts.LESS_CURRENT_LIABILITIES,),
    NET_ASSETS: (concepts.NET, concepts.EQUITY, concepts.FUNDS),
}
_OF_EQUITY = ("EquityClassesDimension", "ComponentsOfEquityAxis")


def note_unusable(found: Findings, books: Books) -> None:
    """Name the balances that are tagged, but in no context that can be used."""
    narrowed = _all_narrowed_alike(books)
    for name, roles in _ROLES.items():
        if name in found.figures or name in found.unreadable:
            continue
        keys = tuple(key for role in roles for key in role.concepts)
        code = _reason([fact for fact in books.document.of(keys) if not fact.is_nil], books)
        if code is None and any(key_of(fact.concept) in keys for fact in narrowed):
            code = WarningCode.SCOPE_UNCERTAIN
        if code is not None:
            found.warn(name, code)
            found.unreadable.add(name)


def _reason(facts: Sequence[Fact], books: Books) -> WarningCode | None:
    """Return what is wrong with the contexts of these facts of the entity as a whole."""
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
    """Return the balances of this date if one and the same dimension narrows all of them."""
    facts = list(balances_in(books))
    narrowings = [fact.context.dimensions for fact in facts if fact.context is not None]
    if not narrowings or len(narrowings) < len(facts):
        return ()
    shared = frozenset.intersection(*narrowings)
    is_whole = any(dimension not in _OF_EQUITY for dimension, _ in shared)
    return facts if is_whole else ()
