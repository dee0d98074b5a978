"""Warns of balances that may be the group's, or that a revision of the accounts may replace."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from enrichment.accounts.concepts import UNDIMENSIONED_BALANCES
from enrichment.accounts.facts import Fact
from enrichment.accounts.lines import BalanceSet, Line
from enrichment.accounts.model import WarningCode


def flag_scope(lines: Mapping[str, Line], balances: BalanceSet) -> dict[str, Line]:
    """Return the lines, with a warning on each that may be the group's, or be replaced."""
    is_open, is_revised = is_scope_open(balances), has_revisions(balances)
    flagged = dict(lines)
    for name, line in lines.items():
        codes = []
        if is_open and not line.is_own:
            codes.append(WarningCode.SCOPE_UNCERTAIN)
        if is_revised and line.is_original:
            codes.append(WarningCode.EDITION_DOUBTFUL)
        if codes:
            flagged[name] = replace(line, codes=(*line.codes, *codes))
    return flagged


def is_scope_open(balances: BalanceSet) -> bool:
    """Return whether balances that do not name the company in a dimension may be the group's.

    That is so if other balances name the company, unless balances that are tagged in both ways have
    the same values.
    """
    has_own = has_other = is_same = False
    for facts in _balances(balances):
        own = [fact for fact in facts if fact.context and fact.context.is_own]
        others = [fact for fact in facts if not (fact.context and fact.context.is_own)]
        has_own, has_other = has_own or bool(own), has_other or bool(others)
        if own and others:
            if {fact.value for fact in own}.isdisjoint(fact.value for fact in others):
                return True
            is_same = True
    return has_own and has_other and not is_same


def has_revisions(balances: BalanceSet) -> bool:
    """Return whether a balance is marked as revised, or differs from the value as first filed."""
    for facts in _balances(balances):
        if any(fact.context and fact.context.is_revised for fact in facts):
            return True
        original = {fact.value for fact in facts if fact.context and fact.context.is_original}
        plain = {fact.value for fact in facts if fact.context and not fact.context.is_original}
        if original and plain and original.isdisjoint(plain):
            return True
    return False


def _balances(balances: BalanceSet) -> Iterator[Sequence[Fact]]:
    """Yield, for each concept of a balance, its facts in the set that have no dimension."""
    for key in UNDIMENSIONED_BALANCES:
        yield [
            fact
            for fact in balances.document.facts.get(key, ())
            if balances.includes(fact)
            and fact.value is not None
            and not (fact.context and fact.context.dimensions)
        ]
