"""Creates the JSON in answers about a company, with the members that Companies House sends."""

import base64
import hashlib
import json
from datetime import UTC, datetime, time, timedelta
from typing import Any

from enrichment.sandbox.accounts_document import year_before
from enrichment.sandbox.companies import PDF, Company, Filing

_DEFAULT_PAGE, _MAX_PAGE = 25, 100
_DUE_AFTER = timedelta(days=273)
_DAY = timedelta(days=1)
_ID_BYTES = 32
_PDF_BYTES = b"%PDF-1.4\n% The sandbox keeps no pictures of documents.\n%%EOF\n"


def profile(company: Company) -> dict[str, Any]:
    """Return the company profile; members that are None in `company.profile` are left out."""
    number, office = company.number, company.office
    address = {
        "address_line_1": office.address_line_1,
        "address_line_2": office.address_line_2,
        "locality": office.locality,
        "postal_code": office.postal_code,
        "country": office.country,
        "po_box": office.po_box,
    }
    links = {"self": f"/company/{number}", "officers": f"/company/{number}/officers"}
    if company.filings:
        links["filing_history"] = f"/company/{number}/filing-history"
    members: dict[str, Any] = {
        "accounts": _accounts(company),
        "can_file": company.status == "active",
        "company_name": company.name,
        "company_number": number,
        "company_status": company.status,
        "confirmation_statement": {"next_due": "2027-04-03", "overdue": False},
        "date_of_creation": company.incorporated_on.isoformat(),
        "has_been_liquidated": company.status == "liquidation",
        "has_charges": False,
        "has_insolvency_history": company.status == "liquidation",
        "jurisdiction": "england-wales",
        "links": links,
        "registered_office_address": _present(address),
        "registered_office_is_in_dispute": False,
        "sic_codes": list(company.sic_codes),
        "type": company.type,
        "undeliverable_registered_office_address": False,
    }
    stated = _present(members | dict(company.profile))
    return {"etag": _etag(stated)} | stated


def filing_history(
    company: Company, *, document_url: str, categories: frozenset[str], page: dict[str, str]
) -> dict[str, Any]:
    """Return a page of filings, the newest first.

    An empty `categories` means all. `page` are the query parameters, which may have `start_index`
    and `items_per_page`.
    """
    numbered = [
        (index, filing)
        for index, filing in enumerate(company.filings)
        if not categories or filing.category in categories
    ]
    numbered.sort(key=lambda pair: pair[1].filed_on, reverse=True)
    start = _count(page.get("start_index"), 0)
    size = min(_count(page.get("items_per_page"), _DEFAULT_PAGE), _MAX_PAGE)
    return {
        "etag": "",
        "filing_history_status": "filing-history-available",
        "items": [
            _filing(company, index, filing, document_url)
            for index, filing in numbered[start : start + size]
        ],
        "items_per_page": size,
        "kind": "filing-history",
        "start_index": start,
        "total_count": len(numbered),
    }


def document_metadata(company: Company, index: int, *, document_url: str) -> dict[str, Any]:
    """Return the metadata of the document of filing `index`, with its size in each content type."""
    filing, identifier = company.filings[index], document_id(company.number, index)
    significant = filing.made_up_on or filing.filed_on
    link = f"{document_url}/document/{identifier}"
    return {
        "barcode": _barcode(company.number, index),
        "category": filing.category,
        "company_number": company.number,
        "created_at": f"{filing.filed_on.isoformat()}T11:00:24.80683293Z",
        "etag": "",
        "filename": "",
        "links": {"document": f"{link}/content", "self": link},
        "pages": 8,
        "resources": {
            kind: {"content_length": len(document())}
            for kind, document in ({PDF: picture} | dict(filing.documents)).items()
        },
        "significant_date": datetime.combine(significant, time(), UTC).isoformat(),
        "significant_date_type": "made-up-date" if filing.made_up_on else "",
    }


def search_results(found: list[Company], page: dict[str, str]) -> dict[str, Any]:
    """Return a page of search results; `page` are the query parameters."""
    start = _count(page.get("start_index"), 0)
    size = min(_count(page.get("items_per_page"), 20), _MAX_PAGE)
    return {
        "items": [_hit(company) for company in found[start : start + size]],
        "items_per_page": size,
        "kind": "search#companies",
        "page_number": start // max(size, 1) + 1,
        "start_index": start,
        "total_results": len(found),
    }


