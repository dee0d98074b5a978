"""Conditions on customers that do not concern their class."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import strawberry

from models.lists.advisory_list import (
    with_any_code,
    with_open_suggestions,
    with_overdue_refresh,
)
from models.lists.consent_list import is_on, with_any_advisory
from models.lists.customer_list import CustomerFilter as Wanted
from models.rules.advisories import AdvisoryCode
from models.rules.company_number import InvalidCompanyNumber, normalise
from models.rules.consent import Matter
from models.rules.errors import RefusalCode
from models.storage.sql import Sql
from schema.base.context import Info
from schema.base.personal import refuse_masked
from schema.types.advisory import ConsentAdvisoryCodeEnum, SearchableAdvisoryCode
from schema.types.enrichment import EnrichmentStatusEnum
from schema.types.filter_values import (
    checked_search,
    filled,
    instant_field,
    periods_of,
    refuse_too_many,
    refused_condition,
)

MAX_TEXT = 200


@strawberry.input(
    description="Conditions on the customers of a class; a customer is listed if it meets all"
    " conditions that are set."
)
class ClassCustomerFilter:
    """Conditions on customers; null does not filter, except for `parentId`."""

    ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Only customers with one of these ids; at most 500."
    )
    created_from_at: datetime | None = instant_field(
        "Only customers created at or after this date and time"
    )
    created_until_at: datetime | None = instant_field(
        "Only customers created before this date and time"
    )
    last_modified_from_at: datetime | None = instant_field(
        "Only customers whose `lastModifiedAt` is at or after this date and time"
    )
    last_modified_until_at: datetime | None = instant_field(
        "Only customers whose `lastModifiedAt` is before this date and time"
    )
    changed_from_at: datetime | None = instant_field(
        "Only customers whose `changedAt` is at or after this date and time"
    )
    changed_until_at: datetime | None = instant_field(
        "Only customers whose `changedAt` is before this date and time"
    )
    enrichment_statuses: list[EnrichmentStatusEnum] | None = strawberry.field(  # type: ignore[valid-type]  # an enum with another name
        default=None,
        description="Only customers whose latest lookup at Companies House has one of these"
        " statuses.",
    )
    parent_id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET,
        description="Only customers that buy through the reseller with this id. An explicit null"
        " lists only customers that buy through no reseller; leave the field out to list both.",
    )
    has_parent: bool | None = strawberry.field(
        default=None,
        description="True: only customers that buy through a reseller. False: only customers that"
        " buy through none, or whose reseller you may not see.",
    )
    company_number: str | None = strawberry.field(
        default=None,
        description="Only customers with this company number. Spaces and dashes in it are ignored,"
        " and missing leading zeros are added.",
    )
    external_reference: str | None = strawberry.field(
        default=None, description="Only customers with exactly this external reference."
    )
    external_references: list[str] | None = strawberry.field(
        default=None,
        description="Only customers with exactly one of these external references; at most 500.",
    )
    text: str | None = strawberry.field(
        default=None,
        description="Only customers whose name, account number, company number or external"
        " reference contains this text, regardless of case; up to 200 characters. White space"
        " alone does not filter. Refused for callers who may not see personal data.",
    )
    is_consent_given: bool | None = strawberry.field(
        default=None,
        description="True: only customers whose consent is given now. False: only customers whose"
        " consent is not given now.",
    )
    is_non_itemised_requested: bool | None = strawberry.field(
        default=None,
        description="True: only customers whose request for bills without a list of calls is in"
        " force now. False: only customers without such a request.",
    )
    advisories: list[ConsentAdvisoryCodeEnum] | None = strawberry.field(  # type: ignore[valid-type]  # see above
        default=None,
        description="Only customers that now have at least one of these advisories on their"
        " consent.",
    )
    advisory_codes: list[SearchableAdvisoryCode] | None = strawberry.field(  # type: ignore[valid-type]  # see above
        default=None,
        description="Only customers that now have at least one of these advisories, on their"
        " consent or otherwise.",
    )
    has_open_suggestions: bool | None = strawberry.field(
        default=None,
        description="True: only customers with values from Companies House that nobody has accepted"
        " or rejected yet. False: only other customers.",
    )
    is_refresh_overdue: bool | None = strawberry.field(
        default=None,
        description="True: only customers whose data from Companies House should have been looked"
        " up again more than a day ago. False: only other customers. `enrichmentStatuses` finds"
        " failed lookups.",
    )


def matching(info: Info, given: ClassCustomerFilter | None, **of_class: Any) -> Wanted:
    """Return the conditions in the form that lists read, with `of_class` about the class.

    Raises RequestRefused if a value cannot be searched for, or may not be by this caller.
    """
    if given is None:
        return Wanted()
    if len(given.text or "") > MAX_TEXT:
        message = f"The text to search for may have at most {MAX_TEXT} characters."
        raise refused_condition("text", RefusalCode.TOO_LONG, message, limit=MAX_TEXT)
    refuse_too_many(given, "ids", "external_references")
    if given.text is not None:
        refuse_masked(info)
    number = filled(given.company_number)
    if number is not None:
        try:
            number = normalise(number)
        except InvalidCompanyNumber as error:
            code = RefusalCode.INVALID_COMPANY_NUMBER
            raise refused_condition("companyNumber", code, str(error)) from error
    return Wanted(
        ids=given.ids,
        periods=periods_of(given, "created", "last_modified", "changed"),
        enrichment_statuses=given.enrichment_statuses,
        parent_id=None if given.parent_id is strawberry.UNSET else given.parent_id,
        has_no_parent=given.parent_id is None,
        company_number=number,
        external_reference=given.external_reference,
        external_references=given.external_references,
        text=checked_search(given.text),
        others=list(_conditions(info, given)),
        **of_class,
    )


def _conditions(info: Info, given: ClassCustomerFilter) -> Iterator[Sql]:
    now = info.context.clock()
    if given.is_consent_given is not None:
        yield is_on(Matter.CONSENT, now, is_wanted=given.is_consent_given)
    if given.is_non_itemised_requested is not None:
        yield is_on(Matter.NON_ITEMISED, now, is_wanted=given.is_non_itemised_requested)
    if given.advisories is not None:
        yield with_any_advisory(given.advisories, now, info.context.oldest_consent)
    if given.advisory_codes is not None:
        codes = [AdvisoryCode(str(code.value)) for code in given.advisory_codes]  # type: ignore[attr-defined]  # see above
        yield with_any_code(codes, now, info.context.oldest_consent)
    if given.has_open_suggestions is not None:
        yield with_open_suggestions(is_wanted=given.has_open_suggestions)
    if given.is_refresh_overdue is not None:
        yield with_overdue_refresh(now, is_wanted=given.is_refresh_overdue)
    if given.has_parent is not None:
        yield Sql(f"t0.parent_id IS {'NOT NULL' if given.has_parent else 'NULL'}")
