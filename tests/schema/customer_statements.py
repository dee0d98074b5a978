"""Builds the statements that lists of customers run."""

from datetime import UTC, datetime, timedelta

from models import Customer, CustomerClass
from models.lists.customer_list import CustomerFilter
from models.lists.row_order import Period
from models.rules.classification import CustomerLabel, SubscriberKind
from models.rules.enrichment_status import EnrichmentStatus
from models.storage.row_query import RowQuery, Shape
from models.storage.row_query_compiler import compile_shape

CUSTOMERS = 20_000


START = datetime(2026, 1, 1, tzinfo=UTC)


OF_CLASS = {
    "all": CustomerFilter(),
    "large class": CustomerFilter(class_ids=["cls_0"]),
    "small class": CustomerFilter(class_ids=["cls_9"]),
    "empty class": CustomerFilter(class_ids=["cls_none"]),
    "classes": CustomerFilter(class_ids=["cls_1", "cls_2", "cls_9"]),
    "codes": CustomerFilter(class_codes=["CHARITY", "SOLE_TRADER"]),
    "label": CustomerFilter(labels=[CustomerLabel.RESELLER]),
    "labels": CustomerFilter(labels=[CustomerLabel.RESELLER, CustomerLabel.SOLE_TRADER]),
    "individuals": CustomerFilter(subscriber_kind=SubscriberKind.INDIVIDUAL),
    "organisations": CustomerFilter(subscriber_kind=SubscriberKind.CORPORATE),
    "class and label": CustomerFilter(class_ids=["cls_1"], labels=[CustomerLabel.RESELLER]),
}


OTHERS = {
    "ids": CustomerFilter(ids=["cus_0000101", "cus_0000007"]),
    "last minutes": CustomerFilter(
        periods=[Period("changed_at", START + timedelta(seconds=CUSTOMERS - 100))]
    ),
    "old ones": CustomerFilter(
        periods=[Period("created_at", None, START + timedelta(seconds=200))]
    ),
    "a class and minutes": CustomerFilter(
        class_ids=["cls_1"],
        periods=[
            Period("last_modified_at", START, START + timedelta(seconds=200)),
        ],
    ),
    "status": CustomerFilter(enrichment_statuses=[EnrichmentStatus.SUCCEEDED]),
    "rare statuses": CustomerFilter(
        enrichment_statuses=[EnrichmentStatus.FAILED, EnrichmentStatus.RUNNING]
    ),
    "no status": CustomerFilter(enrichment_statuses=[]),
    "parent": CustomerFilter(parent_id="cus_0000001"),
    "no parent": CustomerFilter(has_no_parent=True),
    "resellers": CustomerFilter(is_reseller=True),
    "no resellers": CustomerFilter(is_reseller=False),
    "no children": CustomerFilter(parent_id="cus_0000002"),
    "company number": CustomerFilter(company_number="00000101"),
    "external reference": CustomerFilter(external_reference="crm-101"),
    "external references": CustomerFilter(external_references=["crm-101", "crm-7"]),
    "text": CustomerFilter(text="0007919"),
    "common text": CustomerFilter(text="customer"),
    "unknown text": CustomerFilter(text="zebra"),
    "class, status and text": CustomerFilter(
        class_ids=["cls_0"], enrichment_statuses=[EnrichmentStatus.FAILED], text="0007919"
    ),
}


FILTERS = {**OF_CLASS, **OTHERS}


PLACES = {
    "name_key": "customer 0010000",
    **dict.fromkeys(
        ("created_at", "last_modified_at", "changed_at"),
        START + timedelta(seconds=CUSTOMERS // 2),
    ),
    "account_number": f"AC-{CUSTOMERS // 2:07}",
}


class Row:
    """A row that the statement returned."""


def reader() -> RowQuery:
    """Return the query for the columns of a customer and its class in a list."""
    of_class = Shape(Row, CustomerClass, {"id": (("id",), None), "name": (("name",), None)})
    columns = ("id", "name", "name_key", "created_at", "account_number", "customer_class_id")
    shape = Shape(
        Row,
        Customer,
        {column: ((column,), None) for column in columns},
        {"customer_class": ("customer_class", of_class)},
    )
    return RowQuery(compile_shape(shape))
