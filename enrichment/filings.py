"""Chooses the accounts to read in a filing history, and the format to request (R85, A24)."""

from dataclasses import dataclass
from datetime import date

from enrichment.members import day, elements, flag, member, text

# The category "accounts" also has filings of other types: changes of the reference date.
ACCOUNTS_TYPES = frozenset({"AA", "AAMD"})

_READABLE = (
    "application/xhtml+xml",
    "application/xml",
    "text/xml",
    "application/zip",
    "application/x-zip-compressed",
    "text/html",
)


@dataclass(frozen=True, slots=True)
class AccountsFiling:
    """A filing of accounts; `metadata_link` is None if it has no document."""

    transaction_id: str
    type: str
    period_end_on: date | None
    filed_on: date | None
    metadata_link: str | None
    is_group: bool
    paper_filed: bool
    description: str | None


def latest_accounts(payload: object) -> AccountsFiling | None:
    """Return the accounts of the newest period in a filing history; None if there are none.

    Of several filings for that period, the newest is returned. The filing date alone does not
    decide, since accounts of a later period may be filed first. Malformed items are ignored.
    """
    read = (_read_filing(item) for item in elements(payload, "items"))
    return max((filing for filing in read if filing is not None), key=_recency, default=None)


def has_accounts(payload: object) -> bool:
    """Return whether a filing history contains accounts."""
    return latest_accounts(payload) is not None


def choose_content_type(metadata: object) -> str | None:
    """Return the content type in which to request a document; None if there is only a PDF.

    Types of tagged accounts are preferred. The type is spelt exactly as in the document's
    `metadata`.
    """
    resources = member(metadata, "resources")
    listed = list(resources) if isinstance(resources, dict) else []
    bare = {str(name).partition(";")[0].strip().lower(): str(name) for name in reversed(listed)}
    return next((bare[name] for name in _READABLE if name in bare), None)


def _recency(filing: AccountsFiling) -> tuple[date, date, bool]:
    return (
        filing.period_end_on or date.min,
        filing.filed_on or date.min,
        filing.type == "AAMD",
    )


def _read_filing(item: object) -> AccountsFiling | None:
    transaction_id, kind = text(item, "transaction_id"), text(item, "type")
    if transaction_id is None or kind not in ACCOUNTS_TYPES:
        return None
    description = text(item, "description")
    made_up_on = day(member(item, "description_values"), "made_up_date")
    return AccountsFiling(
        transaction_id=transaction_id,
        type=kind,
        period_end_on=made_up_on or day(item, "action_date"),
        filed_on=day(item, "date"),
        metadata_link=text(member(item, "links"), "document_metadata"),
        is_group="-group" in (description or ""),
        paper_filed=flag(item, "paper_filed") or False,
        description=description,
    )
