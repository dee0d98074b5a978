"""The message of each warning about figures."""

from enrichment.accounts.model import AccountsWarning, WarningCode

_MESSAGES = {
    WarningCode.SIGN_INFERRED: (
        "The sign of the tag contradicts the page or the sums; the sign that they show is used."
    ),
    WarningCode.SIGN_DOUBTFUL: (
        "The sign of the tag contradicts the page, and the sums do not tell which is right."
    ),
    WarningCode.SCALE_UNDONE: (
        "A head count tagged as a fraction or a multiple of the printed number; the printed one "
        "is used."
    ),
    WarningCode.SCALE_DOUBTFUL: (
        "Tagged in another scale (thousands, millions) than the page or the other lines show."
    ),
    WarningCode.UNIT_IGNORED: "A head count tagged in a currency; the unit is ignored.",
    WarningCode.UNIT_NOT_MONEY: "Tagged without a unit that is a currency.",
    WarningCode.CURRENCY_MIXED: "Tagged in more than one currency, or in another than the rest.",
    WarningCode.CURRENCY_DOUBTFUL: "Tagged in one currency, printed in another.",
    WarningCode.DASH_READ_AS_ZERO: "A dash tagged as a number is read as zero.",
    WarningCode.VALUE_UNREADABLE: (
        "Tagged with a text that is not a number in its format, holds a footnote, or is out of "
        "range."
    ),
    WarningCode.CONFLICTING_VALUES: (
        "Tagged more than once, or by two tags that mean the same, with different values."
    ),
    WarningCode.EDITION_DOUBTFUL: (
        "Tagged as first filed only, where other figures of these accounts are tagged as revised."
    ),
    WarningCode.CONTEXT_UNDEFINED: "Tagged for a period that the document does not define.",
    WarningCode.PERIOD_TYPE_WRONG: "Tagged for a day instead of a period, or the other way round.",
    WarningCode.EMPLOYEES_NOT_WHOLE: "The average number of employees is not a whole number.",
    WarningCode.SUBSTITUTE_CONCEPT: "Its own tag is missing; another that means the same is used.",
    WarningCode.SUBSTITUTE_UNCONFIRMED: (
        "Its own tag is missing, and the sums do not confirm the line that could stand for it."
    ),
    WarningCode.DERIVED_FROM_OTHER_LINES: (
        "Its own tag is missing; it is worked out from the other totals of the balance sheet."
    ),
    WarningCode.BALANCE_SHEET_DATE_CONFLICT: (
        "Its period ends on another day than the balance sheet is dated."
    ),
    WarningCode.BALANCE_SHEET_DATE_INFERRED: "The balance sheet date is not tagged.",
    WarningCode.COMPANY_NUMBER_CONFLICT: "The document carries more than one company number.",
    WarningCode.SCOPE_UNCERTAIN: (
        "It is not certain that this is the company's own figure: it may be the group's, or a part."
    ),
    WarningCode.NET_CURRENT_ASSETS_MISMATCH: (
        "Net current assets are not current assets less creditors within one year."
    ),
    WarningCode.TOTAL_ASSETS_LESS_CURRENT_LIABILITIES_MISMATCH: (
        "Total assets less current liabilities are not fixed plus net current assets, or more than "
        "all assets."
    ),
    WarningCode.NET_ASSETS_MISMATCH: (
        "Net assets differ from equity, or from what the tagged assets and debts leave."
    ),
    WarningCode.TOTAL_ASSETS_MISMATCH: "Total assets differ from what the other lines add up to.",
}


def warning(code: WarningCode, field: str | None) -> AccountsWarning:
    """Return a warning with its message; `field` is the figure that it is about, None for all."""
    return AccountsWarning(code, field, _MESSAGES[code])
