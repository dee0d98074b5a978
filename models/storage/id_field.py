"""The column type of ids."""

from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload

from tortoise import fields
from tortoise.models import Model

Text = TypeVar("Text", str, str | None)


class IdField(fields.CharField[Text]):
    """An id of up to `max_length` characters.

    A query for a longer id finds no row. Tortoise's own field would raise ValidationError, although
    callers can send any text as an id. Rows with a longer id are still refused.
    """

    if TYPE_CHECKING:  # otherwise mypy takes nullable columns for columns without null

        @overload
        def __init__(
            self: "IdField[str]", max_length: int, *, null: Literal[False] = False, **more: Any
        ) -> None: ...

        @overload
        def __init__(
            self: "IdField[str | None]", max_length: int, *, null: Literal[True], **more: Any
        ) -> None: ...

        def __init__(self, max_length: int, **more: Any) -> None: ...

    def to_db_value(self, value: Any, instance: type[Model] | Model) -> Any:
        """Return the value as the database stores it; `instance` is a model class in queries."""
        if isinstance(instance, Model) or not isinstance(value, str):
            return super().to_db_value(value, instance)
        return value

    def describe(self, serializable: bool) -> dict[str, Any]:  # as in Tortoise
        """Describe the column as a text column, as migrations know it."""
        kind = fields.CharField.__name__ if serializable else fields.CharField
        return {**super().describe(serializable), "field_type": kind}

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        """Return how migrations write the column: as a text column."""
        _, arguments, keywords = super().deconstruct()
        return f"{fields.CharField.__module__}.CharField", arguments, keywords
