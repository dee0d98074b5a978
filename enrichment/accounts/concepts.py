"""The tags of the UK taxonomies since 2004 for each wanted figure, in order of preference.

Sources: FRC FRS 101/102/105, charities and IFRS entry points (2014 on); uk-gaap and uk-ifrs
2009; the pt, gc and ae schemas of 2004 to 2008; ESMA's ifrs-full. Concepts are matched by local
name alone: prefixes are arbitrary and namespaces change every year. Between versions of IFRS names
differ only in hyphens and case, so both are ignored.
"""

from collections.abc import Iterable
from dataclasses import dataclass


def key_of(local_name: str) -> str:
    """Return a concept's name in lower case without hyphens, to compare its spellings."""
    return local_name.replace("-", "").casefold()


def _keys(*names: str) -> tuple[str, ...]:
    return tuple(key_of(name) for name in names)


COMPANY_NUMBER = _keys(
    "UKCompaniesHouseRegisteredNumber", "CompaniesHouseRegisteredNumber", "CompanyNumber"
)
COMPANY_NAME = _keys("EntityCurrentLegalOrRegisteredName", "EntityCurrentLegalName")
BALANCE_SHEET_DATE = _keys("BalanceSheetDate")
PERIOD_START = _keys("StartDateForPeriodCoveredByReport")
PERIOD_END = _keys("EndDateForPeriodCoveredByReport")
DORMANT = _keys("EntityDormantTruefalse", "EntityDormant", "CompanyDormant")
NOT_DORMANT = _keys("CompanyNotDormant")
EMPLOYEES = _keys(
    "AverageNumberEmployeesDuringPeriod",
    "EmployeesTotal",
    "AverageNumberOfEmployees",
    "AverageNumberEmployees",
)


@dataclass(frozen=True, slots=True)
class Role:
    """A line of the balance sheet, such as fixed assets.

    `concepts` are the keys of the tags that are used for it, in order of preference. `members` are
    members of dimensions that its facts may have, such as those for debts due within one year.
    """

    name: str
    concepts: tuple[str, ...]
    members: frozenset[str] = frozenset()
    may_be_negative: bool = False


_WITHIN = frozenset({"WithinOneYear", "CurrentFinancialInstruments"})
_AFTER = frozenset({"AfterOneYear", "Non-currentFinancialInstruments"})

FIXED = Role("fixed", _keys("FixedAssets", "Non-currentAssets", "TotalFixedAssets"))
CURRENT = Role("current", _keys("CurrentAssets", "TotalCurrentAssets"))
TOTAL = Role("total", _keys("TotalAssets", "Assets"))
NET_CURRENT = Role(
    "net_current", _keys("NetCurrentAssetsLiabilities", "NetCurrentAssets"), may_be_negative=True
)
LESS_CURRENT_LIABILITIES = Role(
    "less_current_liabilities",
    _keys("TotalAssetsLessCurrentLiabilities"),
    may_be_negative=True,
)
NET = Role(
    "net",
    _keys(
        "NetAssetsLiabilities", "NetAssetsLiabilitiesIncludingPensionAssetLiability",
        "NetAssetsLiabilitiesIncludingPensionLiability", "NetAssets", "TotalNetAssetsLiabilities",
    ),
    may_be_negative=True,
)  # fmt: skip
EQUITY = Role("equity", _keys("Equity", "TotalEquity"), may_be_negative=True)
FUNDS = Role(
    "funds",
    _keys("ShareholderFunds", "ShareholdersFunds", "CharityFunds", "TotalCharityFunds"),
    may_be_negative=True,
)
CALLED_UP = Role(
    "called_up",
    _keys(
        "CalledUpShareCapitalNotPaidNotExpressedAsCurrentAsset", "CalledUpShareCapitalNotPaid",
    ),
)  # fmt: skip
PREPAYMENTS = Role(
    "prepayments",
    _keys(
        "PrepaymentsAccruedIncomeNotExpressedWithinCurrentAssetSubtotal",
        "PrepaymentsAccruedIncomeNotExpressedAsCurrentAsset",
    ),
)
CREDITORS_WITHIN = Role(
    "creditors_within",
    _keys("CreditorsDueWithinOneYear", "Creditors", "CurrentLiabilities"),
    members=_WITHIN,
)
CREDITORS_AFTER = Role(
    "creditors_after", _keys("CreditorsDueAfterOneYear", "Creditors"), members=_AFTER
)
PROVISIONS = Role(
    "provisions",
    _keys("ProvisionsForLiabilitiesBalanceSheetSubtotal", "ProvisionsForLiabilitiesCharges"),
)
ACCRUALS = Role(
    "accruals",
    _keys(
        "AccruedLiabilitiesNotExpressedWithinCreditorsSubtotal",
        "AccrualsDeferredIncomeNotExpressedWithinCreditorsSubtotal",
        "AccrualsDeferredIncome",
    ),
)

FIXED_LINES = (
    Role("intangible", _keys("IntangibleAssets", "IntangibleFixedAssets")),
    Role("tangible", _keys("PropertyPlantEquipment", "TangibleFixedAssets")),
    Role("property", _keys("InvestmentProperty")),
    Role("investments", _keys("InvestmentsFixedAssets", "FixedAssetInvestments")),
    Role("heritage", _keys("HeritageAssets")),
)
CURRENT_LINES = (
    Role("cash", _keys("CashBankOnHand", "CashBankInHand", "CashCashEquivalents")),
    Role("debtors", _keys("Debtors", "DebtorsDueWithinOneYear")),
    Role("stocks", _keys("TotalInventories", "StocksInventory", "Stocks", "Inventories")),
    Role(
        "current_investments",
        _keys("CurrentAssetInvestments", "InvestmentsCurrentAssets"),
    ),
)

TOTALS = (
    FIXED, CURRENT, TOTAL, NET_CURRENT, LESS_CURRENT_LIABILITIES, NET, EQUITY, FUNDS,
)  # fmt: skip
ROLES = (
    *TOTALS, CALLED_UP, PREPAYMENTS, CREDITORS_WITHIN, CREDITORS_AFTER, PROVISIONS, ACCRUALS,
    *FIXED_LINES, *CURRENT_LINES,
)  # fmt: skip
LONG_TERM = (CREDITORS_AFTER, PROVISIONS, ACCRUALS)
EXTRA_ASSETS = (CALLED_UP, PREPAYMENTS)
"""Assets that some balance sheets show beside fixed and current assets."""


def _concepts_of(roles: Iterable[Role]) -> frozenset[str]:
    return frozenset(concept for role in roles for concept in role.concepts)


UNDIMENSIONED_BALANCES = _concepts_of((*TOTALS, *FIXED_LINES, *CURRENT_LINES))
BALANCES = _concepts_of(ROLES)
TEXTS = frozenset(
    (
        *COMPANY_NUMBER, *COMPANY_NAME, *BALANCE_SHEET_DATE, *PERIOD_START, *PERIOD_END,
        *DORMANT, *NOT_DORMANT,
    )
)  # fmt: skip
WANTED = BALANCES | TEXTS | frozenset(EMPLOYEES)
