"""Batches of a request: each relation is read once for all the parents that ask for it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import cached_property
from typing import Any, NamedTuple, TypeVar

from strawberry.dataloader import DataLoader
from tortoise.models import Model

import models
from models.class_use import use_of
from models.customer_list import Key, count_of_classes, first_of_classes
from models.enrichment import SuggestionStatus
from models.reading import Reader

Asked = TypeVar("Asked")
Made = TypeVar("Made")
Row = TypeVar("Row", bound=Model)
Found = TypeVar("Found")


class ClassPage(NamedTuple):
    """The first customers of a class: how many, beyond which place, and read by what."""

    class_id: str
    size: int
    beyond: Key | None
    reader: Reader


LONGEST_HISTORY = 100


class Loader(DataLoader[Asked, Found]):
    """A loader whose callers may give up.

    graphql-core cancels the fields beside one whose error takes their parent away. They may wait
    for what other fields wait for too, and these must get it.
    """

    def load(self, key: Asked) -> Awaitable[Found]:
        """Load what belongs to a key with the others of this turn of the loop."""
        return asyncio.shield(super().load(key))


def _lazy(make: Callable[[], Made]) -> "cached_property[Made]":
    return cached_property(lambda _: make())


class Loaders:
    """The loaders of one request, made as they are needed; a new set reads everything afresh."""

    customer_class = _lazy(lambda: _by_id(models.CustomerClass))
    customer = _lazy(lambda: _by_id(models.Customer))
    suggestion = _lazy(lambda: _by_id(models.Suggestion))
    runs = _lazy(lambda: _many(_runs))
    suggestions = _lazy(lambda: _many(_suggestions))
    audit_entries = _lazy(lambda: _many(_audit_entries))
    class_use = _lazy(lambda: _for_each(use_of))
    class_customer_count = _lazy(lambda: _for_each(count_of_classes))
    class_customers = _lazy(lambda: Loader(_class_customers))


def _by_id(model: type[Row]) -> Loader[str, Row | None]:
    async def load(ids: list[str]) -> list[Row | None]:
        found: dict[Any, Row] = await model.in_bulk(ids, "id")
        return [found.get(row_id) for row_id in ids]

    return Loader(load)


def _many(
    read: Callable[[list[str]], Awaitable[dict[str, list[Found]]]],
) -> Loader[str, list[Found]]:
    async def load(ids: list[str]) -> list[list[Found]]:
        found = await read(ids)
        return [found.get(row_id, []) for row_id in ids]

    return Loader(load)


def _for_each(
    read: Callable[[Sequence[str]], Awaitable[dict[str, Found]]],
) -> Loader[str, Found]:
    async def load(ids: list[str]) -> list[Found]:
        found = await read(ids)
        return [found[row_id] for row_id in ids]

    return Loader(load)


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
