"""Reads the facts (tagged values) of a document, in inline or plain XBRL."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from lxml import etree

from enrichment.accounts.concepts import TEXTS, WANTED, key_of
from enrichment.accounts.contexts import (
    XBRLI,
    Context,
    Namespaces,
    read_contexts,
    read_currencies,
)
from enrichment.accounts.footnotes import may_hold_footnote
from enrichment.accounts.markup import INLINE_NAMESPACES, TextReader
from enrichment.accounts.model import AccountsRefused, RefusalCode
from enrichment.accounts.neighbours import Neighbours, is_hidden, neighbours_of
from enrichment.accounts.printed_units import PrintedUnits
from enrichment.accounts.values import (
    MAX_SCALE,
    Number,
    UnreadableError,
    has_amount,
    is_sane,
    read_number,
    read_whole,
    shifted,
)

MAX_FACTS = 50_000
MAX_WANTED_FACTS = 5_000
_MAX_PLACES = 12
_NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"
_UK_TARGET = "ukfrs"
_INLINE_ONLY = ("format", "scale", "sign")
_INLINE_TAGS = tuple(
    f"{{{namespace}}}{name}"
    for namespace in INLINE_NAMESPACES
    for name in ("nonFraction", "nonNumeric")
)


@dataclass(frozen=True, slots=True)
class Fact:
    """A tagged value: a number, or a text such as a name or a date.

    A number has a `value`, with scale and sign applied, unless it is unreadable or nil. `quantum`
    is the unit that the value was rounded to. `is_negative_outside` means that the page prints
    brackets or a minus beside the tag, which itself has no sign. `page_sign` says what the page
    prints for a number that is tagged as negative: -1 for a minus or bracket, 1 for neither, 0 if
    unknown. A text has `text`, and `format` says how to parse it.
    """

    concept: str
    context_id: str
    context: Context | None
    text: str
    format: str | None
    currency: str | None = None
    is_ifrs: bool = False
    value: Decimal | None = None
    quantum: Decimal = Decimal(1)
    scale: int = 0
    is_unreadable: bool = False
    is_nil: bool = False
    is_negative_outside: bool = False
    is_negative_inside: bool = False
    is_bare_dash: bool = False
    page_sign: int = 0
    is_currency_doubtful: bool = False
    is_scale_doubtful: bool = False


def latest(facts: Sequence[Fact]) -> list[Fact]:
    """Return the facts without those that are marked as first filed, or all if all are marked."""
    revised = [fact for fact in facts if fact.context is None or not fact.context.is_original]
    return revised or list(facts)


@dataclass(frozen=True, slots=True)
class Document:
    """The wanted facts of a document by the key of their concept, and its contexts by id.

    `uses` is the number of facts of each context, by the context's id, and `currencies` that of
    each currency. `skipped` are keys of concepts with facts in an inline XBRL target that is not
    read.
    """

    facts: dict[str, list[Fact]]
    contexts: dict[str, Context]
    uses: Counter[str]
    currencies: Counter[str]
    skipped: frozenset[str] = frozenset()

    def of(self, keys: tuple[str, ...]) -> list[Fact]:
        """Return the facts of the concepts with these keys, in that order."""
        return [fact for key in keys for fact in self.facts.get(key, ())]


@dataclass(frozen=True, slots=True)
class _Tag:
    element: etree._Element
    name: str
    is_inline: bool
    namespace: str = ""
    prefix: str = ""


def read_facts(root: etree._Element) -> Document:
    """Return the wanted facts of a document; raises AccountsRefused if it has none or too many."""
    is_plain = root.tag == f"{XBRLI}xbrl"
    skipped: set[str] = set()
    tags = _plain_tags(root) if is_plain else _inline_tags(root, skipped)
    contexts = read_contexts(root)
    units = read_currencies(root)
    reader = TextReader(root)
    facts: dict[str, list[Fact]] = {}
    uses: Counter[str] = Counter()
    currencies: Counter[str] = Counter(code for code in units.values() if code)
    names = Namespaces()
    printed = PrintedUnits(root)
    wanted = 0
    for count, tag in enumerate(tags):
        uses[tag.element.get("contextRef") or ""] += 1
        currency = units.get(tag.element.get("unitRef") or "")
        if currency:
            currencies[currency] += 1
        key = key_of(tag.name)
        if key in WANTED:
            wanted += 1
            fact = _read_fact(tag, key, contexts, reader)
            is_ifrs = "xbrl.ifrs.org" in (tag.namespace or names.of(tag.prefix, tag.element))
            fact = replace(fact, currency=currency, is_ifrs=is_ifrs)
            if tag.is_inline and fact.value is not None:
                fact = _compared(fact, tag.element, printed)
            facts.setdefault(key, []).append(fact)
        if count >= MAX_FACTS or wanted > MAX_WANTED_FACTS:
            raise AccountsRefused(
                RefusalCode.TOO_MANY_FACTS,
                "The document has more facts (tagged values) than the accounts of any company.",
            )
    if not uses:
        raise AccountsRefused(
            RefusalCode.NOT_XBRL, "The document contains no facts (tagged values)."
        )
    return Document(facts, contexts, uses, currencies, frozenset(skipped & WANTED))


def _compared(fact: Fact, element: etree._Element, printed: PrintedUnits) -> Fact:
    """Return the fact; mark it as doubtful if the page prints another currency or scale."""
    is_foreign = printed.contradict_currency(element, fact.text, fact.currency)
    is_scaled = fact.is_scale_doubtful or printed.contradict_scale(element, fact.scale)
    return replace(
        fact,
        is_currency_doubtful=is_foreign,
        is_scale_doubtful=bool(fact.value) and is_scaled,
    )


def _inline_tags(root: etree._Element, skipped: set[str]) -> Iterator[_Tag]:
    """Yield the tags of the default inline XBRL target, and of the target UKFRS.

    A target is a named set of tags in a document. In a UKSEF report the default target has the IFRS
    figures, and UKFRS has the tags of the UK taxonomies: company, dates and number of employees. If
    a document has no default target, but one other than UKFRS, that is used instead. The keys of
    concepts in other targets are added to `skipped`.
    """
    elements = list(root.iter(*_INLINE_TAGS))
    targets = {element.get("target") for element in elements}
    wanted: set[str | None] = {
        target for target in targets if target and target.casefold() == _UK_TARGET
    }
    others = targets - wanted
    if None in others:
        wanted.add(None)
    elif len(others) == 1:
        wanted |= others
    for element in elements:
        prefix, _, name = (element.get("name") or "").strip().rpartition(":")
        if element.get("target") not in wanted:
            skipped.add(key_of(name))
        else:
            yield _Tag(element, name, is_inline=True, prefix=prefix)


def _plain_tags(root: etree._Element) -> Iterator[_Tag]:
    for element in root.iter("{*}*"):
        if element.get("contextRef") is None:
            continue
        if any(element.get(name) is not None for name in _INLINE_ONLY):
            raise AccountsRefused(
                RefusalCode.MALFORMED,
                "A fact of a plain XBRL document has an attribute of inline XBRL.",
            )
        namespace, _, name = str(element.tag).removeprefix("{").rpartition("}")
        yield _Tag(element, name, is_inline=False, namespace=namespace)


def _read_fact(tag: _Tag, key: str, contexts: dict[str, Context], reader: TextReader) -> Fact:
    element = tag.element
    context_id = element.get("contextRef") or ""
    is_text = key in TEXTS
    fact = Fact(
        concept=tag.name,
        context_id=context_id,
        context=contexts.get(context_id),
        text=reader.words(element) if is_text else reader.number(element),
        format=element.get("format"),
    )
    return fact if is_text else _with_value(fact, element, is_inline=tag.is_inline)


def _with_value(fact: Fact, element: etree._Element, *, is_inline: bool) -> Fact:
    """Return the fact with its value, parsed by its format, then scaled and given its sign."""
    if (element.get(_NIL) or "").strip() in ("true", "1"):
        has_text = has_amount(fact.text)
        return replace(fact, is_nil=not has_text, is_unreadable=has_text)
    if is_inline and may_hold_footnote(element, fact.text):
        return replace(fact, is_unreadable=True)
    try:
        scale = _scale(element) if is_inline else 0
        number = read_number(fact.text, fact.format)
        decimals = read_whole(_finite(element.get("decimals")))
    except UnreadableError:
        return replace(fact, is_unreadable=True)
    if number is None:
        return replace(fact, is_nil=True)
    value = shifted(number.value, scale)
    if not is_sane(value):
        return replace(fact, is_unreadable=True)
    beside = neighbours_of(element) if is_inline and not is_hidden(element) else None
    has_sign = (element.get("sign") or "").strip() == "-"
    is_plain = not has_sign and not number.is_negative_inside
    if has_sign and not number.is_negative_inside:
        value = -value if value else value
    return replace(
        fact,
        value=value,
        scale=scale,
        quantum=_quantum(value, min(number.places - scale, _MAX_PLACES), decimals),
        is_negative_outside=is_plain and beside is not None and beside.is_negative,
        is_negative_inside=is_inline and number.is_negative_inside,
        is_bare_dash=number.is_bare_dash,
        is_scale_doubtful=_is_scale_doubtful(number, scale, beside),
        page_sign=_page_sign(number, beside, has_sign=has_sign) if is_inline else 0,
    )


def _is_scale_doubtful(number: Number, scale: int, beside: Neighbours | None) -> bool:
    """Return whether the scale of a tag is probably wrong.

    The scale is doubtful if it is negative, or if the page prints a word for another scale after
    the number. It is also doubtful for an amount with three decimals, such as `7.300`: no amount in
    pounds has these, so the point separates thousands.
    """
    if scale < 0 or (scale == 0 and number.places == len("000")):
        return True
    return beside is not None and beside.scale not in (None, scale)


def _quantum(value: Decimal, places: int, decimals: int | None) -> Decimal:
    """Return the unit that the value was rounded to, such as 1000.

    It follows from `places`, the printed decimal places, or from the tag's `decimals` if that means
    a larger unit and the value is a multiple of it: software often states thousands in `decimals`
    for exact amounts.
    """
    printed = Decimal((0, (1,), -places))
    if decimals is None or not -MAX_SCALE <= decimals < places:
        return printed
    stated = Decimal((0, (1,), -decimals))
    return stated if value % stated == 0 else printed


def _page_sign(number: Number, beside: Neighbours | None, *, has_sign: bool) -> int:
    if number.is_negative_inside:
        return -1
    return beside.sign if beside is not None and has_sign and number.value else 0


def _scale(element: etree._Element) -> int:
    scale = read_whole(element.get("scale")) or 0
    if not -MAX_SCALE <= scale <= MAX_SCALE:
        raise AccountsRefused(
            RefusalCode.ABSURD_SCALE,
            "The scale of a tagged figure makes it larger than any amount of money.",
        )
    return scale


def _finite(decimals: str | None) -> str | None:
    return None if decimals is None or decimals.strip().upper() == "INF" else decimals
