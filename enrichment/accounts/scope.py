"""Warns of balances that may be those of a group, or that a revision of the accounts replaces."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from enrichment.accounts.concepts import UNDIMENSIONED_BALANCES
from enrichment.accounts.facts import Fact
from enrichment.accounts.lines import Books, Line
from enrichment.accounts.model import WarningCode


def flag_scope(lines: Mapping[str, Line], books: Books) -> dict[str, Line]:
    """Return the lines, with warnings on those that may be a group's, or replaced by a revision."""
    is_open, is_revised = is_scope_open(books), has_revisions(books)
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


def is_scope_open(books: Books) -> bool:
    """Return whether balances that do not name the company in a dimension may be the group's.

    That is so if other balances name the company, unless balances that are tagged in both ways have
    the same values.
    """
    has_own = has_other = is_same = False
    for facts in _balances(books):
        own = [fact for fact in facts if fact.context and fact.context.is_own]
        others = [fact for fact in facts if not (fact.context and fact.context.is_own)]
        has_own, has_other = has_own or bool(own), has_other or bool(others)
        if own and others:
            if {fact.value for fact in own}.isdisjoint(fact.value for fact in others):
                return True
            is_same = True
    return has_own and has_other and not is_same


def has_revisions(books: Books) -> bool:
    """Return whether a balance is marked as revised, or differs from the value as first filed."""
    for facts in _balances(books):
        if any(fact.context and fact.context.is_revised for fact in facts):
            return True
        original = {fact.value for fact in facts if fact.context and fact.context.is_original}
        plain = {fact.value for fact in facts if fact.context and not fact.context.is_original}
        if original and plain and original.isdisjoint(plain):
            return True
    return False


def _balances(books: Books) -> Iterator[Sequence[Fact]]:
    """Yield, for each concept of a balance, its facts in the books that have no dimension."""
    for key in UNDIMENSIONED_BALANCES:
        yield [
            fact
            for fact in books.document.facts.get(key, ())
            if books.is_here(fact)
            and fact.value is not None
            and not (fact.context and fact.context.dimensions)
        ]
