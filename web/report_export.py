"""Serves reports that count customers in groups as CSV."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from itertools import chain

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from models.lists.consent_list import is_on
from models.lists.customer_list import CustomerFilter
from models.lists.customer_report import CustomerReport, ReportGroup, report_customers
from models.lists.report_names import ReportName, class_names, reseller_names
from models.lists.report_statement import ReportSums
from models.rules.classification import SubscriberKind
from models.rules.consent import Matter
from models.rules.enrichment_status import EnrichmentStatus
from models.rules.report import MAX_GROUPS, CustomerReportDimension
from models.tables.access import Principal, Scope
from schema.base.errors import ErrorCode, RequestRefused
from schema.base.request_slot import Limiters
from schema.types.customer_report import checked_dimensions
from web.csv_answer import Cell, Row, csv_answer, requested_bom
from web.parameters import (
    choice_of,
    choices_of,
    optional_flag_of,
    optional_text_of,
    refuse_others,
    texts_of,
)
from web.routes import AuthenticatedRoute
from web.sign_in import Authenticate

Names = Mapping[str, ReportName]

COLUMNS = {
    CustomerReportDimension.CLASS: ("class_id", "class_code", "class_name"),
    CustomerReportDimension.RESELLER: (
        "reseller_id",
        "reseller_account_number",
        "reseller_name",
    ),
    CustomerReportDimension.LEGAL_STATUS: ("subscriber_kind",),
    CustomerReportDimension.IS_RESELLER: ("is_reseller",),
    CustomerReportDimension.CONSENT: ("is_consent_given",),
    CustomerReportDimension.ENRICHMENT_STATUS: ("enrichment_status",),
    CustomerReportDimension.COMPANY_STATUS: ("company_status",),
    CustomerReportDimension.CREATED_MONTH: ("created_month_on",),
}
"""The columns of each dimension, which come first."""

REPEATED = ("groupBy", "classIds", "classCodes", "enrichmentStatuses")
GIVEN_ONCE = ("bom", "subscriberKind", "isReseller", "parentId", "isConsentGiven")
"""REPEATED and GIVEN_ONCE: the parameters that may be given several times, and the others."""


def report_export(
    authenticate: Authenticate,
    limiters: Limiters,
    clock: Callable[[], datetime],
    is_masked: Callable[[Principal], bool],
) -> Route:
    """Return the route `/exports/customer-report.csv?groupBy=CLASS&groupBy=CONSENT`.

    Further parameters filter the customers (`_wanted`), and `bom=true` adds a byte order mark.
    `is_masked` tells whether personal data is masked for a principal.
    """

    async def export(request: Request) -> Response:
        refuse_others(request, *GIVEN_ONCE, repeated=REPEATED)
        mark, now = requested_bom(request), clock()
        given = choices_of(request, "groupBy", CustomerReportDimension)
        dimensions = checked_dimensions(given or [])
        principal = request.state.principal
        sums = ReportSums(
            contacts=principal.may(Scope.CONTACTS_READ), employees=True, net_assets=True
        )
        found = await report_customers(dimensions, _wanted(request, now), sums, now)
        if found.is_truncated:
            raise RequestRefused(
                ErrorCode.BAD_USER_INPUT,
                f"The report has more than {MAX_GROUPS:,} rows. Group by fewer dimensions, or add"
                " filters.",
            )
        names = {
            CustomerReportDimension.CLASS: await class_names(found),
            CustomerReportDimension.RESELLER: await reseller_names(
                found, is_masked=is_masked(principal)
            ),
        }
        currencies = sorted(_currencies(found))
        header = _header(dimensions, sums, currencies)
        rows = [_row(group, names, currencies) for group in found.groups]
        return csv_answer(f"customer-report-{now.date()}.csv", header, rows, mark)

    route = AuthenticatedRoute(authenticate, limiters, export, Scope.CUSTOMERS_READ)
    return Route("/exports/customer-report.csv", route, methods=["GET"])


def _wanted(request: Request, now: datetime) -> CustomerFilter:
    """Return the filter of the request; its parameters are named as in the GraphQL filter."""
    is_given = optional_flag_of(request, "isConsentGiven")
    return CustomerFilter(
        class_ids=texts_of(request, "classIds"),
        class_codes=texts_of(request, "classCodes"),
        subscriber_kind=choice_of(request, "subscriberKind", SubscriberKind),
        enrichment_statuses=choices_of(request, "enrichmentStatuses", EnrichmentStatus),
        is_reseller=optional_flag_of(request, "isReseller"),
        parent_id=optional_text_of(request, "parentId"),
        others=() if is_given is None else (is_on(Matter.CONSENT, now, is_wanted=is_given),),
    )


def _header(
    dimensions: Sequence[CustomerReportDimension], sums: ReportSums, currencies: Sequence[str]
) -> list[str]:
    money = (
        (f"net_assets_{code.lower()}", f"net_assets_{code.lower()}_customer_count")
        for code in currencies
    )
    return [
        *chain.from_iterable(COLUMNS[one] for one in dimensions),
        "customer_count",
        *(["contact_count"] if sums.contacts else []),
        "employees",
        "employees_customer_count",
        *chain.from_iterable(money),
    ]


def _row(
    group: ReportGroup,
    names: Mapping[CustomerReportDimension, Names],
    currencies: Sequence[str],
) -> Row:
    cells: list[Cell] = []
    for dimension, key in group.keys.items():
        cells += _key_cells(key, names.get(dimension))
    cells.append(group.customer_count)
    if group.contact_count is not None:
        cells.append(group.contact_count)
    if group.employees is not None:
        cells += [int(group.employees.total), group.employees.customer_count]
    by_currency = {one.currency: one for one in group.net_assets}
    for code in currencies:
        amounts = by_currency.get(code)
        cells += [None, 0] if amounts is None else [amounts.total, amounts.customer_count]
    return cells


def _key_cells(key: Cell, names: Names | None) -> list[Cell]:
    """Return the cells of a key; if it is an id, with code and name."""
    if names is None:
        return [key]
    name = names.get(str(key))
    return [key, None, None] if name is None else [key, name.code, name.name]


def _currencies(report: CustomerReport) -> set[str]:
    return {str(one.currency) for group in report.groups for one in group.net_assets}
