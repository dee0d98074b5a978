"""Reads the lines of one balance sheet: the tagged values of each role, such as fixed assets."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal

from enrichment.accounts.concepts import BALANCES, ROLES, TOTALS, UNDIMENSIONED_BALANCES, Role
from enrichment.accounts.facts import Document, Fact, latest
from enrichment.accounts.model import WarningCode

MAX_OPTIONS = 4
_HOME = "GBP"


@dataclass(frozen=True, slots=True)
class Line:
    """The tagged values of one role, a line of the balance sheet.

    `options` are the different values, the most precise first; several mean that the tags
    disagree. Values that differ only by rounding are one option. `quantum` is the unit that the
    first option was rounded to. `is_negative_outside` means that the page prints all tags in
    brackets or with a minus, which the tags do not include. `page_sign` says what the page prints
    for tags that are negative: 1 for a plain number, -1 for a minus or bracket, 0 if unknown.
    `scales` are the powers of ten of the tags, except those of zero amounts. `is_own` means that
    all tags name the company, `is_original` that all are of the accounts as first filed, and
    `is_narrowed` that all have a dimension. `codes` are the warnings about the values.
    """

    concept: str
    options: tuple[Decimal, ...]
    quantum: Decimal
    currency: str | None
    is_negative_outside: bool = False
    is_ifrs: bool = False
    codes: tuple[WarningCode, ...] = ()
    page_sign: int = 0
    scales: frozenset[int] = frozenset()
    is_own: bool = False
    is_original: bool = False
    is_narrowed: bool = False

    @property
    def value(self) -> Decimal | None:
        """Return the value; None if there is no option, or more than one."""
        return self.options[0] if len(self.options) == 1 else None

    def settled(self, value: Decimal, *codes: WarningCode) -> "Line":
        """Return this line with `value` as its only option, and with further warnings `codes`."""
        return replace(
            self, options=(value,), is_negative_outside=False, codes=(*self.codes, *codes)
        )

    def unsettled(self, *codes: WarningCode) -> "Line":
        """Return this line without any option, and with further warnings `codes`."""
        return replace(self, options=(), codes=(*self.codes, *codes))


@dataclass(frozen=True, slots=True)
class BalanceSet:
    """The balances (amounts at a date) of one document at the date `day`.

    `placed` are the ids of contexts that the document uses but does not define, and that are taken
    as contexts of this date. `is_separate` is true for ESEF group accounts, in which facts without
    a dimension are the group's, not the company's. `takes_periods` is true if the software tagged
    all balances for the period instead of for its last day.
    """

    document: Document
    day: date
    placed: frozenset[str] = field(default_factory=frozenset)
    is_separate: bool = False
    takes_periods: bool = False

    def includes(self, fact: Fact) -> bool:
        """Return whether the fact is of the company and of this date."""
        context = fact.context
        if context is None:
            return fact.context_id in self.placed
        if self.is_separate != context.is_separate:
            return False
        return (context.is_instant or self.takes_periods) and context.ends_on(self.day)


def balances_at(document: Document, day: date, placed: frozenset[str] = frozenset()) -> BalanceSet:
    """Return the balances of a document at `day`.

    In ESEF group accounts that mark the company's own facts, only these are included. Balances that
    are tagged for the period are included if there are no others.
    """
    separate = BalanceSet(document, day, is_separate=True)
    has_separate = any(
        fact.context is not None and separate.includes(fact)
        for key in BALANCES
        for fact in document.facts.get(key, ())
    )
    balances = separate if has_separate else BalanceSet(document, day, placed)
    return balances if any(balances_in(balances)) else replace(balances, takes_periods=True)


def balances_in(balances: BalanceSet) -> Iterator[Fact]:
    """Yield the facts that are balances of the set, with and without dimensions."""
    for key in UNDIMENSIONED_BALANCES:
        for fact in balances.document.facts.get(key, ()):
            if balances.includes(fact) and not fact.is_nil:
                yield fact


def main_currency(balances: BalanceSet) -> str | None:
    """Return the most frequent currency of the balances; None if no fact has a currency."""
    uses: Counter[str] = Counter()
    for key in BALANCES:
        for fact in balances.document.facts.get(key, ()):
            if fact.currency and balances.includes(fact):
                uses[fact.currency] += 1
    if not uses:
        uses = balances.document.currencies
    return min(uses, key=lambda code: (-uses[code], code != _HOME, code)) if uses else None


def read_lines(balances: BalanceSet) -> dict[str, Line]:
    """Return the line of each role for which balances are tagged, by the role's name."""
    currency = main_currency(balances)
    lines = ((role.name, _read_line(balances, role, currency)) for role in ROLES)
    return {name: line for name, line in lines if line is not None}


def _read_line(balances: BalanceSet, role: Role, currency: str | None) -> Line | None:
    """Return the line of the role's first concept with a value, or else of the first tagged one.

    None if no concept of the role is tagged. If the role is a total, and another of its concepts
    has another value, the line gets a warning.
    """
    candidates = list(_candidates(balances, role, currency))
    readable = [line for line in candidates if line.options]
    if not readable or role not in TOTALS:
        return next(iter(readable or candidates), None)
    line = readable[0]
    codes = [code for other in candidates if not other.options for code in other.codes]
    if not all(_agree(line, other) for other in readable if other.is_ifrs == line.is_ifrs):
        codes.append(WarningCode.CONFLICTING_VALUES)
    return replace(line, codes=(*line.codes, *codes)) if codes else line


