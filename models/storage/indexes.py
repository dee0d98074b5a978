"""Partial indexes: Tortoise itself offers none that work on both PostgreSQL and SQLite."""

from typing import Any

from tortoise.indexes import Index


class IndexWhere(Index):
    """A partial index on PostgreSQL or SQLite; `where` is its condition in SQL.

    The database uses the index only for statements that repeat the condition literally.
    """

    def __init__(self, *, fields: tuple[str, ...] | list[str], where: str) -> None:
        super().__init__(fields=fields)
        self.where = where
        self.extra = f" WHERE {where}"

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        """Return class path, arguments and options, with which a migration creates the index."""
        path, arguments, options = super().deconstruct()
        return path, arguments, {**options, "where": self.where}


def of_living(*fields: str) -> IndexWhere:
    """Return an index without erased rows, all of which have the same name."""
    return IndexWhere(fields=fields, where="erased_at IS NULL")
