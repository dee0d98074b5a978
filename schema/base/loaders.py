"""Data loaders of a request, which read rows for many fields in one query."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any, TypeVar

from strawberry.dataloader import DataLoader
from tortoise.models import Model

import models
from models.lists.customer_class_use import ClassUse, use_of
from models.lists.delivery_histories import situations_at
from models.rules.delivery_situation import Situation

Asked = TypeVar("Asked")
Row = TypeVar("Row", bound=Model)
Found = TypeVar("Found")


class Loader(DataLoader[Asked, Found]):
    """A data loader whose batches go on if a task that waits for one is cancelled.

    When an error makes a parent object null, graphql-core cancels the parent's other fields. Fields
    of other objects that wait for the same row must still get it.
    """

    def load(self, key: Asked) -> Awaitable[Found]:
        """Return the value of a key, loaded with all keys of this event loop iteration."""
        return asyncio.shield(super().load(key))


class Loaders:
    """The loaders of one request, each created at its first use."""

    def __init__(self) -> None:
        self._now: datetime | None = None

    def now_by(self, clock: Callable[[], datetime]) -> datetime:
        """Return the time of the request; only the first call reads the clock."""
        if self._now is None:
            self._now = clock()
        return self._now

    @cached_property
    def customer_class(self) -> Loader[str, models.CustomerClass | None]:
        """Loads customer classes by id; None for an unknown id."""
        return _by_id(models.CustomerClass)

    @cached_property
    def situation(self) -> Loader[tuple[str, datetime], Situation]:
        """Loads, by customer id and instant, the facts that decide what contacts are emailed."""
        return Loader(_situations)

    @cached_property
    def class_use(self) -> Loader[str, ClassUse]:
        """Loads, by class id, how many customers and which defaults use a customer class."""
        return _for_each(use_of)


def _by_id(model: type[Row]) -> Loader[str, Row | None]:
    async def load(ids: list[str]) -> list[Row | None]:
        found: dict[Any, Row] = await model.in_bulk(ids, "id")
        return [found.get(row_id) for row_id in ids]

    return Loader(load)


def _for_each(
    read: Callable[[Sequence[str]], Awaitable[dict[str, Found]]],
) -> Loader[str, Found]:
    async def load(ids: list[str]) -> list[Found]:
        found = await read(ids)
        return [found[row_id] for row_id in ids]

    return Loader(load)


async def _situations(asked: list[tuple[str, datetime]]) -> list[Situation]:
    found: dict[tuple[str, datetime], Situation] = {}
    for instant in {instant for _, instant in asked}:
        ids = [customer_id for customer_id, own in asked if own == instant]
        for customer_id, situation in (await situations_at(ids, instant)).items():
            found[customer_id, instant] = situation
    return [found[one] for one in asked]
