"""Finds what a lookup changed in a company profile, as texts for its history. PURE."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum, unique
from typing import Any

from models.rules.profile import (
    FIGURES,
    WANTED_FIELDS,
    Profile,
    ProfileEntry,
    ValueSource,
    is_same_value,
    written_lines,
)


@unique
class ChangedField(StrEnum):
    """The fields of a company profile whose changes at Companies House are kept."""

    REGISTERED_ADDRESS = "registered_address"
    INCORPORATED_ON = "incorporated_on"
    EMPLOYEES = "employees"
    FIXED_ASSETS = "fixed_assets"
    CURRENT_ASSETS = "current_assets"
    TOTAL_ASSETS = "total_assets"
    TOTAL_ASSETS_LESS_CURRENT_LIABILITIES = "total_assets_less_current_liabilities"
    NET_ASSETS = "net_assets"
    COMPANY_NAME = "company_name"
    COMPANY_TYPE = "company_type"
    COMPANY_SUBTYPE = "company_subtype"
    COMPANY_STATUS = "company_status"
    COMPANY_STATUS_DETAIL = "company_status_detail"
    CEASED_ON = "ceased_on"
    JURISDICTION = "jurisdiction"
    SIC_CODES = "sic_codes"
    ACCOUNTS_PERIOD_END_ON = "accounts_period_end_on"


@dataclass(frozen=True, slots=True)
class FieldChange:
    """A changed field, with its values as texts; None is no value.

    `filing_id` is the filing that the newer value is from; None if it is not from accounts.
    """

    field: ChangedField
    before: str | None
    after: str | None
    filing_id: str | None = None


def changes_between(before: Profile, after: Profile) -> Iterator[FieldChange]:
    """Yield the changes of register values from one profile to a later one, by field.

    Values that users typed are no register values: the audit trail has their changes.
    """
    for name in WANTED_FIELDS:
        old, new = before.get(name), after.get(name)
        if any(one is not None and one["source"] == ValueSource.USER for one in (old, new)):
            continue
        if old is None and new is None:
            continue
        if old is not None and new is not None and is_same_value(name, old, new):
            continue
        filing_id = (new or {}).get("filing_id")
        yield FieldChange(ChangedField(name), _text(name, old), _text(name, new), filing_id)
    old_details, new_details = before.get("details") or {}, after.get("details") or {}
    for field in ChangedField:
        if field.value in WANTED_FIELDS:
            continue
        was, now = (_plain(details, field.value) for details in (old_details, new_details))
        if was != now:
            is_of_accounts = field is ChangedField.ACCOUNTS_PERIOD_END_ON
            filing_id = new_details.get("accounts_filing_id") if is_of_accounts else None
            yield FieldChange(field, was, now, filing_id)


def _text(name: str, entry: ProfileEntry | None) -> str | None:
    if entry is None:
        return None
    value = entry["value"]
    if name == ChangedField.REGISTERED_ADDRESS:
        return ", ".join(written_lines(value))
    currency = entry.get("currency")
    return f"{value} {currency}" if name in FIGURES and currency else str(value)


def _plain(details: Mapping[str, Any], name: str) -> str | None:
    value = details.get(name)
    if isinstance(value, list):
        return ", ".join(map(str, value)) or None
    return value
