"""A strict reader of filed company accounts (iXBRL, XBRL): takes bytes and returns figures, no I/O.

A *fact* is a tagged value in a document. A *concept* is what a tag says that the fact is, such as
`FixedAssets`. A *role* is a line of the balance sheet, for which there may be several concepts. A
*line* has the values that are tagged for a role. A *figure* is one of the results.
"""

from enrichment.accounts.model import (
    Accounts,
    AccountsRefused,
    AccountsWarning,
    Figure,
    RefusalCode,
    WarningCode,
)
from enrichment.accounts.reader import read_accounts
from enrichment.accounts.record import as_record

__all__ = [
    "Accounts",
    "AccountsRefused",
    "AccountsWarning",
    "Figure",
    "RefusalCode",
    "WarningCode",
    "as_record",
    "read_accounts",
]
