"""Indexes that Tortoise has no word for."""

from typing import Any

from tortoise.indexes import Index


class IndexWhere(Index):
    """An index of those rows only that meet a condition, on either database.

    A statement uses it when it says the condition in the same words.
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
    """Index what is not erased: erased rows share a name, and lists would wade through them."""
    return IndexWhere(fields=fields, where="erased_at IS NULL")
