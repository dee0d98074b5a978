"""Marks figures as unreadable if they are tagged, but in a context that cannot be used (R85)."""

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
from enrichment.accounts.lines import BalanceSet, balances_in
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


def note_unusable(found: Findings, balances: BalanceSet) -> None:
    """Mark each figure that is tagged but was not found as unreadable, with a warning.

    Its tags are in unsuitable contexts, or in inline XBRL targets that are not read.
    """
    narrowed = {key_of(fact.concept) for fact in _all_narrowed_alike(balances)}
    elsewhere = {key_of(fact.concept) for fact in _dated_otherwise(balances)}
    for name, roles in _ROLES.items():
        if name in found.figures or name in found.unreadable:
            continue
        keys = {key for role in roles for key in role.concepts}
        facts = [fact for key in keys for fact in balances.document.facts.get(key, ())]
        code = _reason([fact for fact in facts if not fact.is_nil], balances)
        if code is None and keys & (narrowed | balances.document.skipped):
            code = WarningCode.SCOPE_UNCERTAIN
        if code is None and keys & elsewhere:
            code = WarningCode.BALANCE_SHEET_DATE_CONFLICT
        if code is not None:
            found.warn(name, code)
            found.unreadable.add(name)


def _reason(facts: Sequence[Fact], balances: BalanceSet) -> WarningCode | None:
    """Return the warning about what is wrong with the contexts of the facts; None if nothing is."""
    if any(fact.context is None and fact.context_id not in balances.placed for fact in facts):
        return WarningCode.CONTEXT_UNDEFINED
    is_of_period = any(
        fact.context is not None
        and not fact.context.is_instant
        and not fact.context.dimensions
        and fact.context.ends_on(balances.day)
        for fact in facts
    )
    return WarningCode.PERIOD_TYPE_WRONG if is_of_period else None


def _all_narrowed_alike(balances: BalanceSet) -> Sequence[Fact]:
    """Return the balances if all have the same dimension; otherwise nothing.

    Dimensions for components of equity do not count.
    """
    facts = list(balances_in(balances))
    dimensions = [
        frozenset(dimension for dimension, _ in fact.context.dimensions)
        for fact in facts
        if fact.context is not None
    ]
    if not dimensions or len(dimensions) < len(facts):
        return ()
    return facts if frozenset.intersection(*dimensions) - _OF_EQUITY else ()


def _dated_otherwise(balances: BalanceSet) -> Sequence[Fact]:
    """Return balances without dimensions whose dates are close to that of the balances.

    Close means at most a week before or after. If `balances` is empty, it means at most
    half a year before, or any time after.
    """
    has_any = any(balances_in(balances))
    return [
        fact
        for key in UNDIMENSIONED_BALANCES
        for fact in balances.document.facts.get(key, ())
        if fact.context is not None
        and fact.context.end is not None
        and not fact.is_nil
        and not fact.context.dimensions
        and _is_of_year(fact.context.end - balances.day, has_any=has_any)
    ]


def _is_of_year(distance: timedelta, *, has_any: bool) -> bool:
    return abs(distance) <= SLACK if has_any else distance > -_SHORTEST_YEAR
