"""The made-up companies of the sandbox, each of which shows one case to test.

Numbers are grouped: 1xx readable accounts, 2xx missing or unusual accounts, 3xx company states, 4xx
failing answers, 5xx failing documents. Any other number of 8 digits that begins with 9 is an
ordinary company generated from its digits; all others are unknown.
"""

# ruff: noqa: E501 - one line for each company

from collections.abc import Iterator
from datetime import date

from enrichment.sandbox.balance_sheet import BalanceSheet
from enrichment.sandbox.companies import Company, DocumentFault, Office, ProfileFailure
from enrichment.sandbox.company_book import FiledAccounts, dormant, entry, numbered

_ALPHA = BalanceSheet(120_000, 80_000, 45_000, 15_000, 12)
_ALPHA_BEFORE = BalanceSheet(110_000, 70_000, 40_000, 20_000, 10)
_LOSS = BalanceSheet(4_000, 6_500, 38_000, 2_500, 3)

_DEFAULT_OFFICE = Office(
    "00000304: Companies House default address", "Cardiff", "CF14 8LH", "Wales", po_box="4385"
)
_UNKNOWN_MEMBERS = {
    "company_status": "status-of-tomorrow",
    "subtype": "subtype-of-tomorrow",
    "has_super_secure_pscs": False,
    "sic_codes": [61900, None, "1110"],
    "date_of_cessation": None,
    "accounts": {"overdue": "true", "next_due": "2027-09-30", "next_accounts": []},
}
_ONLY_REQUIRED = dict.fromkeys(
    (
        "registered_office_address", "date_of_creation", "accounts", "sic_codes", "jurisdiction",
        "company_status", "confirmation_statement", "undeliverable_registered_office_address",
        "registered_office_is_in_dispute",
    )
)  # fmt: skip
_OVERDUE = {"overdue": True, "next_accounts": {"overdue": True, "due_on": "2026-09-30"}}
_DISPUTED = {
    "registered_office_is_in_dispute": True,
    "undeliverable_registered_office_address": True,
}

