"""Reads the contexts and units of a document: period, company and currency of its facts."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from lxml import etree

from enrichment.accounts.currencies import CURRENCIES
from enrichment.accounts.dates import read_iso
from enrichment.accounts.markup import local_name
from enrichment.accounts.model import AccountsRefused, RefusalCode

XBRLI = "{http://www.xbrl.org/2003/instance}"
ISO_4217 = "http://www.xbrl.org/2003/iso4217"
MAX_CONTEXTS = 20_000
MAX_UNITS = 2_000
_MAX_PREFIXES = 100
_MAX_DECLARED = 1_000

_COMPANY_DEFAULT = ("GroupCompanyDataDimension", "Company")
_SEPARATE = ("ConsolidatedAndSeparateFinancialStatementsAxis", "SeparateMember")
_EDITION = "OriginalRevisedDataDimension"
_GROUP_DIMENSIONS = frozenset(
    {"GroupCompanyDataDimension", "GroupCompanyDimension", "ScopeAccountsDimension"}
)
_GROUP_MEMBERS = frozenset(
    {"Consolidated", "ConsolidatedGroupCompanyAccounts", "ConsolidatedGroupAccounts", "Group"}
)


@dataclass(frozen=True, slots=True)
class Context:
    """What facts are about: a period or a day, an entity (company), and maybe a part of it.

    If `start` is None, the context is a day (`end`) instead of a period. `dimensions` are pairs of
    local names, (dimension, member), that narrow the context to a part of the entity; without any,
    its facts are of the entity as a whole. `is_separate` marks the company's own figures in ESEF
    group accounts, `is_own` figures that UK accounts state to be the company's. `is_original` marks
    figures of the accounts as first filed, and `is_revised` figures that replace these.
    """

    start: date | None
    end: date | None
    dimensions: frozenset[tuple[str, str]]
    entity: str
    is_registrar_scheme: bool
    is_separate: bool
    ends_at_midnight: bool
    is_own: bool = False
    is_original: bool = False
    is_revised: bool = False

    @property
    def is_instant(self) -> bool:
        """Whether the context is a day instead of a period."""
        return self.start is None

    @property
    def is_group(self) -> bool:
        """Whether a dimension says that the facts are of a group, or of group accounts (ESEF)."""
        return self.is_separate or any(
            dimension in _GROUP_DIMENSIONS and member in _GROUP_MEMBERS
            for dimension, member in self.dimensions
        )

    def ends_on(self, day: date) -> bool:
        """Return whether the context ends on `day`.

        A time of midnight may mean the start of its day, or the end of the day before; both count.
        """
        if self.end == day:
            return True
        return (
            self.ends_at_midnight and self.end is not None and self.end - day == timedelta(days=1)
        )


def read_contexts(root: etree._Element) -> dict[str, Context]:
    """Return the contexts by their ids, without ids that two different contexts have."""
    by_id: dict[str, Context] = {}
    ambiguous: set[str] = set()
    for count, element in enumerate(root.iter(f"{XBRLI}context")):
        if count >= MAX_CONTEXTS:
            raise AccountsRefused(
                RefusalCode.TOO_MANY_FACTS,
                "The document has more contexts (periods and dimensions of figures) than the"
                " accounts of any company.",
            )
        name = element.get("id")
        if name is not None:
            context = _read_context(element)
            if by_id.setdefault(name, context) != context:
                ambiguous.add(name)
    for name in ambiguous:
        del by_id[name]
    return by_id


def _read_context(element: etree._Element) -> Context:
    identifier = element.find(f"{XBRLI}entity/{XBRLI}identifier")
    found = frozenset(_dimensions(element))
    editions = {member.casefold() for dimension, member in found if dimension == _EDITION}
    dimensions = frozenset(
        (dimension, member)
        for dimension, member in found - {_COMPANY_DEFAULT, _SEPARATE}
        if dimension != _EDITION
    )
    start, end = _moment(element, "startDate"), _moment(element, "endDate")
    instant = _moment(element, "instant")
    last = instant or end
    return Context(
        start=None if instant or start is None else read_iso(start),
        end=read_iso(last) if last else None,
        dimensions=dimensions,
        entity="" if identifier is None else (identifier.text or "").strip(),
        is_registrar_scheme=identifier is not None
        and "companieshouse" in (identifier.get("scheme") or "").replace("-", "").lower(),
        is_separate=_SEPARATE in found,
        ends_at_midnight="T00:00:00" in (last or ""),
        is_own=_COMPANY_DEFAULT in found,
        is_original=any(edition.startswith("original") for edition in editions),
        is_revised=any(not edition.startswith("original") for edition in editions),
    )


def _moment(context: etree._Element, name: str) -> str | None:
    element = context.find(f"{XBRLI}period/{XBRLI}{name}")
    return None if element is None else (element.text or "").strip()


def _dimensions(context: etree._Element) -> Iterator[tuple[str, str]]:
    """Yield the pair (dimension, member) of each dimension in a context's segment and scenario."""
    for place in (f"{XBRLI}entity/{XBRLI}segment", f"{XBRLI}scenario"):
        for container in context.iterfind(place):
            for child in container:
                if isinstance(child.tag, str):
                    yield _dimension(child)


def _dimension(element: etree._Element) -> tuple[str, str]:
    kind = local_name(element)
    dimension = (element.get("dimension") or "").strip().rpartition(":")[2]
    if kind == "explicitMember":
        return dimension, (element.text or "").strip().rpartition(":")[2]
    return dimension or kind, "typed"


class Namespaces:
    """Resolves namespace prefixes, and remembers the result for each.

    Resolving is slow, so the number of prefixes is limited.
    """

    def __init__(self) -> None:
        self._found: dict[str, str] = {}

    def of(self, prefix: str, element: etree._Element) -> str:
        """Return the namespace of `prefix` at `element`; empty if unknown or beyond the limit."""
        if prefix not in self._found:
            if len(self._found) >= _MAX_PREFIXES:
                return ""
            declared = element.nsmap
            if len(declared) > _MAX_DECLARED:
                raise AccountsRefused(
                    RefusalCode.TOO_MANY_ELEMENTS,
                    "The document declares more namespaces than the accounts of any company.",
                )
            self._found[prefix] = declared.get(prefix or None) or ""
        return self._found[prefix]


def read_currencies(root: etree._Element) -> dict[str, str | None]:
    """Return the ISO 4217 code of each unit by the unit's id; None for a unit that is not money."""
    names = Namespaces()
    currencies: dict[str, str | None] = {}
    for count, unit in enumerate(root.iter(f"{XBRLI}unit")):
        if count >= MAX_UNITS:
            raise AccountsRefused(
                RefusalCode.TOO_MANY_FACTS,
                "The document has more units than the accounts of any company.",
            )
        currencies[unit.get("id") or ""] = _currency(unit, names)
    return currencies


def _currency(unit: etree._Element, names: Namespaces) -> str | None:
    measures = unit.findall(f"{XBRLI}measure")
    if len(measures) != 1:
        return None
    prefix, _, name = (measures[0].text or "").strip().rpartition(":")
    is_iso = prefix == "iso4217" or names.of(prefix, measures[0]) == ISO_4217
    code = name.upper()
    return code if is_iso and code in CURRENCIES else None