def _candidates(balances: BalanceSet, role: Role, currency: str | None) -> Iterator[Line]:
    """Yield a line for each concept of the role that is tagged, in order of preference."""
    for key in role.concepts:
        here = [fact for fact in balances.document.facts.get(key, ()) if balances.includes(fact)]
        for facts in _tiers(role, here):
            tagged = _own(latest([fact for fact in facts if not fact.is_nil]))
            if tagged:
                yield _line_of(tagged, currency)


def _own(facts: list[Fact]) -> list[Fact]:
    """Return the facts that name the company in a dimension, or all facts if none does."""
    return [fact for fact in facts if fact.context and fact.context.is_own] or facts


def _agree(one: Line, other: Line) -> bool:
    """Return whether an option of one line equals an option of the other, within rounding."""
    quantum = max(one.quantum, other.quantum)
    return any(2 * abs(a - b) <= quantum for a in one.options for b in other.options)


def _tiers(role: Role, facts: Sequence[Fact]) -> Iterable[list[Fact]]:
    """Yield groups of facts: those with one, then two members of the role, then without dimensions.

    A role without members has only the last group.
    """
    for count in (1, 2) if role.members else ():
        yield [fact for fact in facts if _has_members(fact, role.members, count)]
    yield [fact for fact in facts if fact.context is None or not fact.context.dimensions]


def _has_members(fact: Fact, members: frozenset[str], count: int) -> bool:
    if fact.context is None or len(fact.context.dimensions) != count:
        return False
    return all(member in members for _, member in fact.context.dimensions)


def _line_of(facts: Sequence[Fact], main: str | None) -> Line:
    codes: list[WarningCode] = []
    if any(fact.is_unreadable for fact in facts):
        codes.append(WarningCode.VALUE_UNREADABLE)
    valued = [fact for fact in facts if fact.value is not None]
    if any(fact.currency is None for fact in valued):
        codes.append(WarningCode.UNIT_NOT_MONEY)
    money = [fact for fact in valued if fact.currency]
    currencies = {fact.currency for fact in money}
    currency = main if main in currencies else min((c for c in currencies if c), default=None)
    if len(currencies) > 1 or (money and currency != main):
        codes.append(WarningCode.CURRENCY_MIXED)
    chosen = [fact for fact in money if fact.currency == currency]
    if any(fact.is_currency_doubtful for fact in chosen):
        codes.append(WarningCode.CURRENCY_DOUBTFUL)
    if any(fact.is_scale_doubtful for fact in chosen):
        codes.append(WarningCode.SCALE_DOUBTFUL)
    if any(fact.is_bare_dash for fact in chosen):
        codes.append(WarningCode.DASH_READ_AS_ZERO)
    if any(fact.is_negative_inside for fact in chosen):
        codes.append(WarningCode.SIGN_INFERRED)
    if any(fact.context is None for fact in facts):
        codes.append(WarningCode.CONTEXT_UNDEFINED)
    if any(fact.context is not None and not fact.context.is_instant for fact in chosen):
        codes.append(WarningCode.PERIOD_TYPE_WRONG)
    options = distinct((fact.value, fact.quantum) for fact in chosen if fact.value is not None)
    return Line(
        concept=(chosen or facts)[0].concept,
        options=tuple(value for value, _ in options),
        quantum=options[0][1] if options else Decimal(1),
        currency=currency,
        is_negative_outside=bool(chosen) and all(fact.is_negative_outside for fact in chosen),
        is_ifrs=any(fact.is_ifrs and not _is_separate(fact) for fact in facts),
        codes=tuple(codes),
        page_sign=_page_sign(chosen),
        is_own=all(fact.context is not None and fact.context.is_own for fact in facts),
        is_original=all(fact.context is not None and fact.context.is_original for fact in facts),
        is_narrowed=all(fact.context is not None and fact.context.dimensions for fact in facts),
        scales=frozenset(fact.scale for fact in chosen if fact.value),
    )


def _page_sign(facts: Sequence[Fact]) -> int:
    """Return how the page prints facts that are tagged as negative.

    -1 if it prints a minus or bracket for any of them, 1 if for none, 0 if that is unknown or no
    fact is negative.
    """
    signs = {fact.page_sign for fact in facts if fact.value is not None and fact.value < 0}
    return -1 if -1 in signs else max(signs, default=0)


def _is_separate(fact: Fact) -> bool:
    return fact.context is not None and fact.context.is_separate


def distinct(values: Iterable[tuple[Decimal, Decimal]]) -> list[tuple[Decimal, Decimal]]:
    """Return the pairs (value, quantum) with different values, the most precise first.

    The quantum is the unit to which a value was rounded. A value is left out if a more precise one
    rounds to it. At most MAX_OPTIONS + 1 pairs are returned: between more values than that, the
    sums cannot decide.
    """
    kept: list[tuple[Decimal, Decimal]] = []
    for value, quantum in sorted(set(values), key=lambda pair: (pair[1], pair[0])):
        if not any(abs(value - finer) * 2 <= quantum for finer, _ in kept):
            kept.append((value, quantum))
        if len(kept) > MAX_OPTIONS:
            break
    return kept