# fmt: off
CATALOGUE: tuple[Company, ...] = (
    # accounts that can be read
    entry("00000101", "SANDBOX ALPHA TRADING LIMITED", "active Ltd, small-company accounts", filed=FiledAccounts(sheet=_ALPHA, before=_ALPHA_BEFORE)),
    entry("00000102", "SANDBOX BRAVO HOLDINGS PLC", "active PLC, full accounts", type="plc", filed=FiledAccounts("full", scale=50)),
    entry("00000103", "SANDBOX CHARLIE MICRO LIMITED", "active Ltd, micro-entity accounts", filed=FiledAccounts("micro-entity")),
    entry("00000104", "SANDBOX DELTA DORMANT LIMITED", "active Ltd, dormant accounts without employees", filed=dormant()),
    entry("00000105", "SANDBOX ECHO GROUP LIMITED", "active Ltd, group accounts; the company's own figures are the undimensioned ones", filed=FiledAccounts("group", group_scale=20)),
    entry("00000106", "SANDBOX FOXTROT TRUST", "company limited by guarantee", type="private-limited-guarant-nsc"),
    entry("00000107", "SANDBOX GOLF COMMUNITY CIC", "community interest company, accounts in a zip package", filed=FiledAccounts("micro-entity", zipped=True), subtype="community-interest-company"),
    entry("00000108", "SANDBOX HOTEL AMENDED LIMITED", "amended accounts (AAMD) newer than the first ones (AA)", filed=FiledAccounts(amended=True)),
    entry("00000109", "SANDBOX INDIA LOSSES LIMITED", "negative net current assets and net assets", filed=FiledAccounts(sheet=_LOSS)),
    entry("SC000110", "SANDBOX JULIET HIGHLAND LIMITED", "Scottish company", jurisdiction="scotland", office=Office("10 Sandbox Wynd", "Edinburgh", "EH1 1ZZ", "Scotland")),
    entry("NI000111", "SANDBOX KILO LAGAN LIMITED", "Northern Irish company", jurisdiction="northern-ireland", office=Office("11 Sandbox Quay", "Belfast", "BT1 1ZZ", "Northern Ireland")),
    # accounts that are missing or unusual
    entry("00000201", "SANDBOX LIMA PAPER LIMITED", "newest accounts on paper only, the year before as iXBRL", filed=FiledAccounts(on_paper=True)),
    entry("00000202", "SANDBOX MIKE NEW LIMITED", "new company, no accounts yet: filing history of accounts is empty", filed=None, incorporated_on=date(2026, 6, 1)),
    entry("00000203", "SANDBOX NOVEMBER SILENT LIMITED", "no filing history at all: no link in the profile, 404 when asked", filed=None, filed_nothing=True),
    entry("00000204", "SANDBOX OSCAR UNLINKED LIMITED", "accounts filed, but without a link to the document", filed=FiledAccounts(has_link=False)),
    entry("00000205", "SANDBOX PAPA PRIVATE LIMITED", "accounts that do not say the number of employees", filed=FiledAccounts(fault=DocumentFault.EMPLOYEES_MISSING)),
    # states of companies
    entry("00000301", "SANDBOX QUEBEC GONE LIMITED", "dissolved", status="dissolved", profile={"date_of_cessation": "2026-02-03"}),
    entry("00000302", "SANDBOX ROMEO WINDING LIMITED", "in liquidation", status="liquidation", profile={"has_insolvency_history": True}),
    entry("00000303", "SANDBOX SIERRA LATE LIMITED", "accounts overdue", profile={"accounts": _OVERDUE}),
    entry("00000304", "SANDBOX TANGO NOWHERE LIMITED", "at the Companies House default address", office=_DEFAULT_OFFICE),
    entry("00000305", "SANDBOX UNIFORM DISPUTED LIMITED", "registered office in dispute and undeliverable", profile=_DISPUTED),
    entry("00000306", "SANDBOX VICTOR BARE LIMITED", "profile with required members only", profile=_ONLY_REQUIRED),
    entry("00000307", "SANDBOX WHISKEY FUTURE LIMITED", "unknown enum values and members, numbers and truth values mistyped", profile=_UNKNOWN_MEMBERS),
    entry("00000308", "SANDBOX XRAY UNLIMITED", "private unlimited company: fits no class", type="private-unlimited"),
    entry("00000309", "SANDBOX YANKEE RENAMED LIMITED", "has a previous name", profile={"previous_company_names": [{"name": "SANDBOX OLD NAME LIMITED", "effective_from": "2012-03-14", "ceased_on": "2019-05-01"}]}),
    entry("OC000310", "SANDBOX ZULU PARTNERS LLP", "limited liability partnership: fits no class", type="llp"),
    # answers that fail
    entry("00000402", "SANDBOX BUSY ONE LIMITED", "429 with Retry-After: 2, once, then well", failure=ProfileFailure(429, times=1, retry_after_s=2)),
    entry("00000403", "SANDBOX BUSY TWO LIMITED", "429 without Retry-After, reset in 3 s, once, then well", failure=ProfileFailure(429, times=1, reset_in_s=3)),
    entry("00000411", "SANDBOX HICCUP LIMITED", "502 with HTML, once, then well", failure=ProfileFailure(502, times=1)),
    entry("00000412", "SANDBOX OUTAGE LIMITED", "503 five times, then well", failure=ProfileFailure(503, times=5)),
    entry("00000413", "SANDBOX DOWN LIMITED", "always 503", failure=ProfileFailure(503)),
    entry("00000414", "SANDBOX BROKEN LIMITED", "always 500", failure=ProfileFailure(500)),
    entry("00000415", "SANDBOX CUT SHORT LIMITED", "connection closed in the middle of the profile, once, then well", failure=ProfileFailure(drops_connection=True, times=1)),
    entry("00000416", "SANDBOX MUMBLE LIMITED", "profile that is not JSON, once, then well", failure=ProfileFailure(breaks_json=True, times=1)),
    entry("00000417", "SANDBOX SLOW LIMITED", "profile after 5 s", failure=ProfileFailure(delay_s=5.0)),
    # documents that fail
    entry("00000501", "SANDBOX GARBAGE LIMITED", "accounts document that is binary rubbish", filed=FiledAccounts(fault=DocumentFault.GARBAGE)),
    entry("00000502", "SANDBOX MISFILED LIMITED", "accounts document of another company", filed=FiledAccounts(fault=DocumentFault.WRONG_COMPANY)),
    entry("00000503", "SANDBOX TRUNCATED LIMITED", "accounts document that ends in the middle", filed=FiledAccounts(fault=DocumentFault.TRUNCATED)),
    entry("00000504", "SANDBOX EXPIRING LIMITED", "storage link already expired, once, then well", filed=FiledAccounts(fault=DocumentFault.EXPIRES_ONCE)),
    entry("00000505", "SANDBOX ASTRAY LIMITED", "redirect to a host that is not document storage", filed=FiledAccounts(fault=DocumentFault.FOREIGN_REDIRECT)),
    entry("00000506", "SANDBOX ENORMOUS LIMITED", "accounts document over 20 MB", filed=FiledAccounts(fault=DocumentFault.OVERSIZE)),
)
# fmt: on

_OTHERS = (
    ("00000401", "unknown number: 404"),
    ("9…", "any other 8 digits that begin with 9: an ordinary active Ltd drawn from its number"),
)
_BY_NUMBER = {company.number: company for company in CATALOGUE}


def find_company(number: str) -> Company | None:
    """Return the company with a number; None if the sandbox has none."""
    known = _BY_NUMBER.get(number)
    if known is None and len(number) == 8 and number.isascii() and number.isdigit():  # noqa: PLR2004
        return numbered(number) if number.startswith("9") else None
    return known


def describe_catalogue() -> Iterator[tuple[str, str, str]]:
    """Yield number, name and description of each company.

    Numbers without a company of their own come last, with an empty name.
    """
    for company in CATALOGUE:
        yield company.number, company.name, company.what
    for number, what in _OTHERS:
        yield number, "", what
