"""Partial indexes, which Tortoise does not offer for both databases."""

from typing import Any

from tortoise.indexes import Index


class IndexWhere(Index):
    """A partial index on either database.

    A statement can use it if it repeats the condition literally.
    """

    def __init__(self, *, fields: tuple[str, ...] | list[str], where: str) -> None:
        super().__init__(fields=fields)
        self.where = where
        self.extra = f" WHERE {where}"

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        """Return how a migration writes it."""
        path, arguments, options = super().deconstruct()
        return path, arguments, {**options, "where": self.where}


def of_living(*fields: str) -> IndexWhere:
    """Return a partial index of rows that are not erased; erased rows all share one name."""
    return IndexWhere(fields=fields, where="erased_at IS NULL")
