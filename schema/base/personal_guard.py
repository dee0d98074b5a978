"""Refuses to build a schema that exposes a column of personal data without a mask."""

from collections.abc import Iterator, Mapping

from strawberry.types import get_object_definition
from strawberry.types.field import StrawberryField
from tortoise.models import Model

import models
from models.tables.personal_columns import Content, columns_with
from schema.base.field_mapping import READ, Batched, Computed, models_of
from schema.base.personal import PERSONAL
from schema.base.selections import known_fields

SAYS_NOTHING = frozenset({"Customer.advisories", "ConsentEntry.is_pseudonymised"})
"""Fields that read a column of personal data, but reveal nothing about a person.

No advisory depends on a masked name, and `isPseudonymised` tells only whether a salt is stored.
"""


class UnmaskedError(Exception):
    """Raised if the schema exposes columns of personal data without a mask."""


def refuse_unmasked(kinds: Mapping[type, type[Model]] = models_of) -> None:
    """Raise UnmaskedError, naming the fields, if a type exposes personal data without a mask.

    `kinds` maps GraphQL types to their tables.
    """
    unmasked = {
        f"{name}.{field.python_name}"
        for kind, model in kinds.items()
        for name in (get_object_definition(kind, strict=True).name,)
        for field in known_fields(kind).values()
        if PERSONAL not in field.metadata and any(map(_is_personal, *_columns(model, field)))
    }
    if unmasked - SAYS_NOTHING:
        raise UnmaskedError(
            f"These fields show personal columns: {', '.join(sorted(unmasked - SAYS_NOTHING))}."
            " Mask them by `personal` or `masked=` (schema/base/personal.py). If a column cannot"
            " name a person, declare it as Content.OPEN (models/tables/personal_columns.py)."
        )


def _columns(model: type[Model], field: StrawberryField) -> tuple[list[type[Model]], list[str]]:
    """Return the tables of the columns that a field reads, and the columns' names in that order."""
    found = [_located(model, path) for path in _paths(field)]
    return [table for table, _ in found], [name for _, name in found]


def _paths(field: StrawberryField) -> Iterator[str]:
    way = field.metadata.get(READ)
    if isinstance(way, Computed | Batched):
        yield from way.columns
    elif way is None and field.base_resolver is None:
        yield field.python_name


def _located(model: type[Model], path: str) -> tuple[type[Model], str]:
    """Return the table and the column that a path such as `testimony.given_by` leads to."""
    *references, column = path.split(".")
    for reference in references:
        name: str = model._meta.fields_map[reference].model_name  # type: ignore[attr-defined]  # of a reference
        model = getattr(models, name.rpartition(".")[2])
    return model, column


def _is_personal(model: type[Model], column: str) -> bool:
    return column in columns_with(model, Content.PERSONAL)
