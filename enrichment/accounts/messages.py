"""The message of each warning about figures in accounts."""

from enrichment.accounts.model import AccountsWarning, WarningCode

_MESSAGES = {
    WarningCode.SIGN_INFERRED: (
        "The sign of the tag contradicts the printed number or the sums; the sign that these show"
        " is used."
    ),
    WarningCode.SIGN_DOUBTFUL: (
        "The sign of the tag contradicts the printed number, and the sums do not show which is"
        " right."
    ),
    WarningCode.SCALE_UNDONE: (
        "The number of employees is tagged as a fraction or a multiple of the printed number; the"
        " printed number is used."
    ),
    WarningCode.SCALE_DOUBTFUL: (
        "The figure is tagged in another scale (thousands, millions) than it is printed in, or than"
        " other lines have."
    ),
    WarningCode.UNIT_IGNORED: "The number of employees is tagged in a currency; the currency is"
    " ignored.",
    WarningCode.UNIT_NOT_MONEY: "The amount is tagged without a currency.",
    WarningCode.CURRENCY_MIXED: "The amount is tagged in more than one currency, or in another"
    " currency than the other amounts.",
    WarningCode.CURRENCY_DOUBTFUL: "The amount is tagged in one currency and printed in another.",
    WarningCode.DASH_READ_AS_ZERO: "A dash is tagged as a number; it is read as zero.",
    WarningCode.VALUE_UNREADABLE: (
        "The tagged text is not a number in the tag's format, contains a footnote, or is out of"
        " range."
    ),
    WarningCode.CONFLICTING_VALUES: (
        "The figure is tagged more than once, or by two tags that mean the same, with different"
        " values."
    ),
    WarningCode.EDITION_DOUBTFUL: (
        "The figure is tagged as first filed only, while other figures of these accounts are tagged"
        " as revised."
    ),
    WarningCode.CONTEXT_UNDEFINED: "The figure is tagged for a period that the document does not"
    " define.",
    WarningCode.PERIOD_TYPE_WRONG: "The figure is tagged for a day instead of a period, or for a"
    " period instead of a day.",
    WarningCode.EMPLOYEES_NOT_WHOLE: "The average number of employees is not a whole number.",
    WarningCode.SUBSTITUTE_CONCEPT: "The figure's own tag is missing; another tag that means the"
    " same is used.",
    WarningCode.SUBSTITUTE_UNCONFIRMED: (
        "The figure's own tag is missing, and the sums do not confirm another line that could"
        " replace it."
    ),
    WarningCode.DERIVED_FROM_OTHER_LINES: (
        "The figure's own tag is missing; the figure is calculated from other totals of the balance"
        " sheet."
    ),
    WarningCode.BALANCE_SHEET_DATE_CONFLICT: (
        "The period of the figure ends on another day than the balance sheet date."
    ),
    WarningCode.BALANCE_SHEET_DATE_INFERRED: "The balance sheet date is not tagged.",
    WarningCode.COMPANY_NUMBER_CONFLICT: "The document contains more than one company number.",
    WarningCode.SCOPE_UNCERTAIN: (
        "It is not certain that the figure is the company's own: it may be the group's, or a part"
        " of the company's."
    ),
    WarningCode.NET_CURRENT_ASSETS_MISMATCH: (
        "Net current assets are not current assets less creditors within one year."
    ),
    WarningCode.TOTAL_ASSETS_LESS_CURRENT_LIABILITIES_MISMATCH: (
        "Total assets less current liabilities are not fixed assets plus net current assets, or are"
        " more than all assets."
    ),
    WarningCode.NET_ASSETS_MISMATCH: (
        "Net assets differ from equity, or from the tagged assets less the tagged debts."
    ),
    WarningCode.TOTAL_ASSETS_MISMATCH: "Total assets differ from the sum of the other lines.",
}


def warning(code: WarningCode, field: str | None) -> AccountsWarning:
    """Return a warning about the figure `field`, with its message; None means all figures."""
    return AccountsWarning(code, field, _MESSAGES[code])
