"""Builds small accounts documents with chosen facts and errors."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from io import BytesIO
from zipfile import ZIP_DEFLATED, ZipFile

from enrichment.accounts import Accounts

NUMBER = "01234567"
NAME = "Example Widgets Limited"
FIGURES = (
    "employees",
    "fixedAssets",
    "currentAssets",
    "totalAssets",
    "totalAssetsLessCurrentLiabilities",
    "netAssets",
)
"""The names, in a profile, of the figures that the reader extracts."""

DAY = "2024-12-31"
PRIOR = "2023-12-31"
WITHIN = "MaturitiesOrExpirationPeriodsDimension=WithinOneYear"
AFTER = "MaturitiesOrExpirationPeriodsDimension=AfterOneYear"


def instant(name: str, day: str, *dimensions: str, place: str = "segment") -> str:
    return _context(name, f"<xbrli:instant>{day}</xbrli:instant>", dimensions, place)


def period(name: str, start: str, end: str, *dimensions: str, place: str = "segment") -> str:
    dates = f"<xbrli:startDate>{start}</xbrli:startDate><xbrli:endDate>{end}</xbrli:endDate>"
    return _context(name, dates, dimensions, place)


def _context(name: str, dates: str, dimensions: Sequence[str], place: str) -> str:
    members = "".join(
        f'<xbrldi:explicitMember dimension="d:{key}">d:{member}</xbrldi:explicitMember>'
        for key, _, member in (dimension.partition("=") for dimension in dimensions)
    )
    narrowed = f"<xbrli:{place}>{members}</xbrli:{place}>" if members else ""
    inside, outside = (narrowed, "") if place == "segment" else ("", narrowed)
    return (
        f'<xbrli:context id="{name}"><xbrli:entity>'
        f'<xbrli:identifier scheme="http://www.companieshouse.gov.uk/">{NUMBER}'
        f"</xbrli:identifier>{inside}</xbrli:entity>"
        f"<xbrli:period>{dates}</xbrli:period>{outside}</xbrli:context>"
    )


CONTEXTS = "".join(
    (
        instant("now", DAY),
        instant("then", PRIOR),
        period("year", "2024-01-01", DAY),
        period("last-year", "2022-07-01", PRIOR),
        instant("within", DAY, WITHIN),
        instant("after", DAY, AFTER),
        instant("share-capital", DAY, "EquityClassesDimension=ShareCapital"),
    )
)
UNITS = (
    '<xbrli:unit id="GBP"><xbrli:measure>iso4217:GBP</xbrli:measure></xbrli:unit>'
    '<xbrli:unit id="USD"><xbrli:measure>iso4217:USD</xbrli:measure></xbrli:unit>'
    '<xbrli:unit id="pure"><xbrli:measure>xbrli:pure</xbrli:measure></xbrli:unit>'
    '<xbrli:unit id="notmoney"><xbrli:measure>iso4217:ZZZ</xbrli:measure></xbrli:unit>'
)


def number(
    concept: str,
    text: str,
    context: str = "now",
    *,
    unit: str = "GBP",
    format: str | None = "ixt:numdotdecimal",  # noqa: A002 - the attribute's own name
    **attributes: str,
) -> str:
    given = {"format": format, "decimals": "0", **attributes}
    written = "".join(f' {key}="{value}"' for key, value in given.items() if value is not None)
    return (
        f'<ix:nonFraction name="c:{concept}" contextRef="{context}" unitRef="{unit}"{written}>'
        f"{text}</ix:nonFraction>"
    )


def bracketed(concept: str, printed: str, context: str = "now", **attributes: str) -> str:
    """Return a fact with brackets printed outside of the tag, as in the register's template."""
    tag = number(concept, printed, context, **attributes)
    return f'<td><div>\n(£{tag}<span class="endnegmark">)</span></div></td>'


