"""GraphQL types of reports that count by day, week or month."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

import strawberry

from models.lists.customers_over_time import Series
from models.rules.enrichment_status import EnrichmentStatus
from models.rules.report import MAX_INTERVALS, CustomerMetric, OverTimeDimension
from models.rules.report_interval import ReportInterval, starts_between
from schema.base.descriptions import described_enum
from schema.base.errors import ErrorCode, RequestRefused
from schema.types.customer_class import CustomerClass
from schema.types.enrichment import EnrichmentStatusEnum

MetricEnum = described_enum(
    CustomerMetric,
    "CustomerMetric",
    "What a report over time counts.",
    {
        "CUSTOMERS": "Customers at the end of the interval: those created by then and not deleted.",
        "CUSTOMERS_CREATED": "Customers that were created in the interval, also if they were"
        " deleted later.",
        "CUSTOMERS_DELETED": "Customers that were deleted in the interval.",
        "CONSENT_GIVEN": "Times in the interval at which consent of a customer began. The renewal"
        " of a consent that is given does not count.",
        "CONSENT_WITHDRAWN": "Times in the interval at which consent of a customer ended.",
        "LOOKUPS": "Lookups at Companies House that ended in the interval, in a series for each"
        " status in which they ended.",
    },
)
IntervalEnum = described_enum(
    ReportInterval,
    "ReportInterval",
    "The length of an interval of a report. Intervals begin at midnight in UTC.",
    {
        "DAY": "A day.",
        "WEEK": "A week, which begins on Monday.",
        "MONTH": "A calendar month.",
    },
)
OverTimeEnum = described_enum(
    OverTimeDimension,
    "OverTimeDimension",
    "What a report over time groups customers by.",
    {"CLASS": "The class in which customers were at the end of the interval."},
)


@strawberry.type(description="A number in one interval of a report.")
class ReportedInterval:
    from_on: date = strawberry.field(description="The first day of the interval, in UTC.")
    until_on: date = strawberry.field(
        description="The day after the last day of the interval, in UTC."
    )
    count: int = strawberry.field(
        description="The number of what the series counts, in this interval."
    )


@strawberry.type(description="The numbers of one metric, or of one group in it, over time.")
class CustomerSeries:
    metric: MetricEnum = strawberry.field(description="What is counted.")  # type: ignore[valid-type]  # an enum with another name
    class_id: strawberry.ID | None = strawberry.field(
        description="The id of the class in which the customers were; null without"
        " `groupBy: CLASS`, and for other metrics than CUSTOMERS."
    )
    customer_class: CustomerClass | None = strawberry.field(
        description="The class in which the customers were; null if `classId` is, and if the class"
        " was deleted."
    )
    lookup_status: EnrichmentStatusEnum | None = strawberry.field(  # type: ignore[valid-type]  # see above
        description="The status in which the lookups ended; null for other metrics than LOOKUPS."
    )
    intervals: list[ReportedInterval] = strawberry.field(
        description="The numbers of all intervals of the report, oldest first."
    )

    @classmethod
    def of(
        cls,
        series: Series,
        days: Sequence[date],
        classes: Mapping[str, CustomerClass],
    ) -> "CustomerSeries":
        """Return a series whose intervals begin on all `days` but the last, which ends them."""
        is_lookups = series.metric is CustomerMetric.LOOKUPS
        class_id = None if is_lookups else series.group
        return cls(
            metric=series.metric,
            class_id=None if class_id is None else strawberry.ID(class_id),
            customer_class=classes.get(class_id or ""),
            lookup_status=EnrichmentStatus(str(series.group)) if is_lookups else None,
            intervals=[
                ReportedInterval(from_on=start, until_on=end, count=count)
                for start, end, count in zip(days, days[1:], series.counts, strict=False)
            ],
        )


def checked_starts(
    interval: ReportInterval, from_on: date, until_on: date, today: date
) -> list[date]:
    """Return the first days of the intervals of a report, up to the one that `today` is in.

    Raises RequestRefused if there are too many, or none.
    """
    if from_on >= until_on:
        raise RequestRefused(ErrorCode.BAD_USER_INPUT, "`fromOn` must be before `untilOn`.")
    last = min(until_on, today + timedelta(days=1))
    starts = starts_between(interval, from_on, last, MAX_INTERVALS)
    if len(starts) > MAX_INTERVALS:
        raise RequestRefused(
            ErrorCode.BAD_USER_INPUT,
            f"A report over time may have at most {MAX_INTERVALS} intervals. Choose a shorter"
            " period, or longer intervals.",
        )
    return starts


def checked_metrics(given: list[CustomerMetric]) -> list[CustomerMetric]:
    """Return the metrics; raises RequestRefused if there are none, or one is named twice."""
    if not given or len(set(given)) < len(given):
        raise RequestRefused(
            ErrorCode.BAD_USER_INPUT, "`metrics` must have at least one metric, and each once."
        )
    return given
