"""The dimensions, metrics and intervals of reports. PURE."""

from enum import StrEnum, unique

MAX_DIMENSIONS = 3
"""A report may group by this many dimensions at once."""

MAX_GROUPS = 10_000
"""A report returns at most this many groups."""


@unique
class CustomerReportDimension(StrEnum):
    """What customers can be grouped by."""

    CLASS = "CLASS"
    RESELLER = "RESELLER"
    LEGAL_STATUS = "LEGAL_STATUS"
    IS_RESELLER = "IS_RESELLER"
    CONSENT = "CONSENT"
    ENRICHMENT_STATUS = "ENRICHMENT_STATUS"
    COMPANY_STATUS = "COMPANY_STATUS"
    CREATED_MONTH = "CREATED_MONTH"


MAX_INTERVALS = 400
"""A report over time has at most this many intervals."""


@unique
class CustomerMetric(StrEnum):
    """What a report over time counts."""

    CUSTOMERS = "CUSTOMERS"
    CUSTOMERS_CREATED = "CUSTOMERS_CREATED"
    CUSTOMERS_DELETED = "CUSTOMERS_DELETED"
    CONSENT_GIVEN = "CONSENT_GIVEN"
    CONSENT_WITHDRAWN = "CONSENT_WITHDRAWN"
    LOOKUPS = "LOOKUPS"


@unique
class OverTimeDimension(StrEnum):
    """What a report over time can group customers by."""

    CLASS = "CLASS"
