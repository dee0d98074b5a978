"""The outcome of a mutation: what it changed, from which its payload is read."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple, TypeVar, cast

from strawberry.types import get_object_definition
from strawberry.types.base import StrawberryList, StrawberryOptional
from strawberry.types.enum import StrawberryEnumDefinition
from strawberry.utils.str_converters import to_camel_case
from tortoise.models import Model

from models.storage.sql import ALWAYS
from schema.base.context import Info
from schema.base.field_mapping import models_of
from schema.base.mutation_fields import MutationPayload
from schema.base.projections import read_by_id, read_by_ids
from schema.base.selections import inner_type
from schema.types.node_kinds import rows_within

Payload = TypeVar("Payload", bound=MutationPayload)

More = Callable[[Mapping[str, Any]], Awaitable[dict[str, Any]]]
"""Computes further fields of a payload, by name, from the outcome's values."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a mutation changed.

    `values` has the fields of the payload by name: counts and the like as they are, and the ids of
    objects, which are read only when the payload is made. It is stored with an idempotency key, so
    it has no data of a person. `shown_once` has fields that only the first answer shows.
    `is_replayed` says that an earlier request made the change.
    """

    values: Mapping[str, Any]
    shown_once: Mapping[str, Any] = field(default_factory=dict)
    is_replayed: bool = False


def outcome(
    *, is_replayed: bool = False, shown_once: Mapping[str, Any] | None = None, **values: Any
) -> Outcome:
    """Return the outcome with these fields of the payload; rows are given in place of their ids."""
    ids = {name: _without_rows(value) for name, value in values.items()}
    return Outcome(ids, shown_once or {}, is_replayed)


async def payload_of(
    info: Info, payload: type[Payload], outcome: Outcome, more: More | None = None
) -> Payload:
    """Return the payload for an outcome, with the objects that the document selects.

    If the outcome is that of an earlier request, objects that were deleted meanwhile, or that the
    caller may no longer see, are null or left out.
    """
    known = _fields_of(cast("type", payload))
    values = {
        name: await _shown(info, known[name], value, is_replayed=outcome.is_replayed)
        for name, value in outcome.values.items()
    }
    if more is not None:
        values |= await more(outcome.values)
    made = payload(**values, **outcome.shown_once)
    made.is_replayed = outcome.is_replayed
    return made


class _Field(NamedTuple):
    """A field of a payload: its name in the schema, its type or that of its entries."""

    name: str
    kind: Any
    is_list: bool


async def _shown(info: Info, known: _Field, value: Any, *, is_replayed: bool) -> Any:
    """Return the value of a payload's field for its value in the outcome."""
    kind = known.kind
    if isinstance(kind, type) and kind in models_of:
        within = rows_within(info, kind) if is_replayed else ALWAYS
        if known.is_list:
            return await read_by_ids(info, kind, value, known.name, within=within)
        if value is None:
            return None
        return await read_by_id(info, kind, value, known.name, within=within)
    if known.is_list and isinstance(kind, StrawberryEnumDefinition):
        return [kind.wrapped_cls(one) for one in value]
    return value


@cache
def _fields_of(payload: type) -> dict[str, _Field]:
    found = {}
    for one in get_object_definition(payload, strict=True).fields:
        kind: Any = one.type
        if isinstance(kind, StrawberryOptional):
            kind = kind.of_type
        name = one.graphql_name or to_camel_case(one.python_name)
        is_list = isinstance(kind, StrawberryList)
        found[one.python_name] = _Field(name, inner_type(one.type), is_list)
    return found


def _without_rows(value: Any) -> Any:
    if isinstance(value, Model):
        return value.pk
    return [_without_rows(one) for one in value] if isinstance(value, list | tuple) else value
