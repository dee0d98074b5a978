"""Writes made-up accounts as Inline XBRL 1.1, with the tags that accounts software uses."""

import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from xml.sax.saxutils import escape

from enrichment.sandbox.balance_sheet import BalanceSheet

_NAMESPACES = {
    "xmlns": "http://www.w3.org/1999/xhtml",
    "xmlns:ix": "http://www.xbrl.org/2013/inlineXBRL",
    "xmlns:ixt": "http://www.xbrl.org/inlineXBRL/transformation/2015-02-26",
    "xmlns:link": "http://www.xbrl.org/2003/linkbase",
    "xmlns:xlink": "http://www.w3.org/1999/xlink",
    "xmlns:xbrli": "http://www.xbrl.org/2003/instance",
    "xmlns:xbrldi": "http://xbrl.org/2006/xbrldi",
    "xmlns:iso4217": "http://www.xbrl.org/2003/iso4217",
    "xmlns:bus": "http://xbrl.frc.org.uk/cd/2023-01-01/business",
    "xmlns:core": "http://xbrl.frc.org.uk/fr/2023-01-01/core",
}
_WITHIN = ("core:MaturitiesOrExpirationPeriodsDimension", "core:WithinOneYear")
_AFTER = ("core:MaturitiesOrExpirationPeriodsDimension", "core:AfterOneYear")
_GROUP_SCOPE = ("bus:ScopeAccountsDimension", "bus:ConsolidatedGroupCompanyAccounts")
_CONSOLIDATED = ("core:GroupCompanyDataDimension", "core:Consolidated")
# For each line: printed label, concept, suffix of the context's id (when a debt is due), and
# attribute of BalanceSheet.
_LINES = (
    ("Fixed assets", "FixedAssets", "", "fixed_assets"),
    ("Current assets", "CurrentAssets", "", "current_assets"),
    ("Creditors: within one year", "Creditors", "within", "creditors_within_one_year"),
    ("Net current assets", "NetCurrentAssetsLiabilities", "", "net_current_assets"),
    (
        "Total assets less current liabilities",
        "TotalAssetsLessCurrentLiabilities",
        "",
        "total_assets_less_current_liabilities",
    ),
    ("Creditors: after one year", "Creditors", "after", "creditors_after_one_year"),
    ("Net assets", "NetAssetsLiabilities", "", "net_assets"),
    ("Capital and reserves", "Equity", "", "net_assets"),
)
_DAY = timedelta(days=1)
_EPOCH_OF_ZIP = (2026, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Accounts:
    """The content of made-up accounts.

    `previous` are the figures of the year before, and `group` those of the consolidated group; each
    is None if the accounts do not show them.
    """

    number: str
    name: str
    title: str
    period_end_on: date
    current: BalanceSheet
    previous: BalanceSheet | None = None
    group: BalanceSheet | None = None
    is_dormant: bool = False


def write_ixbrl(accounts: Accounts) -> bytes:
    """Return the accounts as one XHTML document in UTF-8."""
    attributes = "\n  ".join(f'{name}="{uri}"' for name, uri in _NAMESPACES.items())
    title = escape(f"{accounts.name} - {accounts.title}")
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<html {attributes}>\n<head><title>{title}</title></head>\n<body>\n"
        f'<div style="display:none"><ix:header>{_header(accounts)}</ix:header></div>\n'
        f"{_cover(accounts)}\n{_balance_sheet(accounts)}\n{_notes(accounts)}\n</body>\n</html>\n"
    ).encode()


def write_cic_package(accounts: Accounts) -> bytes:
    """Return a zip package with the accounts and a CIC 34 report.

    Community interest companies file such packages.
    """
    report = (
        '<?xml version="1.0" encoding="UTF-8"?>\n<html xmlns="http://www.w3.org/1999/xhtml">'
        f"<head><title>CIC34</title></head><body><p>{escape(accounts.name)}</p></body></html>\n"
    )
    folder = f"CIC-{accounts.number}"
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in (
            (f"{folder}/accounts/financialStatement.xhtml", write_ixbrl(accounts)),
            (f"{folder}/cic34/cicReport.xhtml", report.encode()),
        ):
            archive.writestr(zipfile.ZipInfo(name, _EPOCH_OF_ZIP), content)
    return package.getvalue()


def year_before(day: date) -> date:
    """Return the same day a year earlier; 28 February for 29 February."""
    try:
        return day.replace(year=day.year - 1)
    except ValueError:
        return day.replace(year=day.year - 1, day=28)


def _header(accounts: Accounts) -> str:
    end = accounts.period_end_on
    start = year_before(end) + _DAY
    hidden = "".join(
        (
            _text("bus:NameProductionSoftware", "now", "Sandbox"),
            _text("bus:StartDateForPeriodCoveredByReport", "at", start.isoformat()),
            _text("bus:EndDateForPeriodCoveredByReport", "at", end.isoformat()),
            _text("bus:EntityDormantTruefalse", "now", str(accounts.is_dormant).lower()),
            _text("bus:ScopeAccounts", "scope", "") if accounts.group else "",
        )
    )
    return (
        f"<ix:hidden>{hidden}</ix:hidden>"
        '<ix:references><link:schemaRef xlink:type="simple" xlink:href='
        '"https://xbrl.frc.org.uk/FRS-102/2023-01-01/FRS-102-2023-01-01.xsd"/></ix:references>'
        f"<ix:resources>{''.join(_contexts(accounts))}"
        '<xbrli:unit id="GBP"><xbrli:measure>iso4217:GBP</xbrli:measure></xbrli:unit>'
        '<xbrli:unit id="pure"><xbrli:measure>xbrli:pure</xbrli:measure></xbrli:unit>'
        "</ix:resources>"
    )