def picture() -> bytes:
    """Return the bytes of a PDF, the same for all documents."""
    return _PDF_BYTES


def document_id(number: str, index: int) -> str:
    """Return the id of a document: 43 characters that encode company number and filing index."""
    plain = f"{number}:{index:03d}".encode()
    padded = plain + hashlib.sha256(plain).digest()[: _ID_BYTES - len(plain)]
    return base64.urlsafe_b64encode(padded).decode().rstrip("=")


def read_document_id(identifier: str) -> tuple[str, int] | None:
    """Return the company number and the filing index in a document id; None if it is invalid."""
    try:
        number, _, rest = base64.urlsafe_b64decode(identifier + "=").partition(b":")
        found = number.decode("ascii"), int(rest[:3])
    except ValueError:
        return None
    return found if document_id(*found) == identifier else None


def _accounts(company: Company) -> dict[str, Any]:
    newest = company.newest_accounts
    if newest is None or newest.made_up_on is None:
        return {"overdue": False, "next_due": "2028-03-01", "next_accounts": {"overdue": False}}
    end = newest.made_up_on
    next_end = end.replace(year=end.year + 1, day=min(end.day, 28) if end.month == 2 else end.day)  # noqa: PLR2004 - February
    start, due = year_before(end) + _DAY, next_end + _DUE_AFTER
    return {
        "accounting_reference_date": {"day": f"{end.day}", "month": f"{end.month:02d}"},
        "last_accounts": {
            "made_up_to": end.isoformat(),
            "period_end_on": end.isoformat(),
            "period_start_on": start.isoformat(),
            "type": company.accounts_kind or "null",
        },
        "next_accounts": {
            "due_on": due.isoformat(),
            "overdue": False,
            "period_end_on": next_end.isoformat(),
            "period_start_on": (end + _DAY).isoformat(),
        },
        "next_due": due.isoformat(),
        "next_made_up_to": next_end.isoformat(),
        "overdue": False,
    }


def _filing(company: Company, index: int, filing: Filing, document_url: str) -> dict[str, Any]:
    number = company.number
    transaction_id = _transaction_id(number, index)
    links = {"self": f"/company/{number}/filing-history/{transaction_id}"}
    if filing.has_link:
        links["document_metadata"] = f"{document_url}/document/{document_id(number, index)}"
    made_up_on = filing.made_up_on.isoformat() if filing.made_up_on else None
    return _present(
        {
            "action_date": made_up_on,
            "barcode": _barcode(number, index),
            "category": filing.category,
            "date": filing.filed_on.isoformat(),
            "description": filing.description,
            "description_values": {"made_up_date": made_up_on} if made_up_on else None,
            "links": links,
            "pages": 8,
            "paper_filed": True if filing.is_paper else None,
            "transaction_id": transaction_id,
            "type": filing.type,
        }
    )


def _hit(company: Company) -> dict[str, Any]:
    office = company.office
    lines = (office.address_line_1, office.locality, office.country, office.postal_code)
    return {
        "address_snippet": ", ".join(lines),
        "company_number": company.number,
        "company_status": company.status,
        "company_type": company.type,
        "date_of_creation": company.incorporated_on.isoformat(),
        "description": f"{company.number} - Incorporated on {company.incorporated_on:%d %B %Y}",
        "description_identifier": ["incorporated-on"],
        "kind": "searchresults#company",
        "links": {"self": f"/company/{company.number}"},
        "matches": {"title": []},
        "snippet": "",
        "title": company.name,
    }


def _present(members: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


def _count(text: str | None, otherwise: int) -> int:
    return int(text) if text and text.isascii() and text.isdigit() else otherwise


def _transaction_id(number: str, index: int) -> str:
    digits = int.from_bytes(hashlib.sha256(f"{number}/{index}".encode()).digest()[:4], "big")
    return base64.b64encode(f"{digits:010d}adiqzkcx".encode()).decode()


def _barcode(number: str, index: int) -> str:
    return "X" + hashlib.sha256(f"barcode/{number}/{index}".encode()).hexdigest()[:7].upper()


def _etag(members: dict[str, Any]) -> str:
    """Return a tag that changes whenever one of the members does."""
    return hashlib.sha256(json.dumps(members, sort_keys=True).encode()).hexdigest()[:40]
