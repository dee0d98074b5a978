"""Finds the balance sheet date, the start of the period that ends then, and undefined contexts."""

from collections import Counter
from datetime import date, timedelta

from enrichment.accounts import concepts
from enrichment.accounts.dates import read_date
from enrichment.accounts.facts import Document, Fact
from enrichment.accounts.model import AccountsRefused, AccountsWarning, RefusalCode, WarningCode
from enrichment.accounts.values import UnreadableError

SLACK = timedelta(days=7)
_ONE_DAY = timedelta(days=1)
FIELD = "balance_sheet_date"
_FIGURES = concepts.BALANCES | frozenset(concepts.EMPLOYEES)


def balance_sheet_date(document: Document) -> tuple[date, tuple[AccountsWarning, ...]]:
    """Return the date of the current balance sheet, with a warning if it is uncertain.

    It is the newest tagged BalanceSheetDate, or else the tagged end of the period, or else the
    newest date of any balance. Raises AccountsRefused if there is no such date.
    """
    instants = balance_instants(document)
    stated = stated_dates(document, concepts.BALANCE_SHEET_DATE)
    ends = stated_dates(document, concepts.PERIOD_END)
    if len(stated) == 1:
        return _confirmed(stated[0], ends, document)
    if stated:
        newest = max(stated, key=lambda day: (day in instants, day))
        return newest, (_conflict("The document states more than one balance sheet date."),)
    if not any(document.facts.get(key) for key in _FIGURES):
        raise AccountsRefused(
            RefusalCode.NOT_ACCOUNTS, "The document is tagged, but contains no balance sheet."
        )
    if ends:
        return max(ends, key=lambda day: (day in instants, day)), (
            _inferred("the end of the period covered"),
        )
    if instants:
        return max(instants), (_inferred("the newest date for which balances are tagged"),)
    raise AccountsRefused(
        RefusalCode.NO_BALANCE_SHEET_DATE,
        "The accounts do not say what their balance sheet date is.",
    )


def _confirmed(
    day: date, ends: list[date], document: Document
) -> tuple[date, tuple[AccountsWarning, ...]]:
    """Return the stated date `day`, or another one with a warning if balances have other dates.

    `ends` are the tagged ends of the period. Another date is returned in three cases: there are no
    balances at `day`, but at the end of the period; there are more balances at a date at most a
    week from `day` (as in a year of 52 weeks); or there are balances at a later date, because `day`
    is that of the previous year.
    """
    concepts_on = _concepts_by_day(document)
    here = len(concepts_on.get(day, ()))
    near = [other for other in concepts_on if other != day and abs(other - day) <= SLACK]
    moved: date | None = None
    if here:
        fuller = [other for other in near if len(concepts_on[other]) > here]
        later = [
            other
            for other in concepts_on
            if other - day > SLACK and len(concepts_on[other]) >= here
        ]
        ended = [other for other in ends if other - day > SLACK and other in concepts_on]
        if not (fuller or later or ended):
            return day, ()
        if fuller:
            moved = max(fuller, key=lambda other: (len(concepts_on[other]), other))
        elif ended or day not in ends:
            moved = max(ended or later)
        return moved or day, (
            _conflict(
                "At least as many balances are tagged for other dates as for the stated balance"
                " sheet date."
            ),
        )
    if len(ends) == 1 and ends[0] in concepts_on:
        moved = ends[0]
    else:
        moved = min(near, key=lambda other: (abs(other - day), other), default=None)
    if moved is None:
        return day, ()
    return moved, (_conflict("No balances are tagged for the stated balance sheet date."),)


def _concepts_by_day(document: Document) -> dict[date, set[str]]:
    """Return, by date, the concepts (their keys) for which balances without dimensions are tagged.

    A time of midnight may mean the start of its day, or the end of the day before; both count.
    """
    found: dict[date, set[str]] = {}
    for key in concepts.UNDIMENSIONED_BALANCES:
        for fact in document.facts.get(key, ()):
            context = fact.context
            if context is None or context.dimensions or not context.is_instant:
                continue
            if context.end is not None:
                found.setdefault(context.end, set()).add(key)
                if context.ends_at_midnight:
                    found.setdefault(context.end - _ONE_DAY, set()).add(key)
    return found


def _conflict(message: str) -> AccountsWarning:
    return AccountsWarning(WarningCode.BALANCE_SHEET_DATE_CONFLICT, FIELD, message)


def _inferred(source: str) -> AccountsWarning:
    return AccountsWarning(
        WarningCode.BALANCE_SHEET_DATE_INFERRED,
        FIELD,
        f"The balance sheet date is not tagged; it is taken from {source}.",
    )


def stated_dates(document: Document, keys: tuple[str, ...]) -> list[date]:
    """Return the different dates that are tagged with the concepts `keys`.

    Facts with dimensions are used only if there are no others.
    """
    plain: list[date] = []
    narrowed: list[date] = []
    for fact in document.of(keys):
        try:
            day = read_date(fact.text, fact.format)
        except UnreadableError:
            continue
        is_narrowed = fact.context is not None and fact.context.dimensions
        (narrowed if is_narrowed else plain).append(day)
    return list(dict.fromkeys(plain or narrowed))


def balance_instants(document: Document) -> Counter[date]:
    """Return the number of balances without dimensions at each date."""
    found: Counter[date] = Counter()
    for key in concepts.UNDIMENSIONED_BALANCES:
        for fact in document.facts.get(key, ()):
            context = fact.context
            if context is None or context.dimensions or not context.is_instant:
                continue
            if context.end is not None:
                found[context.end] += 1
    return found


def period_start(document: Document, day: date) -> date | None:
    """Return the first day of the period that ends on `day`; None if unknown.

    It is the tagged start, or else the most frequent start of contexts that end on `day`.
    """
    stated = [start for start in stated_dates(document, concepts.PERIOD_START) if start <= day]
    if stated:
        return max(stated)
    uses: Counter[date] = Counter()
    for name, context in document.contexts.items():
        if context.start is not None and not context.dimensions and context.ends_on(day):
            uses[context.start] += document.uses[name]
    return min(uses, key=lambda start: (-uses[start], start)) if uses else None


def undefined_contexts(document: Document) -> frozenset[str]:
    """Return the ids of contexts that balances refer to, but the document does not define."""
    return frozenset(
        fact.context_id
        for key in concepts.UNDIMENSIONED_BALANCES
        for fact in document.facts.get(key, ())
        if fact.context is None
    )


def ends_on_any(fact: Fact, days: frozenset[date]) -> bool:
    """Return whether the fact's context ends on one of `days`."""
    return fact.context is not None and any(fact.context.ends_on(day) for day in days)
