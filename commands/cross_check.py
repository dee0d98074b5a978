"""Compares our reader of accounts with another one, figure by figure, for documents in a folder."""

import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from io import BytesIO
from pathlib import Path
from typing import Any

import click

from enrichment.accounts import Accounts, AccountsRefused, concepts, read_accounts
from enrichment.accounts.package import accounts_document, is_zip

DATE = "balance_sheet_date"
CONCEPTS: dict[str, tuple[tuple[str, ...], ...]] = {
    "employees": (concepts.EMPLOYEES,),
    "fixed_assets": (concepts.FIXED.concepts,),
    "current_assets": (concepts.CURRENT.concepts,),
    "total_assets": (concepts.TOTAL.concepts,),
    "total_assets_less_current_liabilities": (concepts.LESS_CURRENT_LIABILITIES.concepts,),
    "net_assets": (concepts.NET.concepts, concepts.EQUITY.concepts, concepts.FUNDS.concepts),
}
"""The tags for each figure, in groups: the first group with a value is used, as in our reader."""

_SUFFIXES = frozenset({".html", ".htm", ".xhtml", ".xml", ".xbrl", ".zip"})
_NEAR = Decimal("0.005")
_NIL = "xsi:nil"


@dataclass(frozen=True, slots=True)
class OtherFact:
    """A number without dimensions that the other reader found.

    `day` is the date of an amount at a date (`is_instant`), or else the last day of a period.
    """

    concept: str
    value: Decimal
    day: date
    is_instant: bool


OtherReader = Callable[[bytes], Sequence[OtherFact]]


class Outcome(StrEnum):
    """The result of comparing one figure; `NEITHER` means that neither reader found it."""

    AGREE = "agree"
    DIFFER = "differ"
    ONLY_OURS = "only ours"
    ONLY_THEIRS = "only theirs"
    NEITHER = "neither"


@dataclass(frozen=True, slots=True)
class Compared:
    """One figure as found by both readers; `note` is our tag or formula, with the warnings."""

    figure: str
    outcome: Outcome
    ours: str
    theirs: str
    note: str


def compare(accounts: Accounts, facts: Sequence[OtherFact]) -> list[Compared]:
    """Return the comparison of the balance sheet date and of each figure at that date.

    `accounts` are from our reader, and `facts` from the other one.
    """
    return [_compared_date(accounts, facts), *_compared_figures(accounts, facts)]


def _compared_date(accounts: Accounts, facts: Sequence[OtherFact]) -> Compared:
    days = [
        fact.day
        for fact in facts
        if fact.is_instant and concepts.key_of(fact.concept) in concepts.UNDIMENSIONED_BALANCES
    ]
    ours, theirs = accounts.balance_sheet_date, max(days, default=None)
    if theirs is None:
        return Compared(DATE, Outcome.ONLY_OURS, str(ours), "", "")
    outcome = Outcome.AGREE if ours == theirs else Outcome.DIFFER
    return Compared(DATE, outcome, str(ours), str(theirs), "")


def _compared_figures(accounts: Accounts, facts: Sequence[OtherFact]) -> Iterator[Compared]:
    for name, groups in CONCEPTS.items():
        figure = getattr(accounts, name)
        is_instant = name != "employees"
        values = _values(facts, groups, accounts.balance_sheet_date, is_instant=is_instant)
        theirs = " or ".join(format(value, "f") for value in sorted(values))
        if figure is None:
            outcome = Outcome.ONLY_THEIRS if values else Outcome.NEITHER
            note = "unreadable" if name in accounts.unreadable else ""
            yield Compared(name, outcome, "", theirs, note)
            continue
        if not values:
            outcome = Outcome.ONLY_OURS
        else:
            is_among = any(abs(value - figure.value) < _NEAR for value in values)
            outcome = Outcome.AGREE if is_among else Outcome.DIFFER
        codes = sorted({str(warning.code) for warning in figure.warnings})
        note = ", ".join((figure.concept, *codes))
        yield Compared(name, outcome, format(figure.value, "f"), theirs, note)


def _values(
    facts: Sequence[OtherFact],
    groups: tuple[tuple[str, ...], ...],
    day: date,
    *,
    is_instant: bool,
) -> set[Decimal]:
    for group in groups:
        found = {
            fact.value
            for fact in facts
            if fact.day == day
            and fact.is_instant == is_instant
            and concepts.key_of(fact.concept) in group
        }
        if found:
            return found
    return set()


def cross_check(folder: Path, other: OtherReader) -> Iterator[str]:
    """Yield the lines of a report about the documents in `folder` and its subfolders.

    The report has the differences, and then a table with the number of each outcome.
    """
    counts: Counter[tuple[str, Outcome]] = Counter()
    failures: Counter[str] = Counter()
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in _SUFFIXES)
    for file in files:
        content = file.read_bytes()
        name = str(file.relative_to(folder))
        try:
            accounts = read_accounts(content)
        except AccountsRefused as refused:  # the other reader may hang on such a document
            failures["refused by ours"] += 1
            yield f"{name}: refused by ours, {refused.code}: {refused.message}"
            continue
        try:
            facts = other(accounts_document(content) if is_zip(content) else content)
        except Exception as error:  # any exception of the other reader becomes a line of the report
            failures["failed by the other"] += 1
            yield f"{name}: the other reader failed, {type(error).__name__}"
            continue
        for one in compare(accounts, facts):
            counts[one.figure, one.outcome] += 1
            if one.outcome in {Outcome.DIFFER, Outcome.ONLY_THEIRS}:
                note = f" ({one.note})" if one.note else ""
                ours, theirs = one.ours or "none", one.theirs
                yield f"{name}: {one.figure}: ours {ours}{note}, theirs {theirs}"
    yield from ("", f"{len(files)} documents", *(f"{n} {what}" for what, n in failures.items()))
    yield f"{'figure':40}" + "".join(f"{outcome:>13}" for outcome in Outcome)
    for figure in (DATE, *CONCEPTS):
        yield f"{figure:40}" + "".join(f"{counts[figure, outcome]:13}" for outcome in Outcome)


def read_with_ixbrlparse(content: bytes) -> list[OtherFact]:
    """Return the facts of a document that ixbrlparse finds.

    Nil facts are left out, since ixbrlparse reads them as zero. It ignores the dimensions in
    scenarios. Raises ClickException if ixbrlparse is not installed.
    """
    try:
        from ixbrlparse import IXBRL  # noqa: PLC0415  # an extra, for this command alone
    except ImportError:
        raise click.ClickException(
            "ixbrlparse is not installed: pip install --editable '.[cross-check]'"
        ) from None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        document = IXBRL(BytesIO(content), raise_on_error=False)
    return [fact for found in document.numeric if (fact := _other_fact(found)) is not None]


def _other_fact(found: Any) -> OtherFact | None:
    context = found.context
    is_nil = found.soup_tag is not None and found.soup_tag.get(_NIL) in {"true", "1"}
    if is_nil or found.value is None or isinstance(context, str) or context.segments:
        return None
    day = context.instant or context.enddate
    if day is None:
        return None
    value = Decimal(repr(found.value))
    return OtherFact(found.name, value, day, is_instant=context.instant is not None)
