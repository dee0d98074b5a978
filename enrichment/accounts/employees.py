"""The average number of employees during the period, with the ways software mistags it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal

from enrichment.accounts import concepts
from enrichment.accounts.facts import Document, Fact
from enrichment.accounts.figures import Findings
from enrichment.accounts.lines import distinct
from enrichment.accounts.model import Figure, WarningCode
from enrichment.accounts.periods import ends_on_any
from enrichment.accounts.values import shifted

EMPLOYEES = "employees"


def find_employees(
    document: Document,
    found: Findings,
    *,
    day: date,
    start: date | None,
    ends: frozenset[date],
    is_separate: bool,
) -> None:
    """Find the head count of the period that ends on one of `ends`; its unit means nothing.

    Compulsory since 2016 for all but dormant companies, so that none is common before.
    """
    tagged = [fact for fact in document.of(concepts.EMPLOYEES) if not fact.is_nil]
    facts = _of_period(tagged, start, ends, is_separate=is_separate)
    if not facts:
        if any(fact.context is None for fact in tagged):
            found.warn(EMPLOYEES, WarningCode.CONTEXT_UNDEFINED)
            found.unreadable.add(EMPLOYEES)
        return
    _count(found, [fact for fact in facts if fact.concept == facts[0].concept], day)


def _count(found: Findings, facts: Sequence[Fact], day: date) -> None:
    """Note the one head count these facts of one concept give, or that they give none."""
    codes: list[WarningCode] = []
    counted = [_mended(fact, codes) for fact in facts]
    readable = [fact for fact in counted if fact.value is not None and fact.value >= 0]
    if len(readable) < len(counted):
        codes.append(WarningCode.VALUE_UNREADABLE)
    options = distinct((fact.value, fact.quantum) for fact in readable if fact.value is not None)
    if len(options) > 1:
        codes.append(WarningCode.CONFLICTING_VALUES)
    if len(options) != 1:
        found.unreadable.add(EMPLOYEES)
        found.warn(EMPLOYEES, *codes)
        return
    value = _whole_if_any([fact.value for fact in readable if fact.value is not None], options)
    if value % 1:
        codes.append(WarningCode.EMPLOYEES_NOT_WHOLE)
    found.figures[EMPLOYEES] = Figure(
        value=value,
        period_end=day,
        currency=None,
        concept=facts[0].concept,
        is_derived=False,
    )
    found.warn(EMPLOYEES, *codes)


def _of_period(
    facts: Sequence[Fact], start: date | None, ends: frozenset[date], *, is_separate: bool
) -> list[Fact]:
    """Return the facts of the entity as a whole for this period, whatever its length."""
    here = [
        fact
        for fact in facts
        if fact.context is not None
        and not fact.context.dimensions
        and fact.context.is_separate == is_separate
        and ends_on_any(fact, ends)
    ]
    periods = [fact for fact in here if fact.context and not fact.context.is_instant]
    exact = [fact for fact in periods if fact.context and fact.context.start == start]
    return exact or periods or here


def _mended(fact: Fact, codes: list[WarningCode]) -> Fact:
    """Undo a negative scale (CCH tags 2 people as 0.02) and note what was wrong."""
    if fact.context is not None and fact.context.is_instant:
        codes.append(WarningCode.PERIOD_TYPE_WRONG)
    if fact.currency is not None:
        codes.append(WarningCode.UNIT_IGNORED)
    if fact.is_bare_dash:
        codes.append(WarningCode.DASH_READ_AS_ZERO)
    if fact.value is None or fact.scale >= 0:
        return fact
    if fact.value:
        codes.append(WarningCode.SCALE_UNDONE)
    return replace(
        fact,
        value=shifted(fact.value, -fact.scale),
        quantum=shifted(fact.quantum, -fact.scale),
        scale=0,
    )


def _whole_if_any(values: Sequence[Decimal], options: Sequence[tuple[Decimal, Decimal]]) -> Decimal:
    """Prefer the rounded head count where the document gives both."""
    whole = sorted(value for value in values if not value % 1)
    return whole[0] if whole else options[0][0]
