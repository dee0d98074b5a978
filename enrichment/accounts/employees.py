"""Finds the average number of employees in the period, and corrects common errors in its tags."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal

from enrichment.accounts import concepts
from enrichment.accounts.concepts import key_of
from enrichment.accounts.facts import Document, Fact, latest
from enrichment.accounts.figures import Findings
from enrichment.accounts.lines import distinct
from enrichment.accounts.model import Figure, WarningCode
from enrichment.accounts.periods import SLACK, ends_on_any
from enrichment.accounts.values import shifted

EMPLOYEES = "employees"
MAX_EMPLOYEES = 10_000_000
_ONE = Decimal(1)


def find_employees(
    document: Document,
    found: Findings,
    *,
    day: date,
    start: date | None,
    ends: frozenset[date],
    is_separate: bool,
    is_group: bool,
    is_revised: bool,
) -> None:
    """Add the number of employees to `found`, or mark it as unreadable.

    It is tagged for the period from `start` to one of `ends`, or to a few days from `day`, the
    balance sheet date. Its unit is ignored. Since 2016 the law requires it of all companies that
    are not dormant. If the balances may be those of a group (`is_group`), a number without a
    dimension gets a warning, since it is often the group's. If the balances are revised
    (`is_revised`), a number that is tagged only as first filed gets a warning. `is_separate` means
    that only facts of separate (ESEF) accounts are the company's own.
    """
    tagged = [fact for fact in document.of(concepts.EMPLOYEES) if not fact.is_nil]
    ended = [fact for fact in tagged if ends_on_any(fact, ends)]
    if not any(fact.context and not fact.context.dimensions for fact in ended):
        ended = [fact for fact in tagged if _ends_near(fact, day)]
    facts = latest(_of_period(ended, start, is_separate=is_separate))
    if not facts:
        is_skipped = not document.skipped.isdisjoint(concepts.EMPLOYEES)
        _note_unusable(found, tagged, ended, is_skipped=is_skipped)
        return
    key = key_of(facts[0].concept)
    _count(found, [fact for fact in facts if key_of(fact.concept) == key], day)
    others = [fact for fact in facts if key_of(fact.concept) != key]
    _compare(found, [fact for fact in others if fact.is_ifrs == facts[0].is_ifrs])
    if not any(ends_on_any(fact, ends) for fact in facts):
        found.warn(EMPLOYEES, WarningCode.BALANCE_SHEET_DATE_CONFLICT)
    if is_revised and all(fact.context and fact.context.is_original for fact in facts):
        found.warn(EMPLOYEES, WarningCode.EDITION_DOUBTFUL)
    if is_group and not is_separate:
        _scope(found, facts, [fact for fact in ended if fact.context and fact.context.is_group])


def _ends_near(fact: Fact, day: date) -> bool:
    """Return whether the fact's period ends at most a week (SLACK) before or after `day`."""
    end = fact.context.end if fact.context else None
    return end is not None and abs(end - day) <= SLACK


def _note_unusable(
    found: Findings, tagged: Sequence[Fact], ended: Sequence[Fact], *, is_skipped: bool
) -> None:
    """Mark the number of employees as unreadable if all of its facts are unusable.

    `tagged` are all its facts, and `ended` those of the period. `is_skipped` means that the number
    is tagged in an inline XBRL target that is not read.
    """
    code: WarningCode | None = None
    if any(fact.context is None for fact in tagged):
        code = WarningCode.CONTEXT_UNDEFINED
    elif is_skipped or (found.unreadable and not found.figures and ended):
        code = WarningCode.SCOPE_UNCERTAIN
    if code is not None:
        found.warn(EMPLOYEES, code)
        found.unreadable.add(EMPLOYEES)


def _scope(found: Findings, facts: Sequence[Fact], of_group: Sequence[Fact]) -> None:
    """Mark the number of employees as the group's if a fact about the group has the same value.

    The number gets a warning then, and also if there is no fact about the group.
    """
    figure = found.figures.get(EMPLOYEES)
    if figure is None or all(fact.context and fact.context.is_own for fact in facts):
        return
    counts = {fact.value for fact in of_group}
    if figure.value in counts:
        found.figures[EMPLOYEES] = replace(figure, is_group=True)
    if figure.value in counts or not counts:
        found.warn(EMPLOYEES, WarningCode.SCOPE_UNCERTAIN)


def _count(found: Findings, facts: Sequence[Fact], day: date) -> None:
    """Add the number of employees that `facts` of one concept have, or mark it as unreadable."""
    codes: list[WarningCode] = []
    counted = [_mended(fact, codes) for fact in facts]
    readable = [
        fact for fact in counted if fact.value is not None and 0 <= fact.value <= MAX_EMPLOYEES
    ]
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


def _compare(found: Findings, others: Sequence[Fact]) -> None:
    """Add a warning if facts of another concept with the same meaning have another value."""
    figure = found.figures.get(EMPLOYEES)
    counts = [_mended(fact, []) for fact in others]
    if figure is not None and any(
        fact.value is not None and 2 * abs(fact.value - figure.value) > max(fact.quantum, _ONE)
        for fact in counts
    ):
        found.warn(EMPLOYEES, WarningCode.CONFLICTING_VALUES)


def _of_period(facts: Sequence[Fact], start: date | None, *, is_separate: bool) -> list[Fact]:
    """Return the facts without dimensions for the period that begins on `start`.

    If there are none, facts for other periods are returned; if there are none either, facts for a
    day.
    """
    here = [
        fact
        for fact in facts
        if fact.context is not None
        and not fact.context.dimensions
        and fact.context.is_separate == is_separate
    ]
    here = [fact for fact in here if fact.context and fact.context.is_own] or here
    periods = [fact for fact in here if fact.context and not fact.context.is_instant]
    exact = [fact for fact in periods if fact.context and fact.context.start == start]
    return exact or periods or here


def _mended(fact: Fact, codes: list[WarningCode]) -> Fact:
    """Return the fact with the printed number as its value, and append warnings to `codes`.

    Some software tags 2 people with a scale, as 0.02 or 2,000. The scale is undone, unless the
    printed number is a fraction in a positive scale, such as 1.5 thousand: that gets a warning.
    """
    if fact.context is not None and fact.context.is_instant:
        codes.append(WarningCode.PERIOD_TYPE_WRONG)
    if fact.currency is not None:
        codes.append(WarningCode.UNIT_IGNORED)
    if fact.is_bare_dash:
        codes.append(WarningCode.DASH_READ_AS_ZERO)
    if fact.value is None or not fact.scale:
        return fact
    printed = shifted(fact.value, -fact.scale)
    if fact.scale > 0 and printed % 1:
        codes.append(WarningCode.SCALE_DOUBTFUL)
        return fact
    if fact.value:
        codes.append(WarningCode.SCALE_UNDONE)
    value = printed if printed % 1 else printed.to_integral_value()
    return replace(fact, value=value, quantum=shifted(fact.quantum, -fact.scale), scale=0)


def _whole_if_any(values: Sequence[Decimal], options: Sequence[tuple[Decimal, Decimal]]) -> Decimal:
    """Return the smallest whole number of `values`; if there is none, the value of `options[0]`."""
    whole = sorted(value for value in values if not value % 1)
    return whole[0] if whole else options[0][0]