def text(concept: str, content: str, context: str = "year", **attributes: str) -> str:
    written = "".join(f' {key}="{value}"' for key, value in attributes.items())
    return (
        f'<ix:nonNumeric name="b:{concept}" contextRef="{context}"{written}>'
        f"{content}</ix:nonNumeric>"
    )


def employees(count: str, context: str = "year", **attributes: str) -> str:
    attributes.setdefault("unit", "pure")
    return number("AverageNumberEmployeesDuringPeriod", count, context, **attributes)


IDENTITY = text("UKCompaniesHouseRegisteredNumber", NUMBER) + text(
    "EntityCurrentLegalOrRegisteredName", escape(NAME)
)
DATED = text("BalanceSheetDate", DAY, "now") + text(
    "StartDateForPeriodCoveredByReport", "2024-01-01", "now"
)


@dataclass(frozen=True)
class Inline:
    """An inline XBRL document: `body` has the facts; each other part can be replaced."""

    body: str
    identity: str = IDENTITY
    dated: str = DATED
    contexts: str = CONTEXTS
    units: str = UNITS
    doctype: str = ""
    inline: str = "http://www.xbrl.org/2013/inlineXBRL"

    def text(self) -> str:
        return (
            f'{self.doctype}<html xmlns="http://www.w3.org/1999/xhtml" xmlns:ix="{self.inline}" '
            'xmlns:xbrli="http://www.xbrl.org/2003/instance" '
            'xmlns:xbrldi="http://xbrl.org/2006/xbrldi" '
            'xmlns:iso4217="http://www.xbrl.org/2003/iso4217" '
            'xmlns:c="http://xbrl.frc.org.uk/fr/2024-01-01/core" '
            'xmlns:b="http://xbrl.frc.org.uk/cd/2024-01-01/business" '
            'xmlns:i="https://xbrl.ifrs.org/taxonomy/2023-03-23/ifrs-full" '
            'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><body><ix:header><ix:resources>'
            f"{self.contexts}{self.units}</ix:resources></ix:header>"
            f"<div>{self.identity}{self.dated}</div><div>{self.body}</div></body></html>"
        )

    def bytes(self) -> bytes:
        return ('<?xml version="1.0" encoding="UTF-8"?>' + self.text()).encode()


def inline(*facts: str, **parts: str) -> bytes:
    return Inline("<p/>".join(facts), **parts).bytes()


BALANCE_SHEET = (
    number("FixedAssets", "1,000"),
    number("CurrentAssets", "500"),
    number("Creditors", "200", "within"),
    number("NetCurrentAssetsLiabilities", "300"),
    number("TotalAssetsLessCurrentLiabilities", "1,300"),
    number("NetAssetsLiabilities", "1,300"),
    number("Equity", "1,300"),
    employees("7"),
)


def plain(*facts: str) -> bytes:
    """Return a plain XBRL instance in the schemas of 2004 to 2009."""
    contexts = CONTEXTS.replace(NUMBER, NAME.upper())
    return (
        '<?xml version="1.0"?><xbrl xmlns="http://www.xbrl.org/2003/instance" '
        'xmlns:xbrli="http://www.xbrl.org/2003/instance" xmlns:ae="urn:ae" xmlns:pt="urn:pt" '
        'xmlns:xbrldi="http://xbrl.org/2006/xbrldi" '
        'xmlns:iso4217="http://www.xbrl.org/2003/iso4217" '
        f'xmlns:gc="urn:gc">{contexts}{UNITS}{"".join(facts)}</xbrl>'
    ).encode()


def package(members: Sequence[tuple[str, bytes]]) -> bytes:
    stream = BytesIO()
    with ZipFile(stream, "w", ZIP_DEFLATED) as target:
        for name, content in members:
            target.writestr(name, content)
    return stream.getvalue()


def codes(accounts: Accounts) -> list[tuple[str, str | None]]:
    return [(str(warning.code), warning.field) for warning in accounts.warnings]
