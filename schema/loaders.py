"""Batches of a request: each relation is read once for all the parents that ask for it."""

from collections.abc import Awaitable, Callable, Sequence
from functools import cached_property
from typing import Any, TypeVar

from strawberry.dataloader import DataLoader
from tortoise.models import Model

import models
from models.class_use import ClassUse, use_of

Row = TypeVar("Row", bound=Model)
Found = TypeVar("Found")


class Loaders:
    """The loaders of one request; a new set reads everything afresh."""

    @cached_property
    def customer_class(self) -> DataLoader[str, models.CustomerClass | None]:
        """Load classes by id."""
        return _by_id(models.CustomerClass)

    @cached_property
    def class_use(self) -> DataLoader[str, ClassUse]:
        """Load what classes are used for, by their ids."""
        return DataLoader(_for_each(use_of))


def _by_id(model: type[Row]) -> DataLoader[str, Row | None]:
    async def load(ids: list[str]) -> list[Row | None]:
        found: dict[Any, Row] = await model.in_bulk(ids, "id")
        return [found.get(row_id) for row_id in ids]

    return DataLoader(load)


def _for_each(
    read: Callable[[Sequence[str]], Awaitable[dict[str, Found]]],
) -> Callable[[list[str]], Awaitable[list[Found]]]:
    async def load(ids: list[str]) -> list[Found]:
        found = await read(ids)
        return [found[row_id] for row_id in ids]

    return load
