"""Batches of a request: each relation is read once for all the parents that ask for it."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple, TypeVar

from strawberry.dataloader import DataLoader
from tortoise.models import Model

import models
from models.class_use import ClassUse, use_of
from models.customer_list import Key, count_listed, first_of_classes
from models.enrichment import SuggestionStatus
from models.reading import Reader

Row = TypeVar("Row", bound=Model)
Found = TypeVar("Found")


class ClassPage(NamedTuple):
    """The first customers of a class: how many, beyond which place, and read by what."""

    class_id: str
    size: int
    beyond: Key | None
    reader: Reader


LONGEST_HISTORY = 100


class Loaders:
    """The loaders of one request; a new set reads everything afresh."""

    def __init__(self) -> None:
        self.customer_class = _by_id(models.CustomerClass)
        self.customer = _by_id(models.Customer)
        self.suggestion = _by_id(models.Suggestion)
        self.runs = _many(_runs)
        self.suggestions = _many(_suggestions)
        self.audit_entries = _many(_audit_entries)
        self.class_use: DataLoader[str, ClassUse] = DataLoader(_for_each(use_of))
        self.class_customer_count: DataLoader[str, int] = DataLoader(_for_each(count_listed))
        self.class_customers: DataLoader[ClassPage, list[Any]] = DataLoader(_class_customers)


def _by_id(model: type[Row]) -> DataLoader[str, Row | None]:
    async def load(ids: list[str]) -> list[Row | None]:
        found: dict[Any, Row] = await model.in_bulk(ids, "id")
        return [found.get(row_id) for row_id in ids]

    return DataLoader(load)


def _many(
    read: Callable[[list[str]], Awaitable[dict[str, list[Found]]]],
) -> DataLoader[str, list[Found]]:
    async def load(ids: list[str]) -> list[list[Found]]:
        found = await read(ids)
        return [found.get(row_id, []) for row_id in ids]

    return DataLoader(load)


def _for_each(
    read: Callable[[Sequence[str]], Awaitable[dict[str, Found]]],
) -> Callable[[list[str]], Awaitable[list[Found]]]:
    async def load(ids: list[str]) -> list[Found]:
        found = await read(ids)
        return [found[row_id] for row_id in ids]

    return load


async def _runs(customer_ids: list[str]) -> dict[str, list[models.EnrichmentRun]]:
    rows = await models.EnrichmentRun.filter(customer_id__in=customer_ids).order_by("-id")
    return _grouped(rows, "customer_id")


async def _suggestions(customer_ids: list[str]) -> dict[str, list[models.Suggestion]]:
    rows = await models.Suggestion.filter(
        customer_id__in=customer_ids, status=SuggestionStatus.OPEN
    ).order_by("field")
    return _grouped(rows, "customer_id")


async def _audit_entries(subject_ids: list[str]) -> dict[str, list[models.AuditEntry]]:
    rows = await models.AuditEntry.filter(subject_id__in=subject_ids).order_by("-id")
    return {
        subject: entries[:LONGEST_HISTORY]
        for subject, entries in _grouped(rows, "subject_id").items()
    }


async def _class_customers(pages: list[ClassPage]) -> list[list[Any]]:
    found: dict[ClassPage, list[Any]] = {page: [] for page in pages}
    for wanted in {page[1:] for page in pages}:
        size, beyond, reader = wanted
        class_ids = [page.class_id for page in pages if page[1:] == wanted]
        for customer in await first_of_classes(reader, class_ids, size, beyond):
            found[ClassPage(customer.customer_class_id, *wanted)].append(customer)
    return [found[page] for page in pages]


def _grouped(rows: list[Row], column: str) -> dict[str, list[Row]]:
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(getattr(row, column), []).append(row)
    return groups
