"""Strict reader of filed company accounts (iXBRL, XBRL): takes bytes, returns figures, no I/O."""

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