def _contexts(accounts: Accounts) -> Iterator[str]:
    number, end = accounts.number, accounts.period_end_on
    last_end = year_before(end)
    this_year, last_year = (last_end + _DAY, end), (year_before(last_end) + _DAY, last_end)
    yield _context("now", number, this_year)
    yield _context("at", number, end)
    yield _context("at-within", number, end, _WITHIN)
    yield _context("at-after", number, end, _AFTER)
    if accounts.previous:
        yield _context("then", number, last_year)
        yield _context("was", number, last_end)
        yield _context("was-within", number, last_end, _WITHIN)
        yield _context("was-after", number, last_end, _AFTER)
    if accounts.group:
        yield _context("scope", number, this_year, _GROUP_SCOPE)
        yield _context("group-now", number, this_year, _CONSOLIDATED)
        yield _context("group-at", number, end, _CONSOLIDATED)


def _context(
    name: str, number: str, period: date | tuple[date, date], member: tuple[str, str] | None = None
) -> str:
    segment = ""
    if member:
        dimension, value = member
        segment = (
            f'<xbrli:segment><xbrldi:explicitMember dimension="{dimension}">{value}'
            "</xbrldi:explicitMember></xbrli:segment>"
        )
    if isinstance(period, date):
        dates = f"<xbrli:instant>{period.isoformat()}</xbrli:instant>"
    else:
        start, end = period
        dates = (
            f"<xbrli:startDate>{start.isoformat()}</xbrli:startDate>"
            f"<xbrli:endDate>{end.isoformat()}</xbrli:endDate>"
        )
    return (
        f'<xbrli:context id="{name}"><xbrli:entity><xbrli:identifier '
        f'scheme="http://www.companieshouse.gov.uk/">{number}</xbrli:identifier>{segment}'
        f"</xbrli:entity><xbrli:period>{dates}</xbrli:period></xbrli:context>\n"
    )


def _cover(accounts: Accounts) -> str:
    number = _text("bus:UKCompaniesHouseRegisteredNumber", "now", accounts.number)
    name = _text("bus:EntityCurrentLegalOrRegisteredName", "now", accounts.name)
    end = accounts.period_end_on
    printed = _text(
        "bus:BalanceSheetDate", "at", f"{end.day} {end:%B %Y}", "ixt:datedaymonthyearen"
    )
    return (
        f"<p>Registered number {number}</p>\n<h1>{name}</h1>\n"
        f"<p>{escape(accounts.title)}</p>\n<h2>Balance sheet as at {printed}</h2>"
    )


def _balance_sheet(accounts: Accounts) -> str:
    columns = [(accounts.current, "at")]
    if accounts.previous:
        columns.append((accounts.previous, "was"))
    if accounts.group:
        columns.append((accounts.group, "group-at"))
    lines = []
    for label, concept, maturity, figure in _LINES:
        cells = "".join(
            f"<td>{_money(concept, _place(context, maturity), getattr(sheet, figure))}</td>"
            for sheet, context in columns
            if not (maturity and context == "group-at")
        )
        lines.append(f"<tr><th>{label}</th>{cells}</tr>")
    return "<table>\n" + "\n".join(lines) + "\n</table>"


def _notes(accounts: Accounts) -> str:
    years = [(accounts.current, "now"), (accounts.previous, "then"), (accounts.group, "group-now")]
    concept = "AverageNumberEmployeesDuringPeriod"
    counts = [
        f"<td>{_number(concept, context, 'pure', sheet.employees)}</td>"
        for sheet, context in years
        if sheet is not None and sheet.employees is not None
    ]
    row = f"<tr><th>Average number of employees</th>{''.join(counts)}</tr>" if counts else ""
    return f"<table>{row}</table>" if row else "<p>No employees are disclosed.</p>"


def _place(context: str, maturity: str) -> str:
    return f"{context}-{maturity}" if maturity else context


def _text(concept: str, context: str, value: str, form: str = "") -> str:
    form = f' format="{form}"' if form else ""
    return (
        f'<ix:nonNumeric name="{concept}" contextRef="{context}"{form}>{escape(value)}'
        "</ix:nonNumeric>"
    )


def _money(concept: str, context: str, amount: int) -> str:
    fact = _number(concept, context, "GBP", amount)
    return f"({fact})" if amount < 0 else fact


def _number(concept: str, context: str, unit: str, amount: int) -> str:
    """Return a number with its tag; the sign of a negative number is an attribute of the tag.

    The caller prints the brackets around a negative number.
    """
    sign = ' sign="-"' if amount < 0 else ""
    form, printed = (
        ("ixt:zerodash", "-") if amount == 0 else ("ixt:numdotdecimal", f"{abs(amount):,}")
    )
    return (
        f'<ix:nonFraction name="core:{concept}" contextRef="{context}" unitRef="{unit}" '
        f'decimals="0" format="{form}"{sign}>{printed}</ix:nonFraction>'
    )
