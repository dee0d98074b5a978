"""Root fields of reports."""

import strawberry

from models.tables.access import Scope
from resolvers import report as report_resolvers
from schema.base.operation import operation
from schema.base.permissions import Requires
from schema.types.customer_report import CustomerReport
from schema.types.customers_over_time import CustomerSeries


@strawberry.type
class ReportQuery:
    customer_report: CustomerReport | None = operation(
        report_resolvers.customer_report,
        Requires(Scope.CUSTOMERS_READ),
        "Customers counted in groups, for example by class and consent. Deleted customers are left"
        " out. The same report is available as CSV.",
    )
    customers_over_time: list[CustomerSeries] | None = operation(
        report_resolvers.customers_over_time,
        Requires(Scope.CUSTOMERS_READ),
        "Numbers of customers, consent and lookups by day, week or month, from their histories."
        " Each metric has a series, or one for each group. Customers count for the reseller that"
        " they have now.",
    )
